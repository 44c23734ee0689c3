from django.apps import AppConfig


class OperatorsConfig(AppConfig):
    name = "backhaul.operators"
    label = "operators"
