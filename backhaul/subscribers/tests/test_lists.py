"""Search: own customers only, the best match first."""

from __future__ import annotations

from backhaul.subscribers.queries import search_customers
from tests.builders import acting, build_customer
from tests.cast import Cast


def test_search_finds_own_customers_by_id_name_mobile_and_user_name(cast: Cast) -> None:
    with acting(cast.padma, cast.rival):
        build_customer(cast, name="Rahim Sarker")
    with acting(cast.padma):
        rahim = build_customer(cast, name="Rahim Sarker", mobile="01711223344", username="rahim.mirpur")
        rupa = build_customer(cast, name="রুপা চৌধুরী", username="50%_off")

        def found(text: str) -> list[int]:
            return [row["customer_id"] for row in search_customers(text)]

        for text in ("rahim", "SARK", "0171122", "3344", "mirpur", rahim.code, rahim.code.lower()):
            assert found(text) == [rahim.customer_id], text
        assert found("চৌধু") == found("%_o") == [rupa.customer_id]
        assert found("") == found("   ") == found("100%") == found("nobody") == []


def test_an_exact_match_comes_first_however_many_contain_it(cast: Cast) -> None:
    with acting(cast.padma):
        exact = build_customer(cast, username="ali")
        for n in range(12):
            build_customer(cast, username=f"ali{n}")
        assert search_customers("ALI", 5)[0]["customer_id"] == exact.customer_id


def test_a_whole_user_name_mobile_or_id_with_a_digit_is_not_looked_for_inside_others(cast: Cast) -> None:
    with acting(cast.padma):
        whole = build_customer(cast, username="shop7", mobile="01711000007")
        inside = build_customer(cast, username="myshop7", name="Behind shop7", mobile="01811000008")

        def found(text: str) -> list[int]:
            return [row["customer_id"] for row in search_customers(text)]

        for text in ("shop7", "SHOP7", "01711000007", whole.code):
            assert found(text) == [whole.customer_id], text
        assert found("hop7") == [inside.customer_id, whole.customer_id]
        assert set(found("shop")) == {inside.customer_id, whole.customer_id}


def test_what_has_no_three_letters_in_a_row_is_found_too(cast: Cast) -> None:
    with acting(cast.padma):
        made = build_customer(cast, name="Abdul-Q. 9/7", username="q97")
        for text in ("9/", "l-q", "-q.", "7"):
            assert [row["customer_id"] for row in search_customers(text)] == [made.customer_id], text
