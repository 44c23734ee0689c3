from django.apps import AppConfig
from django.utils.translation import gettext

from backhaul.common.errors import Refusal


class WebConfig(AppConfig):
    name = "backhaul.web"
    label = "web"

    def ready(self) -> None:
        """From now on refusals are said in the language of whoever is served; the contexts know of none."""
        Refusal.translated = staticmethod(gettext)
