"""The demo's collectors hand their drawers over once a week; once there was less in one than there should be."""

from __future__ import annotations

import contextlib
from datetime import date

from backhaul.cli.demonstration.founding import Operator
from backhaul.cli.demonstration.script import Script
from backhaul.common.errors import Refusal
from backhaul.operators.scope import unit_of_work
from backhaul.payments.drawer_queries import get_drawer
from backhaul.payments.drawers import count_drawer, receive_hand_over

THURSDAY = 3  # the last working day of the week
SHORT_IN_WEEK = 2
SHORT_MINOR = 50_00


def hand_over(operator: Operator, day: date, script: Script) -> None:
    """What the collector of an operator took since the last time, on a Thursday; a day played again changes nothing."""
    if day.weekday() != THURSDAY or operator.cashier == operator.owner:
        return
    with unit_of_work(operator.isp, operator.id, user_id=operator.owner):
        held = int(get_drawer(operator.cashier)["held_minor"])
    week = (day - script.opens_on).days // 7
    counted = held - SHORT_MINOR if week == SHORT_IN_WEEK and held > SHORT_MINOR else held
    with contextlib.suppress(Refusal):  # it was handed over before the demo was stopped
        with unit_of_work(operator.isp, operator.id, user_id=operator.cashier):
            counted_id = count_drawer(counted_minor=counted, now=script.at(day, 20), request_key=f"demo-{day}")
        with unit_of_work(operator.isp, operator.id, user_id=operator.owner):
            receive_hand_over(hand_over_id=counted_id, on=day, now=script.at(day, 21))
