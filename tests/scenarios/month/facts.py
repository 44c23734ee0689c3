"""What the recomputation keeps: edges, services, and the rows of its spreadsheet. Nothing of the product."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time

from tests.scenarios.month.arithmetic import DAY, days, part, share, vat_of_part

CUTS = {"fund_short", "upstream_short", "expired"}  # lifted by the billing that follows
BY_HAND = {"by_hand", "left"}  # a person's stop leaves its first day enabled
NEVER = datetime.combine(date.max, time())
WHY = {"by_hand": "operator", "unpaid": "unpaid", "expired": "unpaid", "fund_short": "short", "upstream_short": "short"}


@dataclass
class Edge:
    """An operator and its edge to its parent; of the ISP only VAT counts. `chain`: from its own edge up to the top."""

    id: int
    parent: int
    chain: list[Edge]
    vat_bp: int = 0
    mode: str = "prepaid"
    timing: str = "upfront"
    credit_limit: int = 0
    exposure: int | None = None
    low_balance: int = 0
    short_days: int = 1
    started: bool = True
    refund: str = "unused_days"
    refund_minimum: int = 0
    release_after: int | None = None
    credits: tuple[str, ...] = ()
    posted: int = 0
    owed: int = 0

    @property
    def left(self) -> int:
        """What may still be charged (SPEC 2.2)."""
        room = self.credit_limit
        if self.exposure is not None:
            used = self.owed if self.mode == "prepaid" else self.credit_limit
            room = (
                max(0, min(room, self.exposure - used)) if self.mode == "prepaid" else min(room, self.exposure - used)
            )
        return self.posted + room if self.mode == "prepaid" else room - self.owed

    def pay(self, amount: int) -> None:
        """A charge; below zero: a refund."""
        if self.mode == "prepaid":
            self.posted -= amount
        else:
            self.owed += amount


@dataclass
class Profile:
    """The rules that the month uses."""

    kind: str  # monthly | anniversary | arrears | validity | free
    due_days: int
    grace_days: int
    suspends: bool
    credits: tuple[str, ...]
    validity: int = 0


@dataclass
class Given:
    """Days of something at a price, and what of them was given back."""

    start: date
    end: date
    price: int
    whole: int  # days of the whole cycle
    first: int  # day of the cycle that `start` is
    net: int
    vat: int
    back: set[date] = field(default_factory=set)
    back_net: int = 0
    back_vat: int = 0

    def value(self, some: Iterable[date]) -> int:
        """What these days cost at its price."""
        at = [self.first + (day - self.start).days for day in some]
        return sum(part(self.price, n, n + 1, self.whole) for n in at)

    def unused(self, from_on: date) -> list[date]:
        """Its days from a day on that were not given back."""
        return [day for day in days(max(self.start, from_on), self.end) if day not in self.back]


@dataclass
class Charge(Given):
    """What one edge was charged for one service."""

    edge: int = 0
    period: date = date.min  # start of the bill that it belongs to
    released: set[date] = field(default_factory=set)

    def give_back(self, some: list[date], keep: int = 0) -> tuple[int, int]:
        """Give days back, less what is kept of them: net and VAT."""
        net = self.value(some) - keep
        vat = vat_of_part(self.net, self.vat, self.back_net + net) - vat_of_part(self.net, self.vat, self.back_net)
        self.back.update(some)
        self.back_net += net
        self.back_vat += vat
        return net, vat


@dataclass
class Bill(Given):
    """A bill; in arrears `worth` has what each of its enabled days cost."""

    discount: int = 0
    total: int = 0
    due_on: date = date.min
    open: int = 0
    worth: dict[date, int] | None = None

    def value(self, some: Iterable[date]) -> int:
        if self.worth is None:
            return super().value(some)
        return sum(self.worth.get(day, 0) for day in some)

    def credit(self, some: list[date]) -> tuple[int, int]:
        """A credit note for days, in proportion to what is asked after the discount: net and VAT."""
        asked, whole = self.net - self.discount, self.value(days(self.start, self.end))
        before, now = self.value(self.back), self.value(some)
        net = share(asked, before + now, whole) - share(asked, before, whole)
        vat = vat_of_part(asked, self.vat, self.back_net + net) - vat_of_part(asked, self.vat, self.back_net)
        self.back.update(some)
        self.back_net += net
        self.back_vat += vat
        return net, vat


@dataclass
class Block:
    reason: str
    from_at: datetime
    to_at: datetime | None = None


@dataclass
class Service:
    """A customer with its one service."""

    id: int
    edge: Edge  # of its operator
    profile: Profile
    anchor: int
    packages: list[tuple[date, int]]
    own_prices: list[tuple[date, int | None]]
    billed_to: date
    charged_to: date
    days_to: date
    running: date | None = None  # billed in arrears: where the running period began
    left_on: date | None = None
    advance: int = 0
    discount: tuple[date, int, int] | None = None  # from, amount, part in bp
    blocks: list[Block] = field(default_factory=list)
    held: tuple[date, Edge, bool] | None = None  # since, short edge, a day of a daily edge
    bills: list[Bill] = field(default_factory=list)
    charges: list[Charge] = field(default_factory=list)
    outages: set[date] = field(default_factory=set)

    @property
    def reasons(self) -> set[str]:
        """Why it is off now."""
        return {block.reason for block in self.blocks if block.to_at is None}

    @property
    def due(self) -> int:
        return sum(bill.open for bill in self.bills)

    def lift(self, reasons: set[str], at: datetime) -> None:
        for block in self.blocks:
            if block.to_at is None and block.reason in reasons:
                block.to_at = at

    def stop(self, reason: str, at: datetime) -> None:
        if reason not in self.reasons:
            self.blocks.append(Block(reason, at))

    def off(self, last: date) -> dict[date, str]:
        """The days before `last` on which it was not enabled, and why (SPEC §1, 2.5)."""
        spells: list[tuple[datetime, datetime, bool]] = []
        blocks = sorted(self.blocks, key=lambda b: (b.from_at, b.to_at or NEVER))
        for block in blocks:
            ends = block.to_at or NEVER
            if spells and block.from_at <= spells[-1][1]:
                spells[-1] = (spells[-1][0], max(ends, spells[-1][1]), spells[-1][2])
            else:
                spells.append((block.from_at, ends, block.reason in BY_HAND))
        back = {ends.date() for _, ends, _ in spells}
        found: dict[date, str] = {}
        for begins, ends, by_hand in spells:
            for day in days(begins.date() + by_hand * DAY, min(ends.date(), last)):
                if day not in back:
                    found[day] = next(
                        WHY.get(b.reason, "other")
                        for b in blocks
                        if b.from_at.date() <= day and (b.to_at is None or b.to_at.date() > day)
                    )
        return found
