from django.apps import AppConfig


class SubscribersConfig(AppConfig):
    name = "backhaul.subscribers"
    label = "subscribers"
