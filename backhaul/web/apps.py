from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "backhaul.web"
    label = "web"
