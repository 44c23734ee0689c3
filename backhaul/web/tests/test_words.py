"""Every word of the domain that pages show has a name, in both languages."""

from __future__ import annotations

import pytest
from django.utils.translation import gettext, override

from backhaul.billing.queries import STATES as BILL_STATES
from backhaul.ledger.choices import CHART, KINDS, METHOD_ACCOUNTS, TITLES
from backhaul.network.services import CONNECTION_TYPES
from backhaul.operators.rules import ROLES
from backhaul.subscribers.rules import STATUSES
from backhaul.web.templatetags.console import STATES
from backhaul.web.words import WORDS


@pytest.mark.parametrize("name", [*(account.name for account in CHART), *TITLES.values()])
def test_accounts_and_entries_of_the_books_are_translated(name: str) -> None:
    with override("bn"):
        assert gettext(name) != name


def test_every_word_of_the_domain_has_a_name() -> None:
    assert set(WORDS["method"]) == set(METHOD_ACCOUNTS)
    assert set(WORDS["account"]) == set(KINDS)
    assert set(WORDS["role"]) == {*ROLES, "inside"}
    assert set(WORDS["connection"]) == set(CONNECTION_TYPES)
    assert set(STATUSES) <= set(STATES)
    assert {"paid", "partial", "unpaid", *BILL_STATES} <= set(STATES)
