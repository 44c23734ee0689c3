"""What people did in the month, on the recomputation's own sheet: joins, payments, stops, changes, money into funds."""

from __future__ import annotations

import copy
from datetime import date, datetime
from typing import Any

from tests.scenarios.month.arithmetic import DAY, days
from tests.scenarios.month.facts import Edge, Service
from tests.scenarios.month.recompute import Sheet


class Month(Sheet):
    """The sheet with everything that people do to it. Each method is one raw event."""

    def joined(self, at: datetime, operator: int, id: int, *facts: Any) -> None:
        *sold, outcome = facts
        edge = self.edges[operator]
        self.taken_over(at, operator, id, *sold, at.date(), at.date())
        wanted = self.low(edge) or self.begin(self.services[id], at, hold=False)
        if not self.expect(at, f"join at {operator}", outcome, wanted):
            del self.services[id]

    def low(self, edge: Edge) -> str:
        """Below the mark no new services and no upgrades (SPEC 2.4)."""
        return "fund_low" if edge.chain and edge.started and edge.left < edge.low_balance else ""

    def begin(self, s: Service, at: datetime, *, hold: bool) -> str:
        """Take all that is due for one service. Short: held and off, or refused."""
        on, outcome = at.date(), "ok"
        while step := self.next_step(s, on):
            edge = self.short(step)
            if edge is None:
                self.take(step, at, on)
                continue
            outcome = "fund_too_low" if edge is s.edge else "upstream_short"
            if hold:
                since = s.held[0] if s.held else on
                s.held = (since, edge, step.bill is None and step.cycle_end is None)
                s.stop("fund_short" if edge is s.edge else "upstream_short", at)
            break
        ended_today = any(bill.end == on for bill in s.bills)
        if s.profile.kind == "validity" and s.billed_to <= on and not (s.reasons or s.held or s.left_on or ended_today):
            s.stop("expired", at)
        return outcome

    def paid(self, at: datetime, id: int, amount: int) -> None:
        """Oldest due first, the rest in advance; what it allows comes back."""
        s, on = self.services[id], at.date()
        for bill in sorted(s.bills, key=lambda b: b.due_on):  # of one day: by number, the order of the list
            used = min(amount, bill.open)
            bill.open -= used
            amount -= used
        s.advance += amount
        if "unpaid" in s.reasons and not any(bill.open and bill.due_on < on for bill in s.bills):
            self.bring_back(s, "unpaid", at, hold=True)
        if "expired" in s.reasons or (s.profile.kind == "validity" and s.billed_to <= on):
            self.begin(s, at, hold=True)

    def bring_back(self, s: Service, reason: str, at: datetime, *, hold: bool) -> str:
        """Lift one cause; nothing else holds it off: on from where it stood; from today, if it was off since."""
        on = at.date()
        s.lift({reason}, at)
        if s.reasons:
            return "ok"
        off = s.off(on)

        def goes_on(stood: date) -> date:
            return on if any(stood <= day for day in off) else stood

        if not s.running:
            s.billed_to, s.charged_to = goes_on(s.billed_to), goes_on(s.charged_to)
        s.days_to, s.held = goes_on(s.days_to), None
        edge = self.charge_released(s, at, on, hold=hold)
        if edge:
            return "ok" if hold else "fund_too_low" if edge is s.edge else "upstream_short"
        return self.begin(s, at, hold=hold)

    def suspended(self, at: datetime, id: int) -> None:
        self.services[id].stop("by_hand", at)

    def resumed(self, at: datetime, id: int, outcome: str) -> None:
        before = copy.deepcopy(self.services[id], self.same_edges())
        if not self.expect(at, f"resume {id}", outcome, self.bring_back(self.services[id], "by_hand", at, hold=False)):
            self.services[id] = before

    def same_edges(self) -> dict[int, Any]:
        """A memo for deepcopy that copies no edge."""
        return {id(edge): edge for edge in self.edges.values()}

    def left(self, at: datetime, id: int, credited: bool) -> None:
        """Gone: unused days come back on every edge by its policy, and to the customer by its operator's decision."""
        s, on = self.services[id], at.date()
        s.stop("left", at)
        s.left_on = on
        unpaid = self.unpaid_from(s, on) or on + DAY
        for edge in s.edge.chain:
            if edge.refund == "none":
                continue
            keep = edge.refund_minimum if edge.refund == "less_minimum" else 0
            for charge in sorted((c for c in s.charges if c.edge == edge.id), key=lambda c: c.start):
                some = charge.unused(unpaid if "unpaid" in edge.credits else on + DAY)
                if some:
                    kept = min(keep, charge.value(some))
                    edge.pay(-sum(charge.give_back(some, kept)))
                    keep -= kept
        if credited:
            self.credit_unused(s, unpaid if "unpaid" in s.profile.credits else on + DAY)
        s.held = None

    def unpaid_from(self, s: Service, on: date) -> date | None:
        """The day after the last enabled one, where it is off as unpaid."""
        off = s.off(on + DAY)
        if off.get(on) != "unpaid":
            return None
        first = on
        while first - DAY in off:
            first -= DAY
        return first

    def credit_unused(self, s: Service, from_on: date) -> None:
        for bill in s.bills:
            some = bill.unused(from_on) if bill.worth is None else []
            if some and bill.net > bill.discount:
                self.credit(s, bill, some)

    def changed(self, at: datetime, id: int, package: int, outcome: str) -> None:
        """The day of change belongs to the new package; the net must be affordable on every edge (SPEC 2.7)."""
        s, on = self.services[id], at.date()
        up = self.price(s, on) * self.packages[package][2] < self.packages[package][1] * self.plan_of(s, on)[2]
        before = copy.deepcopy(s, self.same_edges())
        funds = [(edge, edge.posted, edge.owed) for edge in s.edge.chain]
        wanted = (self.low(s.edge) if up and s.profile.kind != "free" else "") or self.change(s, package, at)
        if not self.expect(at, f"change {id}", outcome, wanted):
            self.services[id] = before
            for edge, posted, owed in funds:
                edge.posted, edge.owed = posted, owed

    def change(self, s: Service, package: int, at: datetime) -> str:
        on = at.date()
        if s.reasons:
            return "status_refused"
        if s.held or s.charged_to < on:
            return "renewal_waits"
        if s.running == on:
            return "change_tomorrow"
        self.credit_unused(s, on)
        for charge in s.charges:
            some = charge.unused(on)
            if some:
                self.edges[charge.edge].pay(-sum(charge.give_back(some)))
        s.packages.append((on, package))
        if s.own_prices:
            s.own_prices.append((on, None))
        if not s.running:
            s.billed_to = min(s.billed_to, on)
        s.charged_to, s.days_to = min(s.charged_to, on), min(s.days_to, on)
        return self.begin(s, at, hold=False)

    def own_price(self, at: datetime, id: int, price: int, starts_on: date) -> None:
        self.services[id].own_prices.append((starts_on, price))

    def discount(self, at: datetime, id: int, from_on: date, amount: int, part_bp: int) -> None:
        self.services[id].discount = (from_on, amount, part_bp)

    # Money into funds.

    def recharged(self, at: datetime, child: int, kind: str, amount: int, outcome: str) -> None:
        edge = self.edges[child]
        wanted = "ok"
        if kind == "recharge_repaid" and amount > edge.owed:
            wanted = "more_than_owed"
        elif kind == "recharge_credit" and edge.mode == "postpaid" and edge.owed + amount > edge.credit_limit:
            wanted = "limit_in_use"
        elif kind == "recharge_credit" and edge.credit_limit + edge.owed + amount > (edge.exposure or 10**12):
            wanted = "exposure_exceeded"
        elif kind == "deduction" and amount > edge.posted + (edge.credit_limit if edge.mode == "prepaid" else 0):
            wanted = "more_than_available"
        if self.expect(at, f"{kind} of {child}", outcome, wanted):
            edge.posted += {"recharge_repaid": 0, "deduction": -amount}.get(kind, amount)
            edge.owed += {"recharge_repaid": -amount, "recharge_credit": amount}.get(kind, 0)

    def transferred(self, at: datetime, child: int, to: int, amount: int, outcome: str) -> None:
        giver = self.edges[child]
        wanted = (
            "ok" if amount <= giver.posted - max(0, giver.owed) else "more_than_available"
        )  # credit is not passed on
        if self.expect(at, f"transfer of {child}", outcome, wanted):
            self.edges[child].posted -= amount
            self.edges[to].posted += amount

    def started(self, at: datetime, child: int, outcome: str) -> None:
        """From today on it charges: of running periods today and the days left."""
        edge, on = self.edges[child], at.date()
        edge.started = True
        costs = []
        for s in self.services.values():
            for charge in s.charges:
                some = charge.unused(on) if charge.edge == child and not charge.price and not s.left_on else []
                if some and charge.start <= on:
                    price = self.wholesale(edge, self.plan_of(s, on)[0], on)
                    first = charge.first + (on - charge.start).days
                    costs.append((s, (edge, on, charge.end, price, charge.whole, first), charge.period))
        fits = sum(sum(self.amounts(cost)) for _, cost, _ in costs) <= edge.left
        edge.started = self.expect(at, f"start of {child}", outcome, "ok" if fits else "fund_too_low")
        for s, cost, period in costs if edge.started else []:
            self.charge(s, cost, period)

    def outage(self, at: datetime, hit: list[int], first: date, last: date) -> None:
        """Of the ISP's network, days [first, last): edges that credit outages at once, and the ISP's own customers."""
        for s in (self.services[id] for id in hit):
            off = s.off(last)
            why = {day: "outage" for day in days(first, last) if day not in off}
            s.outages.update(why)
            self.credit_edges(s, s.charges, why)
            if not s.edge.chain:
                self.credit_bills(s, s.bills, why, ("outage",))
