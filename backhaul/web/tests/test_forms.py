import pytest
from django.core.exceptions import ValidationError

from backhaul.web.currency import amounts_with
from backhaul.web.forms import DayField, MoneyField, PhoneField
from backhaul.web.templatetags.console import money


@pytest.mark.parametrize(
    ("typed", "minor"), [("1,500.00", 150_000), ("১,৫০০.৫", 150_050), (" 0.01 ", 1), ("1,00,000", 10_000_000)]
)
def test_amounts_are_read_as_people_type_them(typed: str, minor: int) -> None:
    assert MoneyField().clean(typed) == minor


@pytest.mark.parametrize("typed", ["", "0", "-5", "1.234", "1e3", "12x", "١٢", "nan", "100,5", "50,00.5", "1,"])
def test_what_is_no_positive_amount_is_refused(typed: str) -> None:
    with pytest.raises(ValidationError):
        MoneyField().clean(typed)


def test_an_amount_beyond_all_is_called_too_large() -> None:
    with pytest.raises(ValidationError, match="larger than any amount kept here"):
        MoneyField().clean("99,999,999,999,999,999,999.00")


def test_zero_passes_only_where_it_means_something() -> None:
    assert MoneyField(may_be_zero=True).clean("0") == 0
    assert MoneyField(required=False).clean("") is None


def test_a_kept_amount_is_shown_as_it_would_be_typed() -> None:
    assert MoneyField().prepare_value(150_000) == "1,500.00"
    assert MoneyField().prepare_value("12x") == "12x"


@pytest.mark.parametrize("slip", ["0226-03-01", "1899-12-31", "3000-01-01"])
def test_a_day_out_of_this_world_is_a_slip(slip: str) -> None:
    assert DayField().clean("1900-01-01")
    with pytest.raises(ValidationError):
        DayField().clean(slip)


def test_mobile_numbers_lose_spaces_and_bangla_digits() -> None:
    assert PhoneField().clean("০১৭১২ 345-678") == "01712345678"


@pytest.mark.parametrize(
    ("decimals", "typed", "minor", "shown"), [(0, "1,500", 1500, "1,500"), (3, "1.234", 1234, "1.234")]
)
def test_amounts_have_the_decimals_of_the_currency(decimals: int, typed: str, minor: int, shown: str) -> None:
    with amounts_with(decimals):
        assert MoneyField().clean(typed) == minor
        assert money(minor) == shown
        assert f'data-money="{decimals}"' in MoneyField().widget.render("amount", "")
