from django.apps import AppConfig


class ResellersConfig(AppConfig):
    name = "backhaul.resellers"
    label = "resellers"
