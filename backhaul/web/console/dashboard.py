"""The first page: how the operator stands today, for each person what its work needs."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from backhaul.common.errors import NotAllowed, NotFound
from backhaul.web.console.dashboard_cards import BY_KEY, Card, Figures, cards_of
from backhaul.web.console.pages import PageRequest, page, show

MAY_BE_EMPTY = ("held", "children")


@page("dashboard.view")
def dashboard(request: PageRequest) -> HttpResponse:
    """GET /"""
    figures = Figures(request)
    drawn = [_drawn(card, {} if card.later else card.build(figures)) for card in cards_of(request)]
    places = {place: [card for card in drawn if card["place"] == place] for place in ("top", "main", "side")}
    says_something = any(card["key"] not in MAY_BE_EMPTY for card in (*places["main"], *places["side"]))
    return show(request, "dashboard", {"places": places, "is_bare": not says_something})


@page("dashboard.view")
def card(request: PageRequest, key: str) -> HttpResponse:
    """GET dashboard/<card>/: one card, for a page that is already shown."""
    found = BY_KEY.get(key)
    if found is None:
        raise NotFound("There is no such card.")
    if not found.needs <= request.scope.permissions:
        raise NotAllowed("Your role does not include what this card shows.")
    if not found.only(request):
        return HttpResponse()  # it was for this person when the page was drawn: it goes away
    return show(request, "dashboard_card", {"card": _drawn(found, found.build(Figures(request)))})


def _drawn(card: Card, shown: dict[str, Any]) -> dict[str, Any]:
    waits = card.later and not shown
    return {
        "key": card.key,
        "topics": card.topics,
        "place": card.place,
        "template": card.template,
        "waits": waits,
    } | shown
