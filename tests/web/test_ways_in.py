"""What somebody with half a key still does not open: an old password, a first one that another gave, many addresses."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client, RequestFactory

from backhaul.common import clock
from backhaul.common.errors import NotFound
from backhaul.identity.models import CodeApp, Mail, Passkey, User
from backhaul.identity.services import set_email, set_first_password
from backhaul.operators.functions import rows
from backhaul.operators.people_queries import list_roles
from backhaul.operators.sign_in_rules import set_second_factor_rule
from backhaul.resellers.rescue import let_in
from backhaul.web.console.where import address_on_paper
from tests.builders import PASSWORD, acting, build_person
from tests.cast import Cast
from tests.web.conftest import HOST, is_in, sign_in, signed_in
from tests.web.test_own_account import asked_for_mail, link_in
from tests.web.test_sign_in import later_code, with_codes

ELSEWHERE = "203.0.113.9"
NEW = {"password": "a new password", "again": "a new password"}


def add_passkey(user_id: int, name: str) -> Passkey:
    return Passkey.objects.create(
        user_id=user_id, credential=name, public_key="x", sign_count=0, site=HOST, name=name, added_at=clock.now()
    )


def test_a_changed_password_ends_what_its_thief_had_begun(padma: Cast) -> None:
    _, app, _ = with_codes()
    thief, half_in, owner = Client(), Client(), Client()
    for client in (thief, owner):
        sign_in("north@padma", client=client)
        client.post("/sign-in/code/", {"code": later_code(app)})
        CodeApp.objects.update(last_step=0)
    thief.post("/profile/email/", {"email": "thief@mail.example"}, HTTP_HOST=HOST)
    key = link_in(Mail.objects.get())
    assert sign_in("north@padma", client=half_in).headers["Location"] == "/sign-in/code/"
    assert owner.post("/password/", {"current": PASSWORD, **NEW}).status_code == 303
    assert Client().get(key).status_code == Client().post(key).status_code == 410
    assert User.objects.get(name="north").email == ""
    assert half_in.post("/sign-in/code/", {"code": later_code(app)}).headers["Location"] == "/sign-in/"


@pytest.mark.parametrize(
    "page", ["/profile/", "/profile/email/", "/profile/second-factor/", "/profile/passkeys/add/", "/my-access/"]
)
def test_with_a_first_password_nothing_opens_but_the_page_that_changes_it(padma: Cast, page: str) -> None:
    set_first_password(user_id=padma.owners["north"], password=PASSWORD)
    client = signed_in("north")
    assert client.get(page).headers["Location"] == "/password/"
    assert client.post(page, {"name": "mine", "email": "thief@mail.example"}).headers["Location"] == "/password/"
    assert client.get("/password/").status_code == client.get("/progress/bell/").status_code == 200
    assert client.post("/password/", {"current": PASSWORD, **NEW}).status_code == 303
    assert client.get(page).status_code == 200


def test_a_first_password_that_another_gave_ends_the_ways_in_that_need_none(padma: Cast) -> None:
    with_codes()
    user_id = padma.owners["north"]
    set_email(user_id=user_id, email="north@mail.example")
    add_passkey(user_id, "planted")
    set_first_password(user_id=user_id, password="a first password")
    assert not Passkey.objects.exists() and User.objects.get(pk=user_id).email == ""
    assert CodeApp.objects.filter(user_id=user_id).exists()
    User.objects.filter(pk=user_id).update(last_login=None)
    set_email(user_id=user_id, email="north@mail.example")
    assert set_first_password(user_id=user_id, password="a first password", only_unused=True)
    assert User.objects.get(pk=user_id).email == "north@mail.example"  # who took the person on gave it


def test_a_first_password_that_was_never_used_is_made_anew_and_no_other(padma: Cast) -> None:
    signed_in("north")
    assert not set_first_password(user_id=padma.owners["north"], password="taken over", only_unused=True)
    assert is_in(sign_in("north@padma"))


def test_however_a_name_is_typed_tries_at_somebody_count_like_tries_at_nobody(padma: Cast) -> None:
    set_email(user_id=padma.owners["north"], email="north@mail.example")
    ways: list[tuple[str, dict[str, Any]]] = [
        ("{}@padma", {}), ("{}", {"HTTP_HOST": HOST}), ("{}@mail.example", {}), ("{}@mail.example@padma", {}),
        ("{}@mail.example", {"HTTP_HOST": HOST}), ("{}@padma", {"HTTP_HOST": HOST}), ("{}@padma", {}), ("{}@padma", {}),
        ("{}@mail.example", {}), ("{}@mail.example", {"HTTP_HOST": HOST}), ("{}@mail.example@padma", {}),
    ]  # fmt: skip
    told = {
        name: ["Wait" in sign_in(way.format(name), "wrong", **where).content.decode() for way, where in ways]
        for name in ("north", "nobody")
    }
    assert told["north"] == told["nobody"]
    assert True in told["north"]


def test_a_network_of_ipv6_is_one_address(padma: Cast) -> None:
    for n in range(5):
        answer = sign_in("north@padma", "wrong", REMOTE_ADDR=f"2001:db8:1:2:{n}::{n}")
    assert "Wait 1 minute," in answer.content.decode()
    assert not is_in(sign_in("north@padma", REMOTE_ADDR="2001:db8:1:2:ffff::1"))
    assert is_in(sign_in("north@padma", REMOTE_ADDR="2001:db8:1:3::1"))
    assert is_in(sign_in("north@padma", REMOTE_ADDR="::ffff:192.0.2.7"))


def test_codes_are_not_guessed_from_many_addresses(padma: Cast) -> None:
    _, app, _ = with_codes()
    for n in range(10):
        client = Client(REMOTE_ADDR=f"198.51.100.{n}")
        sign_in("north@padma", client=client)
        assert "does not fit" in client.post("/sign-in/code/", {"code": "000000"}).content.decode()
    late = Client(REMOTE_ADDR=ELSEWHERE)
    sign_in("north@padma", client=late)
    assert "Wait 60 minutes" in late.post("/sign-in/code/", {"code": later_code(app)}).content.decode()
    with acting(padma.padma, padma.north):
        assert len(rows("SELECT 1 FROM audit_event WHERE verb = 'locked-out'")) == 1


def test_passwords_are_not_guessed_from_many_addresses_and_known_browsers_stay_open(padma: Cast) -> None:
    set_email(user_id=padma.owners["north"], email="north@mail.example")
    known, stranger = Client(), Client(REMOTE_ADDR=ELSEWHERE)
    assert is_in(sign_in("north@padma", client=known)) and is_in(sign_in("rival@padma", client=stranger))
    for name in ("north@padma", "nobody@padma"):
        told = [sign_in(name, "wrong", REMOTE_ADDR=f"198.51.100.{n}").content.decode() for n in range(21)]
        assert ["from many places" in each for each in told] == [False] * 20 + [True]
    stranger.post("/sign-out/")
    assert "from many places" in sign_in("north@padma", client=stranger).content.decode()
    assert is_in(sign_in("rival@padma", client=stranger))
    known.post("/sign-out/")
    assert is_in(sign_in("north@padma", client=known))
    elsewhere = Client()
    asked_for_mail("north@padma")
    assert elsewhere.post(link_in(Mail.objects.get()), NEW).status_code == 303
    assert is_in(sign_in("north@padma", NEW["password"], client=elsewhere))
    with acting(padma.padma, padma.north):
        assert len(rows("SELECT 1 FROM audit_event WHERE verb = 'locked-out'")) == 1


def test_a_known_browser_that_was_taken_has_no_more_tries_than_others(padma: Cast) -> None:
    taken = Client()
    sign_in("north@padma", client=taken)
    taken.post("/sign-out/")
    places = [{"REMOTE_ADDR": f"198.51.100.{n}"} for n in range(21)]
    told = [sign_in("north@padma", "wrong", client=taken, **each).content.decode() for each in places]
    assert ["from many places" in each for each in told] == [False] * 20 + [True]
    assert is_in(sign_in("north@padma"))


def test_the_own_password_is_not_guessed_in_an_open_browser_from_many_addresses(padma: Cast) -> None:
    client = signed_in("north")
    for n in range(20):
        assert client.post("/confirm/", {"password": "wrong"}, REMOTE_ADDR=f"198.51.100.{n}").status_code == 422
    assert client.post("/confirm/", {"password": PASSWORD}, REMOTE_ADDR=ELSEWHERE).status_code == 422


def test_a_mail_leads_to_the_machine_itself_only_for_who_sits_there(padma: Cast) -> None:
    set_email(user_id=padma.owners["north"], email="north@mail.example")
    asked_for_mail("north@padma", HTTP_HOST="localhost", REMOTE_ADDR=ELSEWHERE)
    asked_for_mail("north@padma", HTTP_HOST="localhost")
    assert [re.findall(r"http://(\S+?)/", each.body)[0] for each in Mail.objects.order_by("pk")] == [HOST, "localhost"]


def test_the_port_that_a_request_claims_is_in_no_mail_nor_on_paper(padma: Cast) -> None:
    set_email(user_id=padma.owners["north"], email="north@mail.example")
    for port in (":4444", "", f":{settings.HOME.web_port}"):
        asked_for_mail("north@padma", HTTP_HOST=HOST + port)
    led = [re.findall(r"http://(\S+?)/", each.body)[0] for each in Mail.objects.order_by("pk")]
    assert led == [HOST, HOST, f"{HOST}:{settings.HOME.web_port}"]
    asked = RequestFactory().get("/", HTTP_HOST=f"evil.example:{settings.HOME.web_port}")
    assert address_on_paper(asked, padma.padma.isp_id, "/x/") == f"http://{HOST}/x/"
    assert address_on_paper(asked, padma.meghna.isp_id, "/x/") == f"http://evil.example:{settings.HOME.web_port}/x/"


def test_the_last_second_factor_stays_where_the_operator_wants_one(padma: Cast) -> None:
    client, _, _ = with_codes()
    with acting(padma.padma, padma.north):
        set_second_factor_rule("owners")
    assert "Set another one up first" in client.post("/profile/second-factor/off/").content.decode()
    key = add_passkey(padma.owners["north"], "phone")
    assert client.post("/profile/second-factor/off/").status_code == 303
    assert "Set another one up first" in client.post(f"/profile/passkeys/{key.pk}/remove/").content.decode()
    other = add_passkey(padma.owners["north"], "laptop")
    assert client.post(f"/profile/passkeys/{other.pk}/remove/").status_code == 303
    with acting(padma.padma, padma.north):
        set_second_factor_rule("nobody")
    assert client.post(f"/profile/passkeys/{key.pk}/remove/").status_code == 303


def told_of(name: str) -> list[tuple[str, str]]:
    """The notices that were mailed about a person: to whom, and of what; they are taken away."""
    found = Mail.objects.filter(user_id=User.objects.get(name=name).pk, subject__contains="·").order_by("pk")
    told = [(each.address, each.subject.partition(" ·")[0]) for each in found]
    found.delete()
    return told


def test_whatever_changes_how_a_person_signs_in_it_is_told_by_mail_and_the_bell(padma: Cast) -> None:
    user_id, mine = padma.owners["north"], "north@mail.example"
    set_email(user_id=user_id, email=mine)
    client, _, _ = with_codes()
    assert told_of("north") == [(mine, "Codes at the sign-in were turned on")]
    client.post("/profile/recovery-codes/")
    key = add_passkey(user_id, "phone")
    client.post(f"/profile/passkeys/{key.pk}/remove/")
    client.post("/profile/second-factor/off/")
    client.post("/profile/email/", {"email": "new@mail.example"}, HTTP_HOST=HOST)
    Client().post(link_in(Mail.objects.get(address="new@mail.example")))
    assert sorted(told_of("north")) == sorted([
        (mine, "New recovery codes were made"), (mine, "A passkey was removed"),
        (mine, "Codes at the sign-in were turned off"), (mine, "The e-mail address was changed"),
        ("new@mail.example", "The e-mail address was changed"),
    ])  # fmt: skip
    add_passkey(user_id, "laptop")
    assert client.post("/password/", {"current": PASSWORD, **NEW}, HTTP_HOST=f"{HOST}:4444").status_code == 303
    body = Mail.objects.get(subject__startswith="The password was changed").body
    assert "“laptop”" in body and f"http://{HOST}/profile/" in body and "127.0.0.1" in body
    Mail.objects.all().delete()
    asked_for_mail("north@padma")
    again = Client()
    again.post(link_in(Mail.objects.get()), {"password": PASSWORD, "again": PASSWORD})
    assert "Your passkeys stay" in again.get("/sign-in/").content.decode()
    assert [subject for _, subject in told_of("north")] == ["A new password was set by a mail"]
    bell = signed_in("north")
    assert "A passkey was removed" in bell.get("/progress/").content.decode()
    assert "A passkey was removed" not in signed_in("rival").get("/progress/").content.decode()


def test_what_staff_do_to_ones_sign_in_is_told_to_the_mailbox_that_was_ones_own(padma: Cast) -> None:
    with acting(padma.padma, padma.north):
        build_person(padma.north, "clerk", "collector")
        clerk = User.objects.get(name="clerk")
        member = rows("SELECT id FROM membership WHERE user_id = %s", [clerk.pk])[0]["id"]
        role = next(each["id"] for each in list_roles() if each["key"] == "collector")
    signed_in("clerk")
    set_email(user_id=clerk.pk, email="clerk@mail.example")
    owner = signed_in("north")
    assert owner.post(f"/staff/{member}/second-factor/").status_code == 303
    assert owner.post(f"/staff/{member}/password/", {"password": "a first password"}).status_code == 303
    assert [what.partition(" of the company ")[2] for _, what in told_of("clerk")] == [
        "took the second factor away, to be set up anew", "set a first password",
    ]  # fmt: skip
    session = owner.session
    session["confirmed_at"] = (clock.now() - timedelta(minutes=11)).isoformat()
    session.save()
    for address in (
        f"/staff/{member}/password/",
        f"/staff/{member}/access/",
        f"/staff/{member}/return/",
        "/staff/add/",
        "/roles/add/",
        f"/roles/{role}/",
    ):
        late = owner.post(address, {"password": "another password", "role": "manager"})
        assert late.headers["Location"].startswith("/confirm/"), address


def test_notices_are_not_crowded_out_by_mails_that_anybody_asks_for(padma: Cast) -> None:
    set_email(user_id=padma.owners["north"], email="north@mail.example")
    for _ in range(6):
        asked_for_mail("north@padma")
    with_codes()
    assert told_of("north") == [("north@mail.example", "Codes at the sign-in were turned on")]


def test_a_new_password_takes_passkeys_along_where_that_is_wanted_and_one_may(padma: Cast) -> None:
    client = signed_in("north")
    assert "passkeys" not in client.get("/password/").content.decode()
    add_passkey(padma.owners["north"], "somebody’s phone")
    assert "somebody’s phone" in client.get("/password/").content.decode()
    with acting(padma.padma, padma.north):
        set_second_factor_rule("owners")
    both = {"current": PASSWORD, **NEW, "remove_passkeys": "on"}
    assert "Set another one up first" in client.post("/password/", both).content.decode()
    assert is_in(client.get("/sign-in/"))  # the password is the old one, too
    with acting(padma.padma, padma.north):
        set_second_factor_rule("nobody")
    assert client.post("/password/", both).status_code == 303
    assert not Passkey.objects.exists()


def test_what_ends_or_adds_a_factor_ends_the_other_sessions(padma: Cast) -> None:
    thief = signed_in("north")
    client, _, _ = with_codes()
    assert thief.get("/profile/").status_code == 303 and client.get("/profile/").status_code == 200
    key = add_passkey(padma.owners["north"], "thief's")
    assert client.post("/profile/second-factor/off/").status_code == 303
    thief = signed_in("north")
    assert client.post(f"/profile/passkeys/{key.pk}/remove/").status_code == 303
    assert thief.get("/profile/").status_code == 303 and client.get("/profile/").status_code == 200


def test_no_answer_is_kept_on_the_way_but_what_is_everybodys(padma: Cast) -> None:
    client = signed_in("north")
    for address in ("/", "/customers/999999999/", "/nope/", "/sign-in/forgot/", "/brand/1/2/abc.png", "/healthz"):
        assert "no-store" in client.get(address)["Cache-Control"], address
    forged = Client(enforce_csrf_checks=True).post("/sign-in/", {})
    assert (forged.status_code, forged["Cache-Control"]) == (403, "private, no-store")
    assert "public" in client.get("/brand/1f6feb.css")["Cache-Control"]


def test_who_signs_out_has_done_it(padma: Cast) -> None:
    signed_in("north").post("/sign-out/")
    Client().post("/sign-out/")
    with acting(padma.padma, padma.north):
        assert rows("SELECT actor_id FROM audit_event WHERE verb = 'signed-out'") == [
            {"actor_id": padma.owners["north"]}
        ]


def test_an_owner_with_nobody_to_ask_is_let_in_by_whoever_runs_the_server(padma: Cast) -> None:
    client, _, _ = with_codes()
    add_passkey(padma.owners["north"], "lost")
    for _ in range(5):
        sign_in("north@padma", "wrong")
    password = let_in("North@padma", at=clock.now())
    assert client.get("/").headers["Location"].startswith("/sign-in/")
    assert not Passkey.objects.exists() and not CodeApp.objects.exists()
    back = Client()
    assert is_in(sign_in("north@padma", password, client=back))
    assert back.get("/").headers["Location"] == "/password/"
    with acting(padma.padma, padma.north):
        assert len(rows("SELECT 1 FROM audit_event WHERE verb = 'let_in_by_server'")) == 1
    with pytest.raises(NotFound):
        let_in("nobody@padma", at=clock.now())


def test_codes_that_are_on_are_not_offered_anew_where_their_page_is_sent_twice(padma: Cast) -> None:
    client, app, _ = with_codes()
    assert client.post("/profile/second-factor/", {"code": later_code(app)}).headers["Location"] == "/profile/"
    assert "Codes are on already" in client.get("/profile/").content.decode()
