"""One's own account: a new password by mail, the e-mail address, sessions, the profile."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client, override_settings

from backhaul.common import clock
from backhaul.identity import mails, sessions
from backhaul.identity.models import HostDirectory, Mail, Try, User, UserSession
from backhaul.identity.services import set_email
from backhaul.identity.tests.test_signing_in import with_app
from backhaul.operators.functions import rows
from tests.builders import PASSWORD, acting, build_person
from tests.cast import Cast
from tests.web.conftest import HOST, is_in, sign_in, signed_in


def user_of(name: str) -> User:
    return User.objects.get(name=name)


# --- mails ------------------------------------------------------------------------------------------------------------


def asked_for_mail(name: str, **place: str) -> str:
    answer = Client().post("/sign-in/forgot/", {"username": name}, **{"HTTP_HOST": HOST, **place})  # type: ignore[arg-type]
    return re.sub(r'value="[^"]*"', "", answer.content.decode())


def link_in(kept: Mail) -> str:
    found = re.search(r"https?://[^/]+(/\S+)", kept.body)
    assert found
    return found[1]


def test_a_new_password_by_mail_once_within_the_hour(padma: Cast, settings_of_mail: None) -> None:
    set_email(user_id=padma.owners["north"], email="north@mail.example")
    stranger = signed_in("north")
    assert asked_for_mail("north@mail.example") == asked_for_mail("nobody@mail.example")
    kept = Mail.objects.get()
    assert f"http://{HOST}/" in kept.body
    assert mails.send_waiting_mails(clock.now()) == 1
    sent = mail.outbox[0]
    assert sent.to == ["north@mail.example"]
    assert sent.from_email.startswith("Padma <")
    assert Mail.objects.get().body == ""
    path = link_in(kept)
    client = Client()
    assert client.get(path).status_code == 200
    new = {"password": "a new password", "again": "a new password"}
    assert client.post(path, {**new, "again": "another one"}).status_code == 422
    assert client.post(path, new).headers["Location"] == "/sign-in/"
    assert client.post(path, new).status_code == 410
    assert client.get(path).status_code == 410
    assert not UserSession.objects.filter(user_id=padma.owners["north"]).exists()
    assert stranger.get("/customers/").status_code == 303
    assert not is_in(sign_in("north@padma"))
    assert is_in(sign_in("north@padma", "a new password"))


def test_the_key_of_a_mail_is_of_one_person_and_is_over_after_an_hour(padma: Cast) -> None:
    set_email(user_id=padma.owners["north"], email="north@mail.example")
    asked_for_mail("north@padma")
    path = link_in(Mail.objects.get())
    other = path.replace(f"/{padma.owners['north']}/", f"/{padma.owners['rival']}/")
    assert Client().get(other).status_code == 410
    stamp, digest = path.strip("/").split("/")[-1].split("-")
    earlier = path.replace(stamp, _base36(int(stamp, 36) - 3601))
    assert Client().get(earlier).status_code == 410, digest
    sign_in("north@padma")
    assert Client().get(path).status_code == 410, "who signs in has not forgotten the password"


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[rest] + digits
    return digits


def test_mails_lead_only_to_host_names_that_are_ours_and_are_few(padma: Cast) -> None:
    set_email(user_id=padma.owners["north"], email="north@mail.example")
    asked_for_mail("north@padma", HTTP_HOST="evil.example")
    assert f"http://{HOST}/" in Mail.objects.get().body
    for _ in range(8):
        asked_for_mail("north@padma")
    assert Mail.objects.count() == mails.MAILS_AN_HOUR
    HostDirectory.objects.all().delete()
    Mail.objects.all().delete()
    Try.objects.all().delete()
    asked_for_mail("north@padma", HTTP_HOST="evil.example")
    assert Mail.objects.count() == 0


def test_an_e_mail_address_is_ones_own_once_its_mail_was_answered(padma: Cast) -> None:
    client = signed_in("north")
    assert client.post("/profile/email/", {"email": "New@Mail.example"}, HTTP_HOST=HOST).status_code == 303
    assert user_of("north").email == ""
    path = link_in(Mail.objects.get())
    assert Client().get(path).status_code == 200
    assert user_of("north").email == ""
    assert Client().post(path).status_code == 303
    assert user_of("north").email == "new@mail.example"
    assert Client().post(path).status_code == 410
    assert Client().get(path[:-3] + "xyz/").status_code == 410


@pytest.fixture
def settings_of_mail() -> Iterator[None]:
    """A mail server that keeps what it is given."""
    with override_settings(EMAIL_HOST="mail.example", EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend"):
        mail.outbox = []
        yield


# --- sessions and the profile -----------------------------------------------------------------------------------------


def test_a_session_gets_a_new_key_at_the_sign_in_and_is_listed_with_its_device(padma: Cast) -> None:
    client = Client(headers={"User-Agent": "Mozilla/5.0 (Linux; Android 14) Chrome/130.0 Mobile Safari/537.36"})
    client.post("/sign-in/passkey/")
    before = client.session.session_key
    assert is_in(sign_in("north@padma", client=client))
    assert before and client.session.session_key != before
    assert not UserSession.objects.filter(session_key=before).exists()
    page = client.get("/profile/").content.decode()
    assert "Chrome on Android" in page and "127.0.0.1" in page and "This one" in page
    assert str(client.session.session_key) not in page


def test_ending_one_session_all_others_and_all_of_a_person(padma: Cast) -> None:
    here, there, third = signed_in("north"), signed_in("north"), signed_in("north")
    rivals = signed_in("rival")
    handle = sessions.handle_of(str(there.session.session_key))
    assert rivals.post(f"/profile/sessions/{handle}/end/").status_code == 404
    assert here.post(f"/profile/sessions/{handle}/end/").status_code == 303
    assert [each.get("/profile/").status_code for each in (here, there, third)] == [200, 303, 200]
    assert here.post("/profile/sessions/end/").status_code == 303
    assert [each.get("/profile/").status_code for each in (here, third, rivals)] == [200, 303, 200]
    sessions.end_sessions_of(padma.owners["north"])
    assert here.get("/profile/").status_code == 303


def test_a_changed_password_ends_the_other_sessions(padma: Cast) -> None:
    here, there = signed_in("north"), signed_in("north")
    key = here.session.session_key
    new = {"current": PASSWORD, "password": "a new password", "again": "a new password"}
    assert here.post("/password/", new).status_code == 303
    assert here.get("/profile/").status_code == 200
    assert here.session.session_key != key
    assert UserSession.objects.filter(user_id=padma.owners["north"]).count() == 1
    assert there.get("/profile/").status_code == 303


def test_the_present_password_cannot_be_guessed_in_an_open_browser(padma: Cast) -> None:
    client = signed_in("north")
    wrong = {"current": "wrong", "password": "a new password", "again": "a new password"}
    answers = [client.post("/password/", wrong).content.decode() for _ in range(5)]
    assert "Wait 1 minute," in answers[-1]
    assert client.post("/password/", {**wrong, "current": PASSWORD}).status_code == 422


def test_a_session_is_over_twelve_hours_after_it_was_last_used(padma: Cast) -> None:
    client = signed_in("north")
    row = UserSession.objects.get(user_id=padma.owners["north"])
    assert timedelta(hours=11, minutes=59) < row.expire_date - clock.now() <= timedelta(hours=12)
    session = client.session
    session["seen_at"] = (clock.now() - timedelta(hours=2)).isoformat()
    session.save()
    UserSession.objects.update(expire_date=clock.now() + timedelta(minutes=1))
    for by_itself in ({"X-Unattended": "1"}, {"Accept": "text/event-stream"}):
        assert client.get("/profile/", headers=by_itself).status_code == 200
        assert UserSession.objects.get().expire_date < clock.now() + timedelta(minutes=2)
    assert client.get("/profile/").status_code == 200
    assert UserSession.objects.get().expire_date > clock.now() + timedelta(hours=11)
    UserSession.objects.update(expire_date=clock.now() - timedelta(minutes=1))
    assert client.get("/profile/", headers={"X-Unattended": "1"}).status_code == 204
    assert client.get("/profile/").status_code == 303


def test_a_session_that_is_used_every_day_is_over_after_thirty_days(padma: Cast) -> None:
    client = signed_in("north")

    def begun(days: float) -> None:
        session = client.session
        session["started_at"] = (clock.now() - timedelta(days=days)).isoformat()
        session["seen_at"] = (clock.now() - timedelta(hours=2)).isoformat()
        session.save()

    begun(29.9)
    assert client.get("/profile/").status_code == 200
    assert UserSession.objects.get().expire_date < clock.now() + timedelta(hours=3)
    begun(30)
    assert client.get("/profile/").status_code == 303


def test_cookies_are_secure_over_tls_and_hidden_from_scripts(padma: Cast) -> None:
    for secure in (True, False):
        client = Client()
        client.get("/sign-in/", secure=secure)
        client.post("/sign-in/", {"username": "north@padma", "password": PASSWORD}, secure=secure)
        named = [cookie for name, cookie in client.cookies.items() if name.startswith("backhaul")]
        assert len(named) == 3
        assert {bool(cookie["secure"]) for cookie in named} == {secure}
        assert all(cookie["httponly"] for cookie in named)


def test_the_password_is_asked_for_again_before_something_dangerous(padma: Cast) -> None:
    client = signed_in("north")
    session = client.session
    session["confirmed_at"] = (clock.now() - timedelta(minutes=11)).isoformat()
    session.save()
    asks = "/confirm/?next=%2Fprofile%2Fsecond-factor%2F"
    assert client.get("/profile/second-factor/").headers["Location"] == asks
    assert client.post(asks, {"password": "wrong"}).status_code == 422
    assert client.get("/profile/second-factor/").status_code == 303
    assert client.post(asks, {"password": PASSWORD}).headers["Location"] == "/profile/second-factor/"
    assert client.get("/profile/second-factor/").status_code == 200
    assert client.post("/profile/second-factor/", {"code": "²"}).status_code == 422
    assert client.post("/confirm/?next=https://evil.example/", {"password": PASSWORD}).headers["Location"] == "/"


def test_the_profile_keeps_what_it_is_told_and_pages_follow(padma: Cast) -> None:
    client = signed_in("north")
    told = {"full_name": "Rahim Uddin", "mobile": "০১৭১১-000000", "language": "bn", "theme": "dark"}
    answer = client.post("/profile/", told)
    assert answer.status_code == 303
    assert answer.cookies["theme"].value == "dark"
    user = user_of("north")
    assert (user.full_name, user.mobile, user.language, user.theme) == ("Rahim Uddin", "01711000000", "bn", "dark")
    assert 'lang="bn"' in client.get("/profile/").content.decode()
    assert client.post("/profile/", {**told, "theme": "pink"}).status_code == 422
    assert 'lang="bn"' in signed_in("north").get("/profile/").content.decode()


def test_a_passkey_that_nobody_made_signs_nobody_in(padma: Cast) -> None:
    client = Client()
    assert client.post("/sign-in/passkey/").json()["rpId"] == "testserver"
    for junk in ("{}", "[]", "null", "x", '{"id": "AA", "rawId": "AA", "type": "public-key", "response": {}}'):
        client.post("/sign-in/passkey/")
        assert client.post("/sign-in/passkey/", {"credential": junk}).status_code == 422
    assert client.get("/customers/").status_code == 303


def test_who_manages_staff_signs_a_person_out_and_lets_it_set_the_second_factor_up_anew(padma: Cast) -> None:
    with acting(padma.padma, padma.north):
        build_person(padma.north, "clerk", "collector")
        member = rows("SELECT id FROM membership WHERE user_id = %s", [user_of("clerk").pk])[0]["id"]
    owner, clerk = signed_in("north"), signed_in("clerk")
    assert clerk.post(f"/staff/{member}/sign-out/").status_code == 403
    assert signed_in("rival").post(f"/staff/{member}/sign-out/").status_code == 404
    assert owner.post(f"/staff/{member}/sign-out/").status_code == 303
    assert clerk.get("/profile/").status_code == 303
    clerk = signed_in("clerk")
    with_app(user_of("clerk").pk)
    for _ in range(5):
        sign_in("clerk@padma", "wrong")
    assert not is_in(sign_in("clerk@padma"))
    assert owner.post(f"/staff/{member}/second-factor/").status_code == 303
    assert clerk.get("/profile/").status_code == 303
    assert is_in(sign_in("clerk@padma"))
