"""The model's services: periods, stops, what is given back, customers' money (SPEC 2.3–2.8); funds and books: model."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

from tests.scenarios.model import Bill, Funds, Span, cycle_of, half_up, in_force, refuse, vat_back

DUE_DAYS = 7
SHORT_DAYS, UPSTREAM_DAYS = 1, 3
DAY = timedelta(days=1)


@dataclass
class Service:
    """A customer with one service of an operator. `payments`: (amount, 0 once taken back; day).

    `off_from`: the first whole day off of its last stop, which lasted until `back_on`.
    """

    owner: int
    anchor: int
    plan: int
    billed_until: date
    day_until: date
    own_prices: dict[date, int | None] = field(default_factory=dict)
    discount: tuple[date, int, int] | None = None
    advance: int = 0
    blocks: set[str] = field(default_factory=set)
    off_from: date = date.max
    back_on: date | None = None
    held: tuple[date, int, bool] | None = None
    bills: list[Bill] = field(default_factory=list)
    charges: list[Span] = field(default_factory=list)
    payments: list[tuple[int, date]] = field(default_factory=list)

    @property
    def due(self) -> int:
        return sum(bill.open for bill in self.bills)


@dataclass
class Model(Funds):
    """The whole business. `packages`: retail prices by plan and day."""

    packages: list[dict[date, int]] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)

    # -- periods ------------------------------------------------------------------------------------------------------

    def chain(self, owner: int) -> list[int]:
        """The edges above an operator, its own first."""
        return [owner, *self.chain(self.edges[owner].parent)] if owner else []

    def due(self, s: Service) -> tuple[str, date] | None:
        """The next step of a service that may be taken today, and the day on which it begins."""
        if any(not why.endswith("_short") for why in s.blocks):
            return None
        if s.billed_until <= self.today:
            return "period", self.today if s.blocks else s.billed_until
        if s.day_until <= self.today and any(self.edges[child].daily for child in self.chain(s.owner)):
            return "day", self.today if s.blocks else s.day_until
        return None

    def costs(self, s: Service, kind: str, start: date) -> list[Span]:
        """What a step costs on each edge: an upfront edge takes the cycle, a daily one the day."""
        (first, end), found = cycle_of(start, s.anchor), []
        for child in self.chain(s.owner):
            edge = self.edges[child]
            if edge.daily or kind == "period":
                until = start + DAY if edge.daily else end
                price = in_force(edge.prices[s.plan], start)
                span = Span(child, start, until, first, (end - first).days, price, 0, 0)
                span.asked = span.value(start, until)
                span.vat = half_up(span.asked * self.sellers[edge.parent].rate, 10_000)
                found.append(span)
        return found

    def retail(self, s: Service, start: date) -> Bill:
        first, end = cycle_of(start, s.anchor)
        price = self.price(s, start)
        bill = Bill(
            -1, start, end, first, (end - first).days, price, 0, 0, ends=end, due_on=self.today + DUE_DAYS * DAY
        )
        net = bill.value(start, end)
        if s.discount and s.discount[0] <= start:
            bill.discount = min(net, s.discount[1] or half_up(net * s.discount[2], 10_000))
        bill.asked = net - bill.discount
        bill.vat = half_up(bill.asked * self.sellers[s.owner].rate, 10_000)
        bill.total = bill.open = bill.asked + bill.vat
        return bill

    def price(self, s: Service, on: date) -> int:
        own = [s.own_prices[day] for day in sorted(s.own_prices) if day <= on]
        return (own and own[-1]) or in_force(self.packages[s.plan], on)

    def short(self, spans: list[Span]) -> int | None:
        """The edge, deepest first, that cannot bear its part; None: all can."""
        return next((a.edge for a in spans if self.edges[a.edge].available < a.asked + a.vat), None)

    def take(self, s: Service, kind: str, start: date, spans: list[Span]) -> None:
        """All of a step: charges on every edge, the bill, what the advance pays of it."""
        for span in spans:
            self.wholesale(span.edge, span.asked, span.vat)
        s.charges += spans
        if s.blocks:
            s.blocks, s.back_on = set(), self.today
        s.held, s.day_until = None, start + DAY
        if kind == "period":
            bill = self.retail(s, start)
            s.billed_until = bill.ends
            s.bills.append(bill)
            self.post(s.owner, "receivable_customers", "internet_revenue", bill.asked)
            self.post(s.owner, "discounts_given", "internet_revenue", bill.discount)
            self.post(s.owner, "receivable_customers", "vat_payable", bill.vat)
            self.use_advance(s, bill, min(s.advance, bill.total))

    def use_advance(self, s: Service, bill: Bill, amount: int) -> None:
        bill.settle(None, amount)
        s.advance -= amount
        self.post(s.owner, "customer_advances", "receivable_customers", amount)

    def hold(self, s: Service, kind: str, child: int) -> None:
        s.held = (s.held[0] if s.held else self.today, child, kind == "day")

    def night(self) -> None:
        """By period start, already paid, id; what does not fit waits, and is cut when it has waited too long."""
        waiting: list[int] = []
        while True:
            ranked = []
            for number, s in enumerate(self.services):
                step = self.due(s) if number not in waiting else None
                if step:
                    paid = s.due == 0 if step[0] == "day" else 0 < self.retail(s, step[1]).total <= s.advance
                    ranked.append((step[1], not paid, number, step[0]))
            if not ranked:
                break
            for start, _, number, kind in sorted(ranked):
                s = self.services[number]
                spans = self.costs(s, kind, start)
                child = self.short(spans)
                if child is None:
                    self.take(s, kind, start, spans)
                else:
                    waiting.append(number)
                    self.hold(s, kind, child)
        for s in self.services:
            if s.held and not s.blocks:
                since, child, of_day = s.held
                patience = SHORT_DAYS if child == s.owner else UPSTREAM_DAYS
                if of_day or (self.today - since).days >= patience:
                    self.block(s, "fund_short" if child == s.owner else "upstream_short", self.today)

    def bill_now(self, s: Service, *, hold: bool) -> None:
        """What is due of one service; where a fund is short it is refused, or held with the service off."""
        while step := self.due(s):
            spans = self.costs(s, *step)
            child = self.short(spans)
            if child is not None:
                refuse(not hold)
                self.hold(s, step[0], child)
                self.block(s, "fund_short" if child == s.owner else "upstream_short", self.today)
                return
            self.take(s, *step, spans)

    def sign_up(self, owner: int, anchor: int, plan: int) -> None:
        refuse(owner > 0 and self.edges[owner].in_debt)
        self.services.append(Service(owner, anchor, plan, self.today, self.today))
        self.bill_now(self.services[-1], hold=False)

    def stop(self, s: Service, why: str) -> None:
        refuse("left" in s.blocks or why in s.blocks)
        self.block(s, why, self.today + DAY)

    def block(self, s: Service, why: str, off_from: date) -> None:
        """A person's stop leaves its own day, a cut does not; what follows at once is the same stop."""
        if not s.blocks and s.back_on != self.today:
            s.off_from = off_from
        s.blocks.add(why)

    def bring_back(self, s: Service, why: str, *, hold: bool) -> None:
        """Days that the service was off are not billed; where it was off on no whole day it goes on where it stood."""
        refuse(why not in s.blocks)
        s.blocks.discard(why)
        if not s.blocks:
            s.back_on = self.today
            s.billed_until, s.day_until = self.resumed(s, s.billed_until), self.resumed(s, s.day_until)
            s.held = None
            self.bill_now(s, hold=hold)

    def resumed(self, s: Service, stood: date) -> date:
        """Where a service that is back goes on that stood at a day."""
        return max(stood, self.today) if max(stood, s.off_from) < self.today else stood

    # -- given back ---------------------------------------------------------------------------------------------------

    def credit(self, s: Service, first: date) -> int:
        """A credit note for the unused days of the running bill: up to what is open, the rest to the advance."""
        bill = s.bills[-1] if s.bills else None
        if bill is None or bill.used_to <= first:
            return 0
        first = max(first, bill.starts)
        whole, upto = bill.value(bill.starts, bill.ends), bill.value(first, bill.ends)
        before = bill.value(bill.used_to, bill.ends)
        net, vat = bill.unasked(upto, before, whole)
        if net <= 0:
            return 0
        bill.take_off(net, vat, first)
        to_bill = min(net + vat, bill.open)
        bill.open -= to_bill
        s.advance += net + vat - to_bill
        for code, amount, part in (
            ("internet_revenue", net, min(net, to_bill)),
            ("vat_payable", vat, to_bill - min(net, to_bill)),
        ):
            self.post(s.owner, code, "receivable_customers", part)
            self.post(s.owner, code, "customer_advances", amount - part)
        return net + vat

    def give_back(self, s: Service, first: date) -> bool:
        """Unused days at the rates charged, up every edge; whether the own edge had any."""
        own = False
        for span in s.charges:
            if span.used_to > max(first, span.starts):
                begin = max(first, span.starts)
                net = span.value(begin, span.used_to)
                vat = span.vat_of(net)
                span.take_off(net, vat, begin)
                self.wholesale(span.edge, -net, -vat)
                own = own or span.edge == s.owner
        return own

    def end_on(self, s: Service, day: date) -> None:
        s.billed_until, s.day_until = min(s.billed_until, day), min(s.day_until, day)

    def leave(self, s: Service, *, credit_customer: bool) -> None:
        """Today is consumed."""
        self.stop(s, "left")
        credit = self.credit(s, self.today + DAY) if credit_customer else 0
        own = self.give_back(s, self.today + DAY)
        s.held = None
        if credit or own:
            self.end_on(s, self.today + DAY)

    def change(self, s: Service, plan: int) -> None:
        """Today belongs to the new package; an own price ends with the old one."""
        refuse(plan == s.plan or bool(s.blocks) or s.held is not None or s.billed_until < self.today)
        dearer = in_force(self.packages[plan], self.today) > self.price(s, self.today)
        refuse(dearer and s.owner > 0 and self.edges[s.owner].in_debt)
        self.credit(s, self.today)
        self.give_back(s, self.today)
        if s.own_prices:
            s.own_prices = {day: price if day < self.today else None for day, price in s.own_prices.items()}
            s.own_prices[self.today] = None
        s.plan = plan
        self.end_on(s, self.today)
        self.bill_now(s, hold=False)

    # -- customers' money ---------------------------------------------------------------------------------------------

    def pay(self, s: Service, amount: int, on: date) -> None:
        """Oldest due first, the rest is advance."""
        number, left = len(s.payments), amount
        for bill in sorted(s.bills, key=lambda bill: bill.due_on):
            part = min(left, bill.open)
            bill.settle(number, part)
            left -= part
        s.advance += left
        s.payments.append((amount, on))
        self.post(s.owner, "cash", "receivable_customers", amount - left, on)
        self.post(s.owner, "cash", "customer_advances", left, on)
        self.back_if_paid(s)

    def back_if_paid(self, s: Service) -> None:
        if "unpaid" in s.blocks and not any(bill.open and bill.due_on < self.today for bill in s.bills):
            self.bring_back(s, "unpaid", hold=True)

    def reverse(self, s: Service, number: int, on: date) -> None:
        """Its bills are open again; of its surplus, what later bills used is taken back from the newest first."""
        amount, _ = s.payments[number]
        refuse(not amount)
        s.payments[number] = (0, on)
        applied = sum(bill.by(number) for bill in s.bills)
        missing = amount - applied - s.advance
        for bill in s.bills:
            bill.settle(number, -bill.by(number))
        for bill in sorted(s.bills, key=lambda bill: bill.due_on)[::-1]:
            part = min(bill.by(None), max(0, missing))
            self.use_advance(s, bill, -part)
            missing -= part
        s.advance -= amount - applied
        self.post(s.owner, "receivable_customers", "cash", applied, on)
        self.post(s.owner, "customer_advances", "cash", amount - applied, on)

    def give_discount(self, s: Service, number: int, net: int) -> None:
        bill = s.bills[number]
        refuse(net <= 0)
        vat = max(
            0, min(bill.vat - bill.given_vat, vat_back(bill.asked, bill.vat, bill.net_back + net) - bill.given_vat)
        )
        refuse(net + vat > bill.open)
        bill.lower(net, vat)
        bill.open -= net + vat
        self.post(s.owner, "discounts_given", "receivable_customers", net)
        self.post(s.owner, "vat_payable", "receivable_customers", vat)
        self.back_if_paid(s)

    def write_off(self, s: Service, number: int) -> None:
        bill = s.bills[number]
        refuse(not bill.open)
        vat = vat_back(bill.total, bill.vat, bill.open) if self.sellers[s.owner].relief else 0
        vat = min(vat, bill.vat - bill.given_vat)
        net, bill.open = bill.open - vat, 0
        bill.lower(net, vat)
        self.post(s.owner, "bad_debt", "receivable_customers", net)
        self.post(s.owner, "vat_payable", "receivable_customers", vat)
