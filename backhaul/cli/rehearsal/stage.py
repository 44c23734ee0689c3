"""The process that works in the scratch database: its DATABASE_URL leads there; its copying alone knows the real one.

It reads what to do as one JSON object and answers in lines of JSON: day after day, then the report or a refusal.
"""

from __future__ import annotations

import json
import sys
from datetime import date, datetime
from typing import Any

from backhaul.cli.main import configure_django
from backhaul.common.errors import Refusal


def main() -> None:
    """Do what standard input asks for."""
    wish = json.load(sys.stdin)
    configure_django()
    try:
        _say(report=rehearse(wish))
    except Refusal as error:
        _say(refused=error.message)


def rehearse(wish: dict[str, Any]) -> dict[str, Any]:
    """Build, copy, play; the report. `wish` is what `play.rehearse` writes."""
    from django.conf import settings

    from backhaul.cli.rehearsal.copying import copy_isp
    from backhaul.cli.rehearsal.days import Recharge, play_days
    from backhaul.cli.rehearsal.figures import Figures
    from backhaul.common.clock import local_date
    from backhaul.identity.queries import get_isp
    from backhaul.operators.database import build_database
    from backhaul.resellers.checks import verify

    settings.CELLS = [wish["cell"]]
    build_database(wish["owner"])
    copied = copy_isp(wish["isp_id"], wish["cell"], from_database=wish["from_database"])
    isp = get_isp(wish["isp_id"])
    now, until = datetime.fromisoformat(wish["now"]), date.fromisoformat(wish["until"])
    recharges = [Recharge(**{**each, "on": date.fromisoformat(each["on"])}) for each in wish["recharges"]]
    figures = Figures(isp)

    def seen(day: date) -> None:
        figures.look(day)
        _say(day=day)

    failed = play_days(isp, now=now, until=until, recharges=recharges, seen=seen)
    today = local_date(now, isp.time_zone)
    checks = verify(settings.CELLS)
    return {
        "isp": isp.slug,
        "from": today,
        "until": until,
        "rows_copied": copied,
        "days": figures.list_days(),
        "funds": figures.list_funds(),
        "short": figures.list_short(),
        "months": figures.list_months(since=today, until=until),
        "not_billed": [{"operator": figures.name_of(item.pop("operator_id")), **item} for item in failed],
        "verify": {
            "checks": len(checks),
            "wrong": [{"check": check.name, "detail": check.detail} for check in checks if not check.ok],
        },
    }


def _say(**line: object) -> None:
    print(json.dumps(line, default=str, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
