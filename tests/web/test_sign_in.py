"""Signing in: by name or e-mail, too many tries, the second factor."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from django.test import Client

from backhaul.common import clock
from backhaul.identity.models import RecoveryCode, Try, User
from backhaul.identity.services import set_email
from backhaul.operators.functions import rows
from backhaul.operators.sign_in_rules import set_second_factor_rule
from tests.builders import acting
from tests.cast import Cast
from tests.web.conftest import HOST, is_in, sign_in, signed_in

ELSEWHERE = "203.0.113.9"


def test_people_sign_in_by_name_and_by_e_mail_where_it_is_clear_who_is_meant(padma: Cast) -> None:
    rahim = "rahim@mail.example"
    set_email(user_id=padma.owners["north"], email="Rahim@Mail.example")
    assert is_in(sign_in("north@padma"))
    assert is_in(sign_in("north", HTTP_HOST=HOST))
    assert not is_in(sign_in("north"))
    assert is_in(sign_in(rahim))
    assert is_in(sign_in("RAHIM@mail.example"))
    set_email(user_id=padma.owners["meghna"], email=rahim)
    assert not is_in(sign_in(rahim))
    assert is_in(sign_in(rahim, HTTP_HOST=HOST))
    assert is_in(sign_in(f"{rahim}@meghna"))
    client = Client()
    assert is_in(sign_in(rahim, client=client, HTTP_HOST=HOST))
    assert client.session["_auth_user_id"] == str(padma.owners["north"])
    with pytest.raises(Exception, match="somebody else"):
        set_email(user_id=padma.owners["rival"], email=rahim)


def test_what_is_said_does_not_tell_whether_somebody_exists(padma: Cast) -> None:
    set_email(user_id=padma.owners["north"], email="north@mail.example")
    User.objects.filter(pk=padma.owners["rival"]).update(is_active=False)
    told = set()
    for name in (
        "north@padma",
        "nobody@padma",
        "north@mail.example",
        "no@mail.example",
        "x@nowhere",
        "rival@padma",
        "%",
    ):
        answer = sign_in(name, "wrong password")
        assert answer.status_code == 422
        told.add(re.sub(r'value="[^"]*"', "", answer.content.decode()))
    assert len(told) == 1
    assert not is_in(sign_in("rival@padma"))


def test_five_tries_lock_a_name_at_one_address_and_nowhere_else(padma: Cast) -> None:
    for name in ("north@padma", "NORTH@padma", " north@Padma ", "north@padma"):
        assert "not right" in sign_in(name, "wrong").content.decode()
    assert "Wait 1 minute," in sign_in("north@padma", "wrong").content.decode()
    assert not is_in(sign_in("north@padma"))
    assert is_in(sign_in("north@padma", REMOTE_ADDR=ELSEWHERE))
    assert is_in(sign_in("rival@padma"))
    with acting(padma.padma, padma.north):
        found = rows("SELECT subject_id, detail::text AS told FROM audit_event WHERE verb = 'locked-out'")
    assert [row["subject_id"] for row in found] == [padma.owners["north"]]
    assert "127.0.0.1" in found[0]["told"]


def test_who_signs_in_has_done_it_and_nobody_who_only_tried(padma: Cast) -> None:
    sign_in("north@padma")
    for _ in range(5):
        sign_in("north@padma", "wrong")
    with acting(padma.padma, padma.north):
        found = rows("SELECT verb, actor_id FROM audit_event WHERE subject_type = 'user' ORDER BY id")
    told = [(row["verb"], row["actor_id"]) for row in found if row["verb"] in ("signed-in", "locked-out")]
    assert told == [("signed-in", padma.owners["north"]), ("locked-out", 0)]


def test_each_further_failure_locks_twice_as_long_and_success_forgets_them(padma: Cast) -> None:
    for minutes in (1, 2, 4):
        while "Wait" not in sign_in("north@padma", "wrong").content.decode():
            pass
        assert f"Wait {minutes} minute" in sign_in("north@padma", "wrong").content.decode()
        Try.objects.update(locked_until=clock.now() - timedelta(seconds=1))
    assert is_in(sign_in("north@padma"))
    assert "not right" in sign_in("north@padma", "wrong").content.decode()


def test_a_name_that_is_nobodys_is_locked_alike(padma: Cast) -> None:
    answers = [sign_in("nobody@padma", "wrong", HTTP_HOST=HOST).content.decode() for _ in range(5)]
    assert ["Wait" in answer for answer in answers] == [False] * 4 + [True]
    with acting(padma.padma):
        assert rows("SELECT subject_id FROM audit_event WHERE verb = 'locked-out'") == [{"subject_id": 0}]


def test_many_names_from_one_address_are_stopped(padma: Cast) -> None:
    now = clock.now()
    Try.objects.create(what="sign-in", address="127.0.0.1", times=100, first_at=now, last_at=now)
    assert "Wait 15 minutes" in sign_in("north@padma").content.decode()
    assert is_in(sign_in("north@padma", REMOTE_ADDR=ELSEWHERE))


# --- the second factor ------------------------------------------------------------------------------------------------


def with_codes(name: str = "north@padma") -> tuple[Client, pyotp.TOTP, list[str]]:
    """A browser in which somebody has turned codes on, what makes them, and the recovery codes."""
    client = signed_in(*name.split("@"))
    page = client.get("/profile/second-factor/").content.decode()
    secret = re.search(r'id="secret">([A-Z2-7 ]+)<', page)
    assert secret
    app = pyotp.TOTP(secret[1].replace(" ", ""))
    done = client.post("/profile/second-factor/", {"code": app.now()}).content.decode()
    codes = re.findall(r"<li><code>([a-z0-9-]+)</code>", done)
    assert len(codes) == 10
    return client, app, codes


def later_code(app: pyotp.TOTP) -> str:
    """One that has not been used yet: of the next step, which a phone that runs ahead shows."""
    return app.at(datetime.now(UTC), counter_offset=1)


def test_codes_are_asked_for_after_the_password_and_a_code_works_once(padma: Cast) -> None:
    _, app, _ = with_codes()
    used, fresh = app.now(), later_code(app)
    client = Client()
    assert sign_in("north@padma", client=client).headers["Location"] == "/sign-in/code/"
    assert client.get("/customers/").headers["Location"].startswith("/sign-in/")
    assert "does not fit" in client.post("/sign-in/code/", {"code": used}).content.decode()
    assert is_in(client.post("/sign-in/code/", {"code": f"{fresh[:3]} {fresh[3:]}"}))
    assert client.get("/customers/").status_code == 200
    second = Client()
    sign_in("north@padma", client=second)
    assert second.post("/sign-in/code/", {"code": fresh}).status_code == 422


def test_a_recovery_code_signs_in_once(padma: Cast) -> None:
    _, _, codes = with_codes()
    for expected in (True, False):
        client = Client()
        sign_in("north@padma", client=client)
        assert is_in(client.post("/sign-in/code/", {"code": codes[3].upper()})) is expected
    assert RecoveryCode.objects.filter(user_id=padma.owners["north"], used_at=None).count() == 9


def test_knowing_the_password_buys_no_further_guesses_at_the_code(padma: Cast) -> None:
    _, app, _ = with_codes()
    for _ in range(5):
        client = Client()
        sign_in("north@padma", client=client)
        answer = client.post("/sign-in/code/", {"code": "000000"})
    assert "Wait 1 minute," in answer.content.decode()
    assert not is_in(client.post("/sign-in/code/", {"code": later_code(app)}))


def test_the_first_step_is_remembered_ten_minutes(padma: Cast) -> None:
    _, app, _ = with_codes()
    client = Client()
    sign_in("north@padma", client=client)
    session = client.session
    session["pending"] = session["pending"] | {"at": (clock.now() - timedelta(minutes=11)).isoformat()}
    session.save()
    assert client.post("/sign-in/code/", {"code": later_code(app)}).headers["Location"] == "/sign-in/"


def test_a_wrong_first_code_turns_nothing_on_and_the_secret_is_not_in_the_database(padma: Cast) -> None:
    client = signed_in("north")
    client.get("/profile/second-factor/")
    picture = client.get("/profile/second-factor/qr.svg")
    assert picture.headers["Content-Type"] == "image/svg+xml"
    assert b"<style" not in picture.content and b"style=" not in picture.content
    assert client.post("/profile/second-factor/", {"code": "000000"}).status_code == 422
    assert is_in(sign_in("north@padma"))
    assert client.get("/profile/recovery-codes/").status_code == 404
    _, app, codes = with_codes()
    kept = rows("SELECT sealed FROM code_app")[0]["sealed"]
    assert app.secret not in kept
    assert not set(codes) & {row["digest"] for row in rows("SELECT digest FROM recovery_code")}


def test_codes_and_recovery_codes_can_be_renewed_and_turned_off(padma: Cast) -> None:
    client, _, codes = with_codes()
    fresh = re.findall(r"<li><code>([a-z0-9-]+)</code>", client.post("/profile/recovery-codes/").content.decode())
    assert len(fresh) == 10 and not set(fresh) & set(codes)
    assert client.post("/profile/second-factor/off/").status_code == 303
    assert is_in(sign_in("north@padma"))


def test_an_operator_makes_its_people_set_a_second_factor_up(padma: Cast) -> None:
    before = signed_in("north")
    with acting(padma.padma, padma.north):
        set_second_factor_rule("owners")
    assert before.get("/customers/").status_code == 200
    client = signed_in("north")
    assert client.get("/customers/").headers["Location"] == "/profile/second-factor/"
    page = client.get("/profile/second-factor/").content.decode()
    assert "wants a second factor" in page
    secret = re.search(r'id="secret">([A-Z2-7 ]+)<', page)
    assert secret
    client.post("/profile/second-factor/", {"code": pyotp.TOTP(secret[1].replace(" ", "")).now()})
    assert client.get("/customers/").status_code == 200
    assert signed_in("riverside").get("/customers/").status_code == 200
