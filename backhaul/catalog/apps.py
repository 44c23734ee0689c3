from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "backhaul.catalog"
    label = "catalog"
