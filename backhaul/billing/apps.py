from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "backhaul.billing"
    label = "billing"
