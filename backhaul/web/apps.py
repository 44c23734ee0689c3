from django.apps import AppConfig
from django.utils.translation import gettext

from backhaul.common.errors import Refusal


class WebConfig(AppConfig):
    name = "backhaul.web"
    label = "web"

    def ready(self) -> None:
        """From now on refusals are said in the language of whoever is served, their days and numbers as it writes
        them; the contexts know of none. Forms have words of their own."""
        from backhaul.web.form_words import say_in_own_words
        from backhaul.web.templatetags.console import fact

        Refusal.translated = staticmethod(gettext)
        Refusal.written = staticmethod(fact)
        say_in_own_words()
