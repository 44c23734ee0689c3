"""What the frame of a page shows: whose console this is, who sits before it, the fund and the menu.

Views never build it; the page decorator puts a `Shell` on the request as `request.shell`, and the sign-in and error
pages use the `Brand` of the host name (`request.brand`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

FundState = Literal["ok", "low", "blocked"]


def initials(name: str) -> str:
    """At most two letters that stand for a name: "Padma Net" gives "PN"."""
    words = [word for word in name.split() if word[0].isalnum()]
    return "".join(word[0] for word in words[:2]).upper()


@dataclass(frozen=True)
class Brand:
    """An operator's own look. `colour` is six hexadecimal digits without #, or empty for the product's own blue; `mark`
    is the square picture. `sender` and `reply_to` are those of its mails."""

    name: str
    colour: str = ""
    logo_url: str = ""
    mark_url: str = ""
    sender: str = ""
    reply_to: str = ""

    @property
    def initials(self) -> str:
        return initials(self.name)


@dataclass(frozen=True)
class NavItem:
    label: str
    href: str
    icon: str
    active: bool = False
    count: int = 0
    key: str = ""  # the letter that opens it after g


@dataclass(frozen=True)
class NavGroup:
    label: str
    items: tuple[NavItem, ...]


@dataclass(frozen=True)
class Fund:
    """The operator's money with its provider, as the chip in the top bar shows it."""

    available_minor: int
    href: str
    state: FundState = "ok"

    @property
    def tone(self) -> str:
        return {"ok": "green", "low": "amber", "blocked": "red"}[self.state]


@dataclass(frozen=True)
class Acting:
    """Shown as a banner while somebody from above works inside this operator. `step_up_href`: while it only looks;
    `changes_until`: while it does not."""

    subject: str
    reason: str
    until: datetime
    minutes_left: int
    return_href: str
    step_up_href: str = ""
    changes_until: datetime | None = None


@dataclass(frozen=True)
class Shell:
    brand: Brand
    operator_name: str
    operator_kind: str
    user_name: str
    user_role: str
    currency: str
    home_href: str
    sign_out_href: str
    password_href: str = ""
    search_href: str = ""
    fund: Fund | None = None
    nav: tuple[NavGroup, ...] = ()
    quick: tuple[NavItem, ...] = ()
    actions: tuple[NavItem, ...] = ()  # what the palette offers beside pages
    acting: Acting | None = None
    jobs: dict[str, int] = field(default_factory=dict)  # one's own long work: unseen ends, and what runs
    may: frozenset[str] = frozenset()  # permissions, for links that only some see

    @property
    def all_items(self) -> Iterable[NavItem]:
        return [item for group in self.nav for item in group.items]
