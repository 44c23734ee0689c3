"""The ISP's currency: how many decimals amounts have in the page that is being served, and its name in heads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from backhaul.common.money import headed
from backhaul.operators.scope import current_scope

USUAL_DECIMALS = 2
_decimals: ContextVar[int] = ContextVar("decimals", default=USUAL_DECIMALS)


def decimals() -> int:
    """Decimals of the currency of whoever is served; two outside a page."""
    return _decimals.get()


def amounts_head(label: object) -> str:
    """The head of a column of amounts in a file of whoever is served: "Amount (BDT)". Lists on pages say it by
    <c-th money="yes">, the first of them only."""
    return headed(label, current_scope().currency)


@contextmanager
def amounts_with(count: int) -> Iterator[None]:
    """Inside, amounts are read and written with that many decimals."""
    token = _decimals.set(count)
    try:
        yield
    finally:
        _decimals.reset(token)
