import re
from datetime import date

import pytest
from django.template import engines
from django.utils.translation import override

from backhaul.web.forms import MoneyField
from backhaul.web.templatetags.console import bars, last_day, money, period, shares, tone_of


def test_amounts_are_grouped_and_minus_is_a_true_minus() -> None:
    assert money(150_000_000) == "1,500,000.00"
    assert money(-5) == "−0.05"
    assert money(0) == "0.00"
    assert money(None) == "–"


def test_the_last_day_shown_of_a_period_is_the_day_before_its_end() -> None:
    assert last_day(date(2026, 12, 1)) == "30 Nov 2026"
    assert period(date(2026, 11, 1), date(2026, 12, 1)) == "1 Nov – 30 Nov 2026"
    assert period(date(2026, 12, 15), date(2027, 1, 15)) == "15 Dec 2026 – 14 Jan 2027"
    assert period(date(2026, 11, 1), date(2026, 11, 2)) == "1 Nov 2026"


def test_bars_are_drawn_in_proportion_and_none_at_all_is_no_fault() -> None:
    drawn = bars([("Oct", 100, 50), ("Nov", 0, 25)], "Billed", "Collected")["bars"]
    assert [(bar.first_height, bar.second_height) for bar in drawn] == [(96, 48), (0, 24)]
    assert bars([("Nov", 0, 0)], "Billed", "Collected")["bars"][0].first_height == 0
    assert bars([], "Billed", "Collected")["bars"] == []


def test_shares_fill_the_bar_and_an_empty_list_has_no_width() -> None:
    drawn = shares([("active", 3, "/a"), ("suspended", 1, "/s")])["parts"]
    assert [(part["x"], part["width"]) for part in drawn] == [("0.00", "75.00"), ("75.00", "25.00")]
    assert shares([("active", 0, "/a")])["parts"][0]["width"] == "0.00"


def test_a_name_keeps_its_colour() -> None:
    assert tone_of("Abdul Karim") == tone_of("Abdul Karim")


SENTENCE = "{% blocktrans count n=n %}{{ n }} renewal waits{% plural %}{{ n }} renewals wait{% endblocktrans %}"
NAMED = "{% blocktrans with n=n|stringformat:'s' %}Bill {{ n }}{% endblocktrans %}"
FIGURES = "{{ m|money }} {{ n|count }} {{ d|day }} {{ d|date:'F Y' }} {{ n|filesizeformat }} {{ m|percent }}"


@pytest.mark.parametrize("written", [FIGURES, SENTENCE, NAMED, "{{ d|date:'Y-m-d' }}", "{{ n }}"])
def test_figures_have_bangla_digits_in_bangla_and_names_keep_theirs(written: str) -> None:
    """In figures and in sentences alike; what names something, or is read by a machine, is as it is everywhere."""
    template = engines["django"].from_string(written)
    for language, holds in (("en", "[0-9]"), ("bn", "[০-৯]" if written in (FIGURES, SENTENCE) else "[0-9]")):
        with override(language):
            said = template.render({"m": 123_456_78, "n": 37, "d": date(2026, 11, 22)})
        digits = [letter for letter in said if letter.isdigit()]
        assert digits and all(re.fullmatch(holds, digit) for digit in digits), said


def test_what_is_typed_into_a_form_begins_with_latin_digits() -> None:
    with override("bn"):
        assert MoneyField().prepare_value(1_234_50) == "1,234.50"
