from django.apps import AppConfig


class IdentityConfig(AppConfig):
    name = "backhaul.identity"
    label = "identity"
