from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "backhaul.payments"
    label = "payments"
