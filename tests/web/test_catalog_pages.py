"""Pages of the catalogue and of what stands beside a bill: each act shows what it will do, and does just that."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

from django.test import Client

from backhaul.billing.discounts import get_discount
from backhaul.billing.promises import make_promise
from backhaul.billing.services import start_billing
from backhaul.catalog.packages import get_package
from backhaul.catalog.services import ProfileRules, add_billing_profile
from backhaul.common.clock import local_date, now
from backhaul.operators.functions import execute, rows
from backhaul.payments.services import record_payment
from tests.builders import acting, build_customer
from tests.scenarios.money import assert_proved
from tests.web.conftest import digest_of, signed_in
from tests.web.test_actions import form_of, new_customer, typed_in
from tests.web.town import Town, build_town


def today() -> date:
    return local_date(now(), "Asia/Dhaka")


def twice(client: Client, path: str, **fields: Any) -> tuple[str, Any]:
    """What the first POST shows, and the answer to the second one."""
    sent = {**form_of(client, path), **fields}
    shown = client.post(path, sent)
    assert shown.status_code == 200, shown.content.decode()[:2000]
    page = shown.content.decode()
    return text_of(page), client.post(path, {**sent, **digest_of(page), "confirmed": "1"})


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def amounts(text: str) -> set[str]:
    return set(re.findall(r"[+−]?[\d,]+\.\d\d", text))


def count(town: Town, sql: str, operator_id: int | None = None) -> int:
    with acting(town.cast.padma, operator_id or town.cast.riverside):
        return int(rows(f"SELECT count(*) AS n FROM {sql}")[0]["n"])


def test_a_one_off_bill_is_shown_and_then_made_once(db: object) -> None:
    town = build_town()
    client = signed_in("riverside")
    path = f"/customers/{town.ids['customer']}/one-off/"
    fields = {"title": "Router", "net_minor": "1,000", "due_on": today().isoformat()}
    shown, done = twice(client, path, **fields)
    assert "1,000.00" in shown and done.status_code == 303
    assert count(town, "invoice WHERE kind = 'one_off' AND title = 'Router'") == 1
    assert "Router" in client.get(f"/customers/{town.ids['customer']}/bills/").content.decode()
    wrong = client.post(path, {**form_of(client, path), **fields, "net_minor": "0"})
    assert wrong.status_code == 422
    assert_proved()


def test_a_standing_discount_is_shown_on_the_next_bill_and_ended(db: object) -> None:
    town = build_town()
    client = signed_in("riverside")
    home = f"/customers/{town.ids['customer']}/"
    fields = {"percent": "10", "from_on": today().isoformat(), "why": "a friend"}
    shown, done = twice(client, home + "discount/", **fields)
    assert {"600.00", "60.00", "540.00"} <= {each.lstrip("+−") for each in amounts(shown)}
    assert done.status_code == 303
    assert "a friend" in client.get(home).content.decode()
    assert "a friend" in client.get("/discounts/").content.decode()
    _shown, ended = twice(client, home + "discount/end/")
    assert ended.status_code == 303
    with acting(town.cast.padma, town.cast.riverside):
        service = rows("SELECT id FROM subscription WHERE customer_id = %s", [town.ids["customer"]])[0]["id"]
        assert get_discount(service) is None


def test_a_bill_is_discounted_written_off_and_paid_after_all(db: object) -> None:
    town = build_town()
    client = signed_in("riverside")
    bill = f"/bills/{town.ids['bill']}/"
    shown, _done = twice(client, bill + "discount/", net_minor="50", why="slow")
    assert {"50.00", "300.00"} <= {each.lstrip("+−") for each in amounts(shown)}
    too_much = client.post(bill + "discount/", {**form_of(client, bill + "discount/"), "net_minor": "9999", "why": "x"})
    assert too_much.status_code == 422
    shown, _done = twice(client, bill + "write-off/", why="gone")
    assert "300.00" in {each.lstrip("+−") for each in amounts(shown)}
    shown, done = twice(client, bill + "recover/", amount_minor="100", paid="cash")
    assert "200.00" in shown and done.status_code == 303
    page = text_of(client.get(bill).content.decode())
    assert "slow" in page and "gone" in page and "Recovered" in page
    assert_proved()


def test_all_that_a_customer_owes_is_written_off_after_its_sum_was_shown(db: object) -> None:
    town = build_town()
    client = signed_in("riverside")
    home = f"/customers/{town.ids['customer']}/"
    assert home + "write-off/" in client.get(home).content.decode()
    shown, done = twice(client, home + "write-off/", why="gone")
    assert "350.00" in {each.lstrip("+−") for each in amounts(shown)} and done.status_code == 303
    assert home + "write-off/" not in client.get(home).content.decode()
    assert count(town, "adjustment WHERE kind = 'write_off'") == 1
    assert client.post(home + "write-off/", {**form_of(client, home + "write-off/"), "why": "again"}).status_code == 422
    assert_proved()


def test_a_broken_promise_is_told_on_the_first_page_until_it_is_paid(db: object) -> None:
    town = build_town()
    client = signed_in("riverside")
    told = "has not paid what was promised"
    yesterday = today() - timedelta(days=1)
    with acting(town.cast.padma, town.cast.riverside):
        service = rows("SELECT id FROM subscription WHERE customer_id = %s", [town.ids["customer"]])[0]["id"]
        make_promise(subscription_id=service, until_on=yesterday, why="salary", on=yesterday, now=now())
    assert told in client.get("/").content.decode()
    collect = f"/collect/{town.ids['customer']}/"
    assert client.post(collect, {**form_of(client, collect), "amount": "350", "method": "cash"}).status_code == 303
    assert told not in client.get("/").content.decode()


def test_a_promise_and_an_own_suspend_date_are_noted_and_listed(db: object) -> None:
    town = build_town()
    client = signed_in("riverside")
    home = f"/customers/{town.ids['customer']}/"
    until = (today() + timedelta(days=5)).isoformat()
    shown, done = twice(client, home + "promise/", until_on=until, why="salary")
    assert "350.00" in shown and done.status_code == 303
    assert "salary" in client.get("/promises/").content.decode()
    twice(client, home + "suspend-date/", suspend_on=until, why="asked")
    twice(client, home + "promise/withdraw/")
    assert count(town, "promise WHERE withdrawn_at IS NULL") == 0
    assert count(town, f"subscription WHERE suspend_on = '{until}'") == 1


def test_an_own_price_below_cost_is_warned_of_and_saved_all_the_same(db: object) -> None:
    town = build_town()
    client = signed_in("riverside")
    path = f"/customers/{town.ids['customer']}/price/"
    shown, done = twice(client, path, custom_price="440", starts_on=today().isoformat())
    assert "Below cost" in shown and "450.00" in shown and "400.00" not in shown  # never an ancestor's price
    assert done.status_code == 303
    page = text_of(client.get("/margins/").content.decode())
    assert "440.00" in page and "10.00" in page


def test_a_new_package_price_says_whom_it_reaches_and_from_when(db: object) -> None:
    town = build_town()
    client = signed_in("north")
    path = f"/packages/{town.ids['package']}/price/"
    tomorrow = today() + timedelta(days=1)
    shown, done = twice(client, path, price="390", starts_on=tomorrow.isoformat())
    assert "Below cost" in shown and "390.00" in shown and done.status_code == 303
    with acting(town.cast.padma, town.cast.north):
        assert get_package(town.ids["package"], tomorrow)["price_minor"] == 390_00
    late = client.post(path, {"price": "390", "starts_on": today().isoformat()})
    assert late.status_code == 422 and "Tomorrow" in late.content.decode()
    assert "390.00" in client.get(f"/packages/{town.ids['package']}/").content.decode()


def test_a_band_refuses_a_package_outside_of_it_in_words(db: object) -> None:
    town = build_town()
    cast = town.cast
    padma = signed_in("padma")
    band = f"/bands/{cast.padma.isp_id}/{cast.plans['Home 10']}/"
    _shown, done = twice(padma, band, floor_minor="", cap_minor="700", starts_on=today().isoformat())
    assert done.status_code == 303
    north = signed_in("north")
    form = {"name": "Dear", "plan": f"{cast.padma.isp_id}-{cast.plans['Home 10']}", "term": "1", "price": "701"}
    refused = north.post("/packages/add/", form)
    assert refused.status_code == 422 and "at most 700.00 a month, set by Padma" in refused.content.decode()
    north.cookies["django_language"] = "bn"
    assert "প্রতি মাসে সর্বোচ্চ ৭০০.০০" in north.post("/packages/add/", form).content.decode()
    north.cookies["django_language"] = "en"
    _shown, done = twice(north, "/packages/add/", **{**form, "price": "700"})
    assert done.status_code == 303
    assert "Dear" in north.get("/packages/").content.decode()


def test_a_profile_is_added_from_a_preset_and_changed_after_a_look(db: object) -> None:
    town = build_town()
    client = signed_in("north")
    page = client.get("/profiles/add/?preset=pay_first").content.decode()
    assert 'value="30"' in page and "30 days, pay first" in page
    fields = fields_of(page)
    assert client.post("/profiles/add/?preset=pay_first", fields).status_code == 303
    path = f"/profiles/{town.ids['profile']}/"
    changed = {**fields_of(client.get(path).content.decode()), "due_days": "9", "credit_days_for": ["outage"]}
    shown = client.post(path, changed)
    page = shown.content.decode()
    assert shown.status_code == 200 and "on this profile" in page and "No bill and no charge changes" in page
    assert client.post(path, {**changed, **digest_of(page), "confirmed": "1"}).status_code == 303
    assert count(town, "billing_profile WHERE due_days = 9 AND credit_days_for = '{outage}'", town.cast.north) == 1
    assert client.post(path, {**changed, "cycle": "validity"}).status_code == 422


def fields_of(page: str) -> dict[str, Any]:
    """What a browser would send of a form as it stands."""
    sent: dict[str, Any] = dict(re.findall(r'<input type="(?:text|number|date)" name="(\w+)" value="([^"]*)"', page))
    for name, body in re.findall(r'<select name="(\w+)".*?>(.*?)</select>', page, re.S):
        chosen = re.findall(r'<option value="([^"]*)" selected', body)
        sent[name] = chosen[0] if chosen else re.findall(r'<option value="([^"]*)"', body)[0]
    for name in re.findall(r'<input type="checkbox" name="(\w+)"[^>]* checked', page):
        sent[name] = "on"
    return sent


def test_the_isp_sets_when_services_are_cut_its_plans_and_vat(db: object) -> None:
    build_town()
    client = signed_in("padma")
    shown, done = twice(client, "/cuts/edit/", cut_time="10:30", spared_weekdays=["5"])
    assert "Nobody is cut any more on" in shown and done.status_code == 303
    shown, done = twice(client, "/cuts/holidays/add/", on_date="2999-12-17", name="Victory Day")
    assert "17 Dec 2999" in shown.replace("Dec.", "Dec") and done.status_code == 303
    page = client.get("/cuts/").content.decode()
    assert "10:30" in page and "Friday" in page and "Victory Day" in page
    assert twice(client, "/cuts/holidays/remove/", on_date="2999-12-17")[1].status_code == 303
    plan = {"name": "Home 200", "down_mbps": "200", "up_mbps": "100", "pool": ""}
    assert "This field is required." in client.post("/plans/add/", plan).content.decode()  # sold for nothing
    assert client.post("/plans/add/", plan | {"connection_types": ["hotspot", "static"]}).status_code == 303
    page = client.get("/plans/").content.decode()
    assert "Home 200" in page and "Hotspot, Static address<" in page
    vat = {"registered": "on", "percent": "5", "reclaims_input": "on", "starts_on": today().isoformat()}
    assert twice(client, "/vat/", **vat)[1].status_code == 303
    later = today() + timedelta(days=40)
    then = vat | {"percent": "7.5", "starts_on": later.isoformat()}
    assert twice(client, "/vat/", **then)[1].status_code == 303
    assert "it is 7.5 %" in client.get("/packages/").content.decode().replace("\xa0", " ")
    assert "5 %" in client.get("/packages/").content.decode()


def test_a_changed_plan_is_weighed_first_and_then_known_by_its_new_name_everywhere(db: object) -> None:
    """Of customers below only how many; what was shown is done, or shown anew; what was left alone stays to the bit."""
    town = build_town()
    cast, client = town.cast, signed_in("padma")
    path = f"/plans/{cast.plans['Home 10']}/edit/"
    assert f'href="{path}"' in client.get("/plans/").content.decode()
    with acting(cast.padma):
        execute("UPDATE plan SET up_kbps = 1500 WHERE name = 'Home 10'")  # 1.465 Mbit/s is 1500.16
    ways = {"connection_types": ["pppoe", "hotspot"]}
    shown, done = twice(client, path, **{**typed_in(client, path), "name": "Home 12", "down_mbps": "12", **ways})
    assert "Home 10 → Home 12" in shown and "10 Mbit/s / 1.46484 Mbit/s → 12 Mbit/s / 1.46484 Mbit/s" in shown
    assert "Services of North and below it 4" in shown and "Riverside" not in shown and "Nusrat" not in shown
    assert done.status_code == 303
    assert count(town, "radius_login WHERE rate_limit = '1500k/12288k'") == 2
    for address in ("/plans/", "/bands/", "/tariffs/", "/packages/add/"):
        assert "Home 12" in client.get(address).content.decode()
    unchanged, _done = twice(client, path, **{**typed_in(client, path), **ways})
    assert "No service changes" in unchanged and "Services of" not in unchanged
    told = text_of(client.get("/audit/").content.decode())
    assert "Changed a plan" in told
    stale: dict[str, Any] = {**typed_in(client, path), **ways, "down_mbps": "13"}
    digest = digest_of(client.post(path, stale).content.decode())
    with acting(cast.padma, cast.north):
        build_customer(cast)
    again = client.post(path, stale | digest | {"confirmed": "1"})
    assert again.status_code == 422 and "look again" in text_of(again.content.decode())
    refused = client.post(path, stale | {"connection_types": ["static"]})
    assert refused.status_code == 422 and "0 of your own customers, 5 of those below you" in text_of(
        refused.content.decode()
    )
    assert client.get(f"/plans/{cast.plans['Home 10'] + 10**6}/edit/").status_code == 404


def test_who_pays_first_is_added_like_anybody_and_served_when_the_money_is_there(db: object) -> None:
    town = build_town()
    cast = town.cast
    client = signed_in("riverside")
    profile = f"{cast.padma.isp_id}-{cast.profiles['Daily 30']}"
    assert client.post("/customers/add/", new_customer(town, client, profile=profile)).status_code == 303
    billed = f"invoice WHERE starts_on = '{today()}' AND ends_on = starts_on + 30 AND net_minor = 60000"
    assert count(town, billed) == 0
    with acting(cast.padma, cast.riverside):
        customer = rows("SELECT id FROM customer WHERE username = 'farid'")[0]["id"]
        record_payment(
            customer_id=customer,
            amount_minor=600_00,
            method="cash",
            received_on=today(),
            now=now(),
            request_key="first",
        )
    assert count(town, billed) == 1


def test_a_period_that_a_person_bills_is_shown_and_then_billed(db: object) -> None:
    town = build_town()
    cast = town.cast
    with acting(cast.padma):
        rules = ProfileRules(auto_bill=False)
        by_hand = add_billing_profile(name="By hand", rules=rules, handed_down=True)
    with acting(cast.padma, cast.riverside):
        added = build_customer(cast, profile=(cast.padma.isp_id, by_hand), on=today(), joined_on=today())
        start_billing(subscription_id=added.subscription_id, billed_until=today().replace(day=1))
    client = signed_in("riverside")
    path = f"/customers/{added.customer_id}/bill-now/"
    shown, done = twice(client, path)
    assert {"600.00", "450.00"} <= {each.lstrip("+−") for each in amounts(shown)} and done.status_code == 303
    again = client.post(path, {"confirmed": "1"})
    assert again.status_code == 303
    nothing = client.post(path, {})
    assert nothing.status_code == 422 and "Nothing is due" in nothing.content.decode()
    assert count(town, f"invoice WHERE customer_id = {added.customer_id}") == 1
    assert_proved()


def test_many_prices_change_at_once_and_one_that_has_not_begun_is_withdrawn(db: object) -> None:
    town = build_town()
    cast, north = town.cast, signed_in("north")
    page = text_of(north.get("/tariffs/").content.decode())
    assert "Riverside" in page and "450.00" in page and "you pay 400.00" in page
    plan = f"{cast.padma.isp_id}-{cast.plans['Home 10']}"
    first = (today().replace(day=1) + timedelta(days=31)).replace(day=1)
    fields = {"children": [str(cast.riverside)], "plans": [plan], "way": "up", "percent": "10"}
    fields["starts_on"] = first.isoformat()
    both = {**fields, "amount": "5"}
    assert north.post("/tariffs/change/", both).status_code == 422
    shown, done = twice(north, "/tariffs/change/", **fields)
    assert {"450.00", "495.00", "+45.00"} <= amounts(shown) and done.status_code == 303  # of two customers one is off
    assert "495.00 from" in text_of(north.get("/tariffs/").content.decode())
    price = f"/resellers/{cast.riverside}/prices/{cast.padma.isp_id}/{cast.plans['Home 10']}/"
    gone = f"{price}withdraw/?on={first.isoformat()}"
    assert gone in north.get(price + "versions/").content.decode()
    shown, done = twice(north, gone)
    assert {"495.00", "450.00"} <= amounts(shown) and done.status_code == 303
    page = text_of(north.get(price + "versions/").content.decode())
    assert "another one took its place" in page and "North" in page  # who set it
    again = {**fields, "percent": "", "amount": "50", "way": "down"}
    assert twice(north, "/tariffs/change/", **again)[1].status_code == 303
    assert "400.00 from" in text_of(north.get("/tariffs/").content.decode())
    begun = north.post(f"{price}withdraw/?on={today().isoformat()}", {})
    assert begun.status_code == 422 and "has begun" in begun.content.decode()


def test_what_was_confirmed_is_not_saved_once_it_would_do_something_else(db: object) -> None:
    town = build_town()
    client = signed_in("riverside")
    path = f"/customers/{town.ids['customer']}/price/"
    sent = {**form_of(client, path), "custom_price": "550", "starts_on": today().isoformat()}
    seen = digest_of(client.post(path, sent).content.decode())
    assert twice(client, path, custom_price="560", starts_on=today().isoformat())[1].status_code == 303
    late = client.post(path, {**sent, **seen, "confirmed": "1"})
    assert late.status_code == 422 and "differ" in late.content.decode()


def test_every_object_of_the_catalogue_tells_who_changed_what_and_when(db: object) -> None:
    town = build_town()
    client = signed_in("north")
    path = f"/profiles/{town.ids['profile']}/"
    changed = {**fields_of(client.get(path).content.decode()), "due_days": "9"}
    shown = client.post(path, changed).content.decode()
    assert client.post(path, {**changed, **digest_of(shown), "confirmed": "1"}).status_code == 303
    told = text_of(client.get(path + "versions/").content.decode())
    assert re.search(r": 9\b", told) and "North" in told
    vat = {"registered": "on", "percent": "5", "reclaims_input": "on", "starts_on": today().isoformat()}
    shown_vat, done = twice(client, "/vat/", **vat)
    assert "Services below you" in shown_vat and done.status_code == 303
    told = text_of(client.get("/vat/versions/").content.decode())
    assert "5 %" in told.replace("\xa0", " ") and "input VAT is reclaimed" in told
    margins = text_of(signed_in("riverside").get("/margins/").content.decode())
    assert margins.index("Home 10") < margins.index("Office 100") and "+127.50" in margins  # the least margin first
