from django.apps import AppConfig


class FundsConfig(AppConfig):
    name = "backhaul.funds"
    label = "funds"
