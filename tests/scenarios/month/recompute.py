"""The month again, from raw events alone and SPEC §2 alone: what nights and cuts do, in integers and plain dates.

A `Sheet` keeps its own funds, charges and bills, and decides itself who is billed, held, cut and brought back; what
people do is in people.py. It imports nothing of the product.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from tests.scenarios.month.arithmetic import DAY, after, cycle, days, part, vat_on
from tests.scenarios.month.facts import CUTS, Bill, Charge, Edge, Profile, Service

Cost = tuple[Edge, date, date, int, int, int]  # edge, [from, to), price, days of the cycle, day of the cycle


@dataclass
class Step:
    """What a service is due for, taken as a whole or not at all (SPEC 2.3)."""

    service: Service
    start: date
    bill: Bill | None
    cycle_end: date | None  # a cycle begins on the upfront edges
    day: date | None  # a day is charged on the daily edges; with no costs it is passed over
    costs: list[Cost]
    opens: bool = False  # a period that is billed at its end


class Sheet:
    """The state that the events lead to."""

    def __init__(self) -> None:
        self.edges: dict[int, Edge] = {}
        self.services: dict[int, Service] = {}
        self.profiles: dict[int, Profile] = {}
        self.packages: dict[int, tuple[int, int, int]] = {}  # plan, price, months
        self.tariffs: dict[tuple[int, int], list[tuple[date, int]]] = defaultdict(list)
        self.differs: list[str] = []  # outcomes that should have been others

    def replay(self, events: Iterable[tuple[Any, ...]]) -> None:
        """Take in events: (instant, what, facts …)."""
        for at, what, *facts in events:
            getattr(self, what)(at, *facts)

    def expect(self, at: datetime, what: str, outcome: str, wanted: str) -> bool:
        """Note an outcome that should have been another; whether the thing was done."""
        if outcome != wanted:
            self.differs.append(f"{at} {what}: {outcome}, should be {wanted}")
        return outcome == "ok"

    # What is there.

    def operator(self, at: datetime, id: int, parent: int | None, **terms: Any) -> None:
        up = self.edges.get(parent or 0)
        edge = Edge(id, parent or 0, [], **terms)
        edge.chain = [edge, *up.chain] if up else []
        self.edges[id] = edge

    def terms(self, at: datetime, id: int, terms: dict[str, Any]) -> None:
        for name, value in terms.items():
            setattr(self.edges[id], name, value)

    def package(self, at: datetime, id: int, plan: int, price: int, months: int) -> None:
        self.packages[id] = (plan, price, months)

    def profile(self, at: datetime, id: int, *rules: Any) -> None:
        self.profiles[id] = Profile(*rules)

    def tariff(self, at: datetime, edge: int, plan: int, starts_on: date, price: int) -> None:
        self.tariffs[edge, plan].append((starts_on, price))

    def taken_over(self, at: datetime, operator: int, id: int, *facts: Any) -> None:
        package, profile, own, joined, to = facts
        rules = self.profiles[profile]
        anchor = joined.day if rules.kind in ("anniversary", "validity") else 1
        prices: list[tuple[date, int | None]] = [(date.min, own)] if own is not None else []
        self.services[id] = Service(
            id, self.edges[operator], rules, anchor, [(date.min, package)], prices, to, to, to
        )  # fmt: skip

    # Prices.

    def plan_of(self, service: Service, day: date) -> tuple[int, int, int]:
        return self.packages[[key for since, key in service.packages if since <= day][-1]]

    def price(self, service: Service, day: date) -> int:
        """Retail of a whole term on a day: its own price, else its package's."""
        own = [price for since, price in sorted(service.own_prices, key=lambda v: v[0]) if since <= day]
        price = own[-1] if own else None
        return self.plan_of(service, day)[1] if price is None else price

    def wholesale(self, edge: Edge, plan: int, day: date) -> int:
        held = [(since, n, price) for n, (since, price) in enumerate(self.tariffs[edge.id, plan]) if since <= day]
        return max(held)[2] if edge.started else 0

    # Steps.

    def ended_by_leaving(self, s: Service, on: date) -> bool:
        """Billed in arrears: at once, unless its own edge keeps days; then the period runs on, for who comes back."""
        if s.left_on is None or s.left_on >= on:
            return False
        return not any(c.unused(s.left_on + DAY) for c in s.charges if c.edge == s.edge.id)

    def next_step(self, s: Service, on: date) -> Step | None:
        if s.running and (s.charged_to <= on or self.ended_by_leaving(s, on)):
            end = min(s.charged_to, s.left_on + DAY if s.left_on else s.charged_to)
            return Step(s, s.running, self.arrears_bill(s, s.running, end, on), None, None, [])
        if s.left_on or s.reasons - CUTS:
            return None
        daily = any(edge.timing == "daily" for edge in s.edge.chain)
        if s.charged_to <= on:
            start = self.begins(s, s.charged_to, on)
            low, high = self.cycle_of(s, start)
            bill, end = None, high
            if s.billed_to > s.charged_to:
                end = min(high, s.billed_to)
            elif s.profile.kind != "arrears":
                bill = self.period_bill(s, start, on)
                if s.profile.kind == "validity" and s.advance < bill.total:
                    return None
            opens = s.profile.kind == "arrears"
            return Step(
                s, start, bill, end, start if daily else None, self.costs(s, start, end, start, (low, high)), opens
            )
        if s.days_to <= on and daily:
            day = on if s.reasons else s.days_to
            low, high = self.cycle_of(s, day)
            if s.profile.kind == "validity":
                low, high = s.charged_to - s.profile.validity * DAY, s.charged_to
            passed = day < on and day in s.off(on)
            return Step(s, day, None, None, day, [] if passed else self.costs(s, None, None, day, (low, high)))
        return None

    def begins(self, s: Service, due: date, on: date) -> date:
        """Online throughout: at its day; cut: on its return (SPEC 2.3)."""
        if s.reasons:
            return on
        off = s.off(on) if s.blocks else {}
        return next(day for day in days(due, on + DAY) if day not in off)

    def cycle_of(self, s: Service, day: date) -> tuple[date, date]:
        if s.profile.kind == "validity":
            return day, day + s.profile.validity * DAY
        return cycle(day, s.anchor)

    def costs(
        self, s: Service, start: date | None, end: date | None, day: date, whole_cycle: tuple[date, date]
    ) -> list[Cost]:
        """What a cycle [start, end) costs on upfront edges, and a day on daily ones."""
        low, high = whole_cycle
        plan, whole = self.plan_of(s, day)[0], (high - low).days
        found: list[Cost] = []
        for edge in s.edge.chain:
            if edge.timing == "daily":
                found.append((edge, day, day + DAY, self.wholesale(edge, plan, day), whole, (day - low).days))
            elif start and end:
                found.append((edge, start, end, self.wholesale(edge, plan, start), whole, (start - low).days))
        return found

    def period_bill(self, s: Service, start: date, on: date) -> Bill:
        low, high = self.cycle_of(s, start)
        months = self.plan_of(s, start)[2] if s.profile.kind != "validity" else 1
        end = after(low, s.anchor, months) if months > 1 else high
        price = 0 if s.profile.kind == "free" else self.price(s, start)
        net = part(price, (start - low).days, (end - low).days, (end - low).days)
        return self.bill(s, Bill(start, end, price, (end - low).days, (start - low).days, net, 0), on)

    def arrears_bill(self, s: Service, start: date, end: date, on: date) -> Bill:
        """The sum over the enabled days at each day's price."""
        low, high = self.cycle_of(s, start)
        whole, off = (high - low).days, s.off(end)
        worth = {
            day: part(self.price(s, day), (day - low).days, (day - low).days + 1, whole)
            for day in days(start, end)
            if day not in off
        }
        bill = Bill(start, end, self.price(s, start), whole, (start - low).days, sum(worth.values()), 0, worth=worth)
        return self.bill(s, bill, on)

    def bill(self, s: Service, bill: Bill, on: date) -> Bill:
        if s.discount and s.discount[0] <= bill.start:
            _, amount, part_bp = s.discount
            bill.discount = min(bill.net, amount or vat_on(bill.net, part_bp))
        bill.vat = vat_on(bill.net - bill.discount, s.edge.vat_bp)
        bill.total = bill.net - bill.discount + bill.vat
        bill.due_on = on + s.profile.due_days * DAY
        return bill

    def amounts(self, cost: Cost) -> tuple[int, int]:
        """Net and VAT, which the parent adds."""
        edge, start, end, price, whole, first = cost
        net = part(price, first, first + (end - start).days, whole)
        return net, vat_on(net, self.edges[edge.parent].vat_bp)

    def short(self, step: Step) -> Edge | None:
        """The deepest edge that cannot bear it."""
        for cost in step.costs:
            if cost[0].left < sum(self.amounts(cost)):
                return cost[0]
        return None

    def take(self, step: Step, at: datetime, on: date) -> None:
        s, bill = step.service, step.bill
        if bill:
            used = min(bill.total, s.advance)
            s.advance -= used
            bill.open = bill.total - used
            s.bills.append(bill)
            s.billed_to = bill.end
            if bill.worth is not None:
                s.running = None
        if step.opens:
            s.running = s.billed_to = step.start
        if step.cycle_end:
            s.charged_to = step.cycle_end
            s.days_to = step.cycle_end if step.day is None else s.days_to
        if step.day:
            s.days_to = step.day + DAY
        period = s.running or max((b.start for b in s.bills if b.start <= step.start), default=step.start)
        for cost in step.costs:
            self.charge(s, cost, period)
        if step.cycle_end or step.costs:
            s.lift(CUTS, at)
            s.held = None

    def charge(self, s: Service, cost: Cost, period: date) -> Charge:
        edge, start, end, price, whole, first = cost
        net, vat = self.amounts(cost)
        edge.pay(net + vat)
        s.charges.append(Charge(start, end, price, whole, first, net, vat, edge=edge.id, period=period))
        return s.charges[-1]

    def rank(self, step: Step) -> tuple[Any, ...]:
        """Period start, already paid, id; nobody has a priority here (SPEC 2.3)."""
        s = step.service
        paid = s.advance >= step.bill.total if step.bill else s.due == 0 and s.profile.kind != "arrears"
        return step.start, not paid, s.id

    # Nights and cuts.

    def night(self, at: datetime, on: date) -> None:
        for s in self.services.values():
            if s.held and s.charged_to > on and not s.held[2] and not s.reasons - {"fund_short", "upstream_short"}:
                self.charge_released(s, at, on, hold=True)
        self.take_due(self.services.values(), at, on)
        self.credit_days_off(on)
        self.release_dead(on)

    def retry(self, at: datetime, top: int) -> None:
        below = [s for s in self.services.values() if s.edge.chain and s.edge.chain[-1].id == top]
        on = at.date()
        for s in below:
            if s.held and s.charged_to > on and not s.held[2] and not s.reasons - {"fund_short", "upstream_short"}:
                self.charge_released(s, at, on, hold=True)
        self.take_due([s for s in below if s.held or s.reasons], at, on)

    def take_due(self, services: Iterable[Service], at: datetime, on: date) -> None:
        left = list(services)
        while left:
            steps = [step for s in left if (step := self.next_step(s, on))]
            steps.sort(key=self.rank)
            left = []
            for step in steps:
                edge = self.short(step)
                if edge is None:
                    self.take(step, at, on)
                    left.append(step.service)
                else:
                    since = step.service.held[0] if step.service.held else on
                    step.service.held = (since, edge, step.bill is None and step.cycle_end is None)

    def cuts(self, at: datetime) -> None:
        on = at.date()
        for s in self.services.values():
            if s.held and not s.reasons:
                since, edge, of_day = s.held
                if of_day or (on - since).days >= (edge.short_days if edge is s.edge else 3):
                    s.stop("fund_short" if edge is s.edge else "upstream_short", at)
            overdue = any(bill.open and bill.due_on + s.profile.grace_days * DAY < on for bill in s.bills)
            if s.profile.suspends and overdue and not s.left_on:
                s.stop("unpaid", at)
            if s.profile.kind == "validity" and s.billed_to <= on and not (s.reasons or s.held or s.left_on):
                s.stop("expired", at)

    def credit_days_off(self, on: date) -> None:
        """Days off of what has ended, where an edge or the profile credits the reason (SPEC 2.5)."""
        for s in self.services.values():
            if s.blocks or s.outages:
                off = s.off(on)
                why = {day: "outage" for day in s.outages if day not in off} | off
                ended = [charge for charge in s.charges if charge.end <= on]
                self.credit_edges(s, ended, why)
                self.credit_bills(s, [bill for bill in s.bills if bill.end <= on], why, s.profile.credits)

    def credit_edges(self, s: Service, charges: list[Charge], why: dict[date, str]) -> None:
        for charge in charges:
            edge = self.edges[charge.edge]
            some = [day for day in charge.unused(date.min) if why.get(day) in edge.credits]
            if some and charge.net:
                edge.pay(-sum(charge.give_back(some)))

    def credit_bills(self, s: Service, bills: list[Bill], why: dict[date, str], reasons: tuple[str, ...]) -> None:
        own_isp = reasons if s.edge.chain else (*reasons, "outage")
        for bill in bills:
            some = [day for day in bill.unused(date.min) if why.get(day) in own_isp]
            if bill.worth is not None:
                some = [day for day in some if why[day] == "outage"]
            if some and bill.net > bill.discount:
                self.credit(s, bill, some)

    def credit(self, s: Service, bill: Bill, some: list[date]) -> None:
        amount = sum(bill.credit(some))
        taken = min(amount, bill.open)
        bill.open -= taken
        s.advance += amount - taken

    def release_dead(self, on: date) -> None:
        for s in self.services.values():
            off = s.off(on) if s.reasons and not s.left_on and s.charged_to > on else {}
            for edge in s.edge.chain if off else []:
                if edge.release_after and all(day in off for day in days(on - edge.release_after * DAY, on)):
                    for charge in s.charges:
                        some = charge.unused(on) if charge.edge == edge.id else []
                        if some:
                            edge.pay(-sum(charge.give_back(some)))
                            charge.released.update(some)

    def charge_released(self, s: Service, at: datetime, on: date, *, hold: bool) -> Edge | None:
        """Back inside a period that an edge gave back: its days from now on are charged again, or nothing is."""
        again = [(c, sorted(d for d in c.released if d >= on)) for c in s.charges if any(d >= on for d in c.released)]
        step = Step(s, on, None, None, None, [])
        for old, some in again:
            first = old.first + (some[0] - old.start).days
            step.costs.append((self.edges[old.edge], some[0], some[-1] + DAY, old.price, old.whole, first))
        edge = self.short(step)
        if edge and hold:
            s.held = s.held or (on, edge, False)
            s.stop("fund_short" if edge is s.edge else "upstream_short", at)
        elif not edge:
            for (old, some), cost in zip(again, step.costs, strict=True):
                self.charge(s, cost, old.period)
                old.released.difference_update(some)
            s.held = None
            s.lift({"fund_short", "upstream_short"}, at)
        return edge
