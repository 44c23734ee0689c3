"""How many decimals amounts have in the page that is being served: those of the ISP's currency."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

USUAL_DECIMALS = 2
_decimals: ContextVar[int] = ContextVar("decimals", default=USUAL_DECIMALS)


def decimals() -> int:
    """Decimals of the currency of whoever is served; two outside a page."""
    return _decimals.get()


@contextmanager
def amounts_with(count: int) -> Iterator[None]:
    """Inside, amounts are read and written with that many decimals."""
    token = _decimals.set(count)
    try:
        yield
    finally:
        _decimals.reset(token)
