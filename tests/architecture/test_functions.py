"""The functions that run as *books* check who acts: called for another operator they find nothing, and change nothing.

Every function that app may execute stands in one of the three tables; a new one fails until it does.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.architecture.catalogue import declared_definers
from tests.architecture.places import Connection, Place, act, attempt
from tests.architecture.samples import Operator, cast_of

# Meant for a direct child of the acting operator, whose id is {other}.
ON_A_CHILD = {
    "set_modules": "set_modules({other}, '{{}}')",
    "modules_of_child": "modules_of_child({other})",
    "open_books": "open_books({other})",
    "open_fund": "open_fund({other}, 'prepaid', true)",
    "open_numbering": "open_numbering({other})",
    "set_edge_terms": "set_edge_terms({other}, '{{\"short_days\": 2}}')",
    "ease_guard": "ease_guard({other}, current_date, now())",
    "start_edge": "start_edge({other}, current_date, true)",
    "close_operator": "close_operator({other}, current_date)",
    "receive_from_child": "receive_from_child({other}, 100, NULL, current_date, 'cash', 'k', '')",
    "deduct_from_fund": "deduct_from_fund({other}, 100, current_date, 'k', 'why')",
    "transfer_fund": "transfer_fund({other}, {other}, 100, current_date, 'k', '')",
    "pay_back_fund": "pay_back_fund({other}, 100, current_date, 'cash', 'k', '')",
    "reverse_bonus": "reverse_bonus({other}, {other}, current_date, 'why')",
    "recharge_fund": "recharge_fund({other}, 'recharge', 100, current_date, 'cash', 'k', '')",
    "reverse_recharge": "reverse_recharge({other}, {other}, current_date, 'why')",
    "set_volume_slabs": "set_volume_slabs({other}, date '2999-01-01', current_date, '[]')",
    "set_tariff_price": "set_tariff_price({other}, {me}, {me}, current_date + 9, 100, current_date)",
}
# Meant for an edge of which the acting operator is either end, by the id of its child.
ON_AN_EDGE = {
    "prepare_statement": "prepare_statement({other}, date '2026-01-01', date '2026-02-01', now())",
    "confirm_statement": "confirm_statement({other}, date '2020-01-01', now())",
    "dispute_movement": "dispute_movement({other}, {other}, 'why', now())",
    "settle_dispute": "settle_dispute({other}, {other}, 'so', now())",
    "edge_vat_rate": "edge_vat_rate({other}, current_date)",
}
ON_A_CHILD |= ON_AN_EDGE
# Meant for a row of the acting operator; {other} is the number of the other operator's row.
ON_A_ROW = {
    "bill_subscription": "bill_subscription({other}, current_date, now(), true)",
    "refund_unused_days": "refund_unused_days({other}, current_date, now(), true, false)",
    "change_direction": "change_direction({other}, {me}, {me}, NULL, current_date)",
    "change_package": "change_package({other}, {me}, {me}, NULL, current_date, now())",
    "charge_released": "charge_released({other}, current_date, now(), false)",
    "pay_back_advance": "pay_back_advance({other}, 100, 'cash', current_date, now(), '', 'k')",
    "lock_for_charge": "lock_for_charge({other})",
    "resume_billing": "resume_billing({other}, current_date)",
    "issue_opening_dues": (
        "issue_opening_dues(ARRAY[{other}], ARRAY[{other}], ARRAY[100], current_date, current_date, now())"
    ),
    "issue_one_off": "issue_one_off({other}, 'Router', 100, current_date, current_date, now(), 'k')",
    "discount_bill": "discount_bill({other}, 1, current_date, now(), 'why', 'k')",
    "write_off_bill": "write_off_bill({other}, current_date, now(), 'why', 'k')",
    "recover_bad_debt": "recover_bad_debt({other}, 1, 'cash', current_date, now(), 'why', 'k')",
    "record_outage": (
        "record_outage({other}, NULL, now() - interval '1 day', now(), current_date - 1, current_date, 'why', "
        "current_date, now())"
    ),
    "record_payment": "record_payment({other}, 100, 'cash', current_date, now(), '', 'k', false)",
    "reverse_payment": "reverse_payment({other}, current_date, now(), 'why')",
    "record_deposit": "record_deposit({other}, 'deposit_in', 100, 'cash', current_date, now(), 'why', 'k')",
    "reverse_deposit": "reverse_deposit({other}, current_date, 'why', now())",
    "set_float_limit": "set_float_limit({other}, 100)",
    "close_drawer": "close_drawer({other}, current_date, 'why', now())",
    "receive_hand_over": "receive_hand_over({other}, current_date, now())",
    "send_back_hand_over": "send_back_hand_over({other}, 'why', now())",
    "settle_shortage": "settle_shortage({other}, 1, 'cash', current_date, now(), '', 'k')",
    "reverse_entry": "reverse_entry({other}, current_date, 'why', now())",
    "reverse_own_event": "reverse_own_event({other}, current_date, 'why', now())",
    "spread_plan": "spread_plan({other}, now())",
    "reveal_radius_password": "reveal_radius_password({other}, now())",
}
# Takes nobody's id: (query of one column, acting as rival; what may come out), {…} = ids of the cast.
ON_ITSELF = {
    "add_operator": (
        "SELECT parent_id FROM operator WHERE id = add_operator('new', 'New', 'reseller', '{{}}', '{{}}')",
        set(),
    ),
    "count_router_sessions": ("SELECT nas_id FROM count_router_sessions('-infinity')", {"{rival}"}),
    "count_drawer": ("SELECT count_drawer(1, '', now(), 'k')", set()),
    "count_held_below": ("SELECT child_id FROM count_held_below()", {"{rival}"}),
    "close_books": ("SELECT close_books(current_date, now()); SELECT operator_id FROM books_lock", {"{rival}"}),
    "reopen_books": (
        "SELECT close_books(current_date, now()); SELECT reopen_books(NULL, 'why', now()); "
        "SELECT operator_id FROM books_lock",
        {"{rival}"},
    ),
    "close_year": (
        "SELECT close_year(date '2019-12-31', now()); SELECT operator_id FROM books_lock WHERE kind = 'year_close'",
        {"{rival}"},
    ),
    "enter_operator": ("SELECT enter_operator({riverside}, 'why', now(), now() + interval '1 hour')", set()),
    "entered_scope": ("SELECT name FROM entered_scope({riverside}, {riverside}, {rival}, 1, now())", set()),
    "step_up": ("SELECT step_up(now())", set()),
    "end_impersonation": ("SELECT end_impersonation(now())", set()),
    "list_entered": ("SELECT operator_id FROM list_entered(NULL, 50)", set()),
    "list_below": ("SELECT id FROM list_below('', NULL, NULL, 50)", set()),
    "edge_charges_from": ("SELECT child_id FROM edge_charges_from(NULL, current_date)", set()),
    "hold_plans": ("SELECT count(*) FROM (SELECT hold_plans(ARRAY[{north}], ARRAY[{north}])) AS held", {"1"}),
    "plan_reach": ("SELECT child_id FROM plan_reach({north}, now())", set()),
    "own_costs": ("SELECT plan_operator_id FROM own_costs(current_date)", {"{rival}"}),
    "profile_in_use": ("SELECT profile_in_use({north})", {"False"}),
    "plan_own_charges": ("SELECT max(services) FROM plan_own_charges(current_date, 62)", {"1", "None"}),
    "forecast_funds": ("SELECT child_id FROM forecast_funds(current_date, 1, false)", {"{rival}"}),
    "count_planned": ("SELECT below FROM count_planned(current_date, '-infinity', 'infinity')", {"0"}),
    "take_emergency_loan": ("SELECT take_emergency_loan(1, 1, current_date, now(), 'k')", set()),
    "ask_for_recharge": (
        "SELECT ask_for_recharge(1, 'note', now(), 'k'); SELECT child_id FROM fund_request WHERE request_key = 'k'",
        {"{rival}"},
    ),
    "operator_below": ("SELECT operator_below('slug-{riverside}')", {"None"}),
    "operator_scope": ("SELECT name FROM operator_scope({north}, {rival})", set()),
    "post_manual_entry": (
        "SELECT post_manual_entry(current_date, jsonb_build_array(jsonb_build_object('debit_code', 'code_{north}', "
        "'credit_code', 'code_{rival}', 'amount_minor', 1)), 'why', 'k', now())",
        set(),
    ),
    "record_own_event": (
        "SELECT record_own_event('owner_puts_in', jsonb_build_object('amount', 1), current_date, 'cash', NULL, 'why', "
        "'k', now()); SELECT operator_id FROM own_event WHERE request_key = 'k'",
        {"{rival}"},
    ),
    "search_customers": ("SELECT customer_id FROM search_customers('user', 50)", {"{rival}"}),
    "sellable_plans": ("SELECT plan_operator_id FROM sellable_plans(current_date)", {"{rival}", "{padma}"}),
    "why_no_new_services": ("SELECT why_no_new_services(1)", {"{{'why': 'provider'}}"}),
    "taken_addresses": (
        "SELECT unnest(taken_addresses(ARRAY[host('100.0.0.0'::inet + {north} % 16000000), "
        "host('100.0.0.0'::inet + {meghna} % 16000000)]))",
        {"100.0.0.2"},  # north's: addresses are unique per ISP
    ),
    "taken_usernames": (
        "SELECT unnest(taken_usernames(ARRAY['user-{north}', 'user-{meghna}']))",
        {"user-{north}"},  # user names are unique per ISP
    ),
}
WRONG_TARGETS = [
    ("padma", "riverside", "a grandchild"),
    ("rival", "riverside", "a sibling's child"),
    ("riverside", "bayside", "a sibling"),
    ("riverside", "north", "its parent"),
    ("meghna", "north", "another ISP's operator"),
]


def test_every_function_that_app_may_call_is_tried() -> None:
    callable_by_app = {function.name for function in declared_definers() if "app" in function.execute}
    tried = [*ON_A_CHILD, *ON_A_ROW, *ON_ITSELF]
    assert sorted(tried) == sorted(callable_by_app)


NOBODYS = 1  # the number of no row


def answer(connection: Connection, call: str) -> tuple[str, int]:
    """What a call gives: its refusal or result, and how many rows of the cell it wrote. Undone."""
    written = (
        "SELECT COALESCE(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) FROM pg_stat_xact_user_tables "
        "WHERE schemaname = current_schema()"
    )
    connection.execute("SAVEPOINT answer")
    try:
        before = connection.execute(written).fetchall()[0][0]
        given = str(connection.execute(f"SELECT {call}").fetchall())
        return given, int(connection.execute(written).fetchall()[0][0] - before)
    except psycopg.Error as error:
        connection.execute("ROLLBACK TO SAVEPOINT answer")
        why = error.diag.message_detail if error.sqlstate == "BH001" else error
        return f"{error.sqlstate} {why}".splitlines()[0], 0
    finally:
        connection.execute("ROLLBACK TO SAVEPOINT answer")


def wrong_calls(calls: dict[str, str], connection: Connection, me: Operator, other: Operator) -> Iterator[str]:
    """Calls for another's row are refused as unknown, or do and say just what they do for a row that nobody has."""
    for name, call in calls.items():
        given, written = answer(connection, call.format(me=me.id, other=other.id))
        unknown = "BH001 not_found"
        if given != unknown and (given, written) != (answer(connection, call.format(me=me.id, other=NOBODYS))[0], 0):
            yield f"{name}: {given}, {written} rows written"


@pytest.mark.parametrize(("me", "target", "what"), WRONG_TARGETS, ids=lambda value: value)
def test_a_call_for_another_operator_finds_nothing(populated: Place, me: str, target: str, what: str) -> None:
    cast = cast_of(populated.number)
    with populated.connected("app") as connection:
        act(connection, cast[me].id, path=cast[me].path)
        broken = [*wrong_calls({**ON_A_CHILD, **ON_A_ROW}, connection, cast[me], cast[target])]
    assert not broken, f"{me} reaches {target}, {what}:\n" + "\n".join(broken)


def test_a_parent_reaches_no_row_of_its_child_even_where_it_sees_the_customers(populated: Place) -> None:
    cast = cast_of(populated.number)
    north, riverside = cast["north"], cast["riverside"]
    with populated.connected("app") as connection:
        act(connection, north.id, path=north.path, visible=(north.id, riverside.id))
        broken = [*wrong_calls(ON_A_ROW, connection, north, riverside)]
    assert not broken, "\n".join(broken)


def test_the_right_operator_is_understood(populated: Place) -> None:
    """Else the calls of this file would be refused for their form and prove nothing."""
    cast = cast_of(populated.number)
    north, riverside = cast["north"], cast["riverside"]
    with populated.connected("app") as connection:
        act(connection, north.id, path=north.path)
        places = {"me": north.id, "other": riverside.id}
        given = {name: answer(connection, call.format(**places))[0] for name, call in ON_A_CHILD.items()}
        act(connection, riverside.id, path=riverside.path)
        given |= {name: answer(connection, call.format(**places))[0] for name, call in ON_A_ROW.items()}
    misunderstood = ("BH001 not_found", "22", "42")  # bad data, bad statement; what meets a constraint was found
    assert {name: text for name, text in given.items() if text.startswith(misunderstood)} == {}


def test_nobody_recharges_or_prices_itself(populated: Place) -> None:
    cast = cast_of(populated.number)
    with populated.connected("app") as connection:
        act(connection, cast["north"].id, path=cast["north"].path)
        own = {"open_books", "open_numbering", *ON_AN_EDGE}
        calls = {name: call for name, call in ON_A_CHILD.items() if name not in own}
        broken = [*wrong_calls(calls, connection, cast["north"], cast["north"])]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("name", ON_ITSELF)
def test_what_names_nobody_works_on_the_acting_operator_alone(populated: Place, name: str) -> None:
    cast = cast_of(populated.number)
    ids = {who: operator.id for who, operator in cast.items()}
    query, allowed = ON_ITSELF[name]
    *before, last = query.format(**ids).split("; ")
    with populated.connected("app") as connection:
        act(connection, cast["rival"].id, path=cast["rival"].path)
        for statement in before:
            connection.execute(statement)
        try:
            found = {str(row[0]) for row in connection.execute(last).fetchall()}
        except psycopg.Error as error:
            assert error.sqlstate == "BH001", error
            found = set()
    assert found <= {each.format(**ids) for each in allowed}


def test_no_function_works_where_nobody_acts(populated: Place) -> None:
    cast = cast_of(populated.number)
    north, rival = cast["north"], cast["rival"]
    with populated.connected("app") as connection:
        for name, call in {**ON_A_CHILD, **ON_A_ROW}.items():
            assert answer(connection, call.format(me=north.id, other=rival.id)) == ("BH001 no_unit_of_work", 0), name


def test_a_helper_of_books_called_directly_has_the_callers_rights(populated: Place) -> None:
    """post_event and move_fund are no definer functions: app may call them and may write nothing through them."""
    cast = cast_of(populated.number)
    north, riverside = cast["north"].id, cast["riverside"].id
    with populated.connected("app") as connection:
        act(connection, north, path=cast["north"].path)
        for call in (
            f"post_event({north}, 'bonus', 'parent', 1, current_date, now(), '{{\"amount\": 1}}', NULL, {riverside})",
            f"move_fund({riverside}, {north}, 'bonus', 1, 0, '{{\"amount\": 1}}', current_date, 'k')",
        ):
            outcome = attempt(connection, f"SELECT {call}")
            assert isinstance(outcome, psycopg.errors.InsufficientPrivilege), outcome
