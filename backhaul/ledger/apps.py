from django.apps import AppConfig


class LedgerConfig(AppConfig):
    name = "backhaul.ledger"
    label = "ledger"
