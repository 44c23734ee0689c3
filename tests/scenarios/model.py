"""A small model of SPEC §2 and §3 in plain integers: arithmetic, funds and books; the rest is in model_services."""

from __future__ import annotations

from calendar import monthrange
from collections import Counter
from dataclasses import dataclass, field
from datetime import date

# Movements of a fund by the table of SPEC §3: the parent's debit and credit, the child's debit and credit.
MOVES = {
    "recharge": ("cash", "operator_funds", "fund", "paid_to_provider"),
    "recharge_credit": ("receivable_operators", "operator_funds", "fund", "payable_to_provider"),
    "recharge_repaid": ("cash", "receivable_operators", "payable_to_provider", "paid_to_provider"),
    "used_up": ("receivable_operators", "cash", "paid_to_provider", "payable_to_provider"),
    "bonus": ("discounts_given", "operator_funds", "fund", "other_income"),
    "deduction": ("operator_funds", "other_income", "penalties", "fund"),
    "transfer": ("transfers_between", "operator_funds", "fund", "paid_to_provider"),
    "net": ("operator_funds", "wholesale_revenue", "wholesale_cost", "fund"),
    "vat": ("operator_funds", "vat_payable", "wholesale_cost", "fund"),
    "input_vat": ("operator_funds", "vat_payable", "input_vat", "fund"),
}
POSTPAID = {"operator_funds": "receivable_operators", "fund": "payable_to_provider"}


class Refused(Exception):
    """What the rules do not allow; nothing of it may stay."""


def refuse(wrong: bool) -> None:
    if wrong:
        raise Refused


def half_up(top: int, bottom: int) -> int:
    return (2 * top + bottom) // (2 * bottom)


def worth(price: int, first: int, end: int, days: int) -> int:
    """A(end) − A(first) of SPEC 2.5."""
    return half_up(price * end, days) - half_up(price * first, days)


def vat_back(net: int, vat: int, part: int) -> int:
    """The VAT that what is kept, when a part of a net is given back, does not carry."""
    return vat - half_up(vat * (net - part), net) if net else 0


def cycle_of(day: date, anchor: int) -> tuple[date, date]:
    """The cycle between two anchors that a day lies in; a month that is too short ends it on its last day."""
    months = [(day.year * 12 + day.month - 1 + n) for n in (-1, 0, 1)]
    ends = [date(m // 12, m % 12 + 1, min(anchor, monthrange(m // 12, m % 12 + 1)[1])) for m in months]
    return (ends[1], ends[2]) if ends[1] <= day else (ends[0], ends[1])


def in_force(versions: dict[date, int], day: date) -> int:
    return versions[max(start for start in versions if start <= day)]


@dataclass
class Seller:
    """An operator's VAT switches."""

    rate: int = 0
    reclaims: bool = True
    relief: bool = False


@dataclass
class Edge:
    """A fund; `prices`: wholesale by plan and day. `came`: what came into it, oldest first.

    `in_debt`: a recharge was taken back that was used up already; `lent_since`: what was owed more since then.
    """

    parent: int
    postpaid: bool
    daily: bool
    prices: list[dict[date, int]]
    limit: int = 0
    posted: int = 0
    owed: int = 0
    came: list[int] = field(default_factory=list)
    recharges: list[tuple[int, int]] = field(default_factory=list)
    bonuses: list[int] = field(default_factory=list)
    in_debt: bool = False
    lent_since: int = 0

    @property
    def available(self) -> int:
        return self.limit - self.owed if self.postpaid else self.posted + self.limit


@dataclass
class Span:
    """Days that were charged or billed; those from `used_to` on were given back. `asked` is net of discount."""

    edge: int
    starts: date
    used_to: date
    cycle_on: date
    days: int
    price: int
    asked: int
    vat: int
    net_back: int = 0
    given_vat: int = 0

    def value(self, first: date, end: date) -> int:
        return worth(self.price, (first - self.cycle_on).days, (end - self.cycle_on).days, self.days)

    def vat_of(self, part: int) -> int:
        before, after = (vat_back(self.asked, self.vat, self.net_back + more) for more in (0, part))
        return max(0, min(self.vat - self.given_vat, after - before))

    def take_off(self, net: int, vat: int, used_to: date | None = None) -> None:
        self.net_back, self.given_vat, self.used_to = self.net_back + net, self.given_vat + vat, used_to or self.used_to


@dataclass
class Bill(Span):
    """A demand; `paid`: by which payment (None: the advance) how much."""

    ends: date = date.min
    due_on: date = date.min
    discount: int = 0
    total: int = 0
    open: int = 0
    paid: list[tuple[int | None, int]] = field(default_factory=list)
    lowered: tuple[int, int] = (0, 0)  # net and VAT that later discounts and write-offs ask no more

    def lower(self, net: int, vat: int) -> None:
        self.take_off(net, vat)
        self.lowered = (self.lowered[0] + net, self.lowered[1] + vat)

    def unasked(self, part: int, before: int, whole: int) -> tuple[int, int]:
        """Net and VAT of days worth `part` − `before` of the whole, at what the bill asks in the end."""
        asked, vat = self.asked - self.lowered[0], self.vat - self.lowered[1]
        noted, noted_vat = self.net_back - self.lowered[0], self.given_vat - self.lowered[1]
        share = half_up(asked * part, whole) - half_up(asked * before, whole) if whole else 0
        net = min(asked - noted, share)
        if net <= 0:
            return 0, 0
        back = vat_back(asked, vat, noted + net) - vat_back(asked, vat, noted)
        return net, max(0, min(vat - noted_vat, back))

    def by(self, payment: int | None) -> int:
        return sum(amount for who, amount in self.paid if who == payment)

    def settle(self, payment: int | None, amount: int) -> None:
        self.open -= amount
        self.paid.append((payment, amount))


@dataclass
class Funds:
    """Every fund and all books. Operators are numbered from the ISP (0) down; the last is a sibling of the leaf."""

    sellers: list[Seller]
    edges: dict[int, Edge]
    today: date
    lines: list[tuple[int, date, str, str, int]] = field(default_factory=list)

    def balances(self, operator: int, through: date = date.max) -> Counter[str]:
        """Debits less credits of every account that is not zero."""
        found: Counter[str] = Counter()
        for owner, on, debit, credit, amount in self.lines:
            if owner == operator and on <= through:
                found[debit] += amount
                found[credit] -= amount
        return Counter({code: net for code, net in found.items() if net})

    def post(self, operator: int, debit: str, credit: str, amount: int, on: date | None = None) -> None:
        if amount:
            self.lines.append((operator, on or self.today, debit, credit, amount))

    def move(self, kind: str, child: int, amount: int, on: date, *, postpaid: bool = False) -> None:
        """A movement of one fund with its entry in both books; a negative amount swaps the sides."""
        edge = self.edges[child]
        one, two, three, four = (POSTPAID.get(code, code) if postpaid else code for code in MOVES[kind])
        into = amount * ((three == "fund") - (four == "fund"))
        owed = amount * ((four == "payable_to_provider") - (three == "payable_to_provider"))
        edge.posted, edge.owed, edge.lent_since = edge.posted + into, edge.owed + owed, edge.lent_since + max(0, owed)
        edge.came += [into] if into > 0 else []
        self.post(edge.parent, one, two, amount, on)
        self.post(child, three, four, amount, on)

    def recharge(self, child: int, kind: str, amount: int, on: date) -> None:
        edge = self.edges[child]
        refuse(kind == "recharge_credit" and edge.postpaid and edge.owed + amount > edge.limit)
        refuse(kind == "recharge_repaid" and amount > edge.owed)
        if kind == "bonus":
            edge.bonuses.append(len(edge.came))
        elif kind == "recharge":
            edge.recharges.append((len(edge.came), amount))
        self.move(kind, child, amount, on)
        edge.in_debt = edge.in_debt and edge.owed > edge.lent_since

    def take_back_recharge(self, child: int, number: int, on: date) -> None:
        """What is no longer in the fund becomes a debt."""
        edge = self.edges[child]
        index, amount = edge.recharges[number]
        refuse(not amount)
        there = max(0, min(amount, edge.posted))
        refuse(edge.postpaid and edge.owed + amount - there > edge.limit)
        edge.recharges[number] = (index, 0)
        edge.came[index] -= there
        self.move("recharge", child, -there, on)
        self.move("used_up", child, amount - there, on)
        if there < amount:
            edge.in_debt, edge.lent_since = True, 0

    def take_back_bonus(self, child: int, number: int, on: date) -> None:
        """What came in later, and was not taken back, is used later."""
        edge = self.edges[child]
        first = edge.bonuses[number]
        unused = min(edge.came[first], edge.posted - sum(edge.came[first + 1 :])) if first >= 0 else 0
        refuse(unused <= 0)
        edge.bonuses[number] = -1
        edge.came[first] -= unused
        self.move("bonus", child, -unused, on)

    def deduct(self, child: int, amount: int, on: date) -> None:
        edge = self.edges[child]
        refuse(amount > edge.posted + (0 if edge.postpaid else edge.limit))
        self.move("deduction", child, amount, on)

    def transfer(self, child: int, to: int, amount: int, on: date) -> None:
        """What was lent is not passed on."""
        edge = self.edges[child]
        refuse(amount > edge.posted - max(0, edge.owed))
        self.move("transfer", child, -amount, on)
        self.move("transfer", to, amount, on)

    def set_limit(self, child: int, limit: int) -> None:
        edge = self.edges[child]
        refuse(edge.posted + limit < 0 or (edge.postpaid and edge.owed > limit))
        edge.limit = limit

    def wholesale(self, child: int, net: int, vat: int) -> None:
        """A charge of an edge; with negative amounts, what is given back."""
        edge, who = self.edges[child], self.sellers[child]
        self.move("net", child, net, self.today, postpaid=edge.postpaid)
        kind = "input_vat" if who.rate and who.reclaims else "vat"
        self.move(kind, child, vat, self.today, postpaid=edge.postpaid)
