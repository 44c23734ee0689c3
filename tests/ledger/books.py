"""A chain of operators with books and funds, a superuser's hand, and sums worked out the slow way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import psycopg

from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.funds.services import recharge_fund
from backhaul.identity.models import IspDirectory
from backhaul.operators.functions import rows
from backhaul.resellers.beginning import Identity
from backhaul.resellers.services import found_isp
from tests.builders import acting, build_operator, numbers, request_key
from tests.cast import CELL

NOW = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)
DAY = date(2026, 3, 1)


@dataclass(frozen=True)
class Chain:
    """An ISP and one operator below the other; `operators` from the ISP down."""

    isp: IspDirectory
    operators: tuple[int, ...]

    def parent_of(self, operator: int) -> int:
        """The operator above."""
        return self.operators[self.operators.index(operator) - 1]


def build_chain(depth: int = 3) -> Chain:
    """A new ISP with `depth` operators in a row, itself included."""
    isp = found_isp(identity=Identity(slug=f"isp-{next(numbers)}", name="Isp"), cell=CELL)
    operators = [isp.isp_id]
    terms: dict[str, Any] = {"may_have_children": True, "edits_catalog": True, "credit_limit_minor": 10**9}
    for level in range(1, depth):
        operators.append(build_operator(isp, operators[-1], f"level-{level}", owner=False, **terms))
    return Chain(isp, tuple(operators))


def recharge(chain: Chain, child: int, amount: int, *, kind: str = "recharge", on: date = DAY) -> int:
    """A movement of one fund, by the child's parent; the movement's id."""
    with acting(chain.isp, chain.parent_of(child)):
        return recharge_fund(
            child_id=child, kind=kind, amount_minor=amount, on=on, paid="bank", request_key=request_key()
        )


def as_admin(server: EmbeddedPostgres) -> psycopg.Connection[Any]:
    """A superuser's connection in the cell: what no role of the product may do."""
    url = server.admin_url.rsplit("/", 1)[0] + "/backhaul"
    return psycopg.connect(url, autocommit=True, options=f"-c search_path={CELL},public,ext")


def balances_by_hand(operator: int, on: date) -> dict[str, int]:
    """Every account's debits less credits through a day, added up posting by posting."""
    found: dict[str, int] = {}
    for posting in rows(
        "SELECT debit_code, credit_code, amount_minor FROM posting WHERE operator_id = %s AND effective_on <= %s",
        [operator, on],
    ):
        found[posting["debit_code"]] = found.get(posting["debit_code"], 0) + posting["amount_minor"]
        found[posting["credit_code"]] = found.get(posting["credit_code"], 0) - posting["amount_minor"]
    return {code: net for code, net in found.items() if net}
