"""Casts of more than one file of scenarios."""

from __future__ import annotations

import pytest

from tests.cast import Cast, build_cast, fill_funds


@pytest.fixture
def taxed(db: None) -> Cast:
    """Everybody charges VAT at 5 %."""
    cast = build_cast(vat_bp=500)
    fill_funds(cast)
    return cast
