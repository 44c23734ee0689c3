"""Who may be meant by a customer that is about to be added: a warning, never a refusal (SPEC B8)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from backhaul.network.queries import find_taken_usernames
from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope
from backhaul.subscribers.queries import get_numbering
from backhaul.subscribers.rules import plain_digits, suggest_username

TRIES = 50
ALIKE = 0.55  # of the three-letter pieces of both names together


@dataclass(frozen=True)
class Sought:
    """What is known of the new customer while it is typed."""

    name: str = ""
    mobile: str = ""
    zone_id: int | None = None
    mac: str = ""
    request_key: str | None = None


def find_lookalikes(sought: Sought) -> list[dict[str, Any]]:
    """Customers with the same mobile or MAC address, a similar name in the same zone or, without one, the same name:
    customer_id, code, name, mobile and `why`: mobile, mac, name, same_name. At most five of each; never the one that
    this very request has made."""
    me = current_scope().operator_id
    mobile = re.sub(r"[ -]", "", plain_digits(sought.mobile))
    mac = re.sub(r"[^0-9a-f]", "", sought.mac.lower())
    name = " ".join(sought.name.lower().split())
    ways = (
        ("mobile", len(mobile) >= 6, "c.mobile = %(value)s", mobile),
        ("mac", len(mac) == 12, "c.id IN (SELECT s.customer_id FROM radius_login l JOIN subscription s "
         "ON s.operator_id = l.operator_id AND s.id = l.subscription_id "
         "WHERE l.operator_id = %(me)s AND l.mac = %(value)s)", mac),
        ("name", len(name) >= 3 and sought.zone_id is not None,
         "c.zone_id = %(zone)s AND similarity(lower(c.name), %(value)s) >= %(alike)s", name),
        ("same_name", len(name) >= 3 and sought.zone_id is None,
         "c.id IN (SELECT customer_id FROM search_customers(%(value)s, 50)) AND lower(c.name) = %(value)s", name),
    )  # fmt: skip
    found = []
    for why, is_asked, where, value in ways:
        if is_asked:
            found += rows(
                "SELECT c.id AS customer_id, c.code, c.name, c.mobile, %(why)s AS why FROM customer c "
                f"WHERE c.operator_id = %(me)s AND {where} "
                "AND (%(key)s::text IS NULL OR c.request_key IS DISTINCT FROM %(key)s) ORDER BY c.id DESC LIMIT 5",
                {
                    "me": me,
                    "why": why,
                    "value": value,
                    "zone": sought.zone_id,
                    "alike": ALIKE,
                    "key": sought.request_key,
                },
            )
    return found


def is_username_taken(username: str) -> bool:
    """Whether anybody of the provider has this user name."""
    return bool(username.strip()) and bool(find_taken_usernames([username.strip()]))


def find_free_username(name: str, *, prefix: str = "") -> str:
    """A user name that nobody has: out of the customer's name, or of a prefix and the next customer number."""
    numbering = get_numbering()
    number = int(numbering["next_number"]) if numbering else 1
    first = suggest_username(name, prefix, number)
    named = not first[-1:].isdigit()
    tried = [first, *(f"{first}{n}" if named else suggest_username(name, prefix, number + n) for n in range(2, TRIES))]
    taken = find_taken_usernames(tried)
    return next((username for username in tried if username not in taken), "")
