"""The steps of signing in without pages: counted tries, codes by the clock, sealed secrets, sessions."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pyotp
import pytest
from django.db import connections

from backhaul.common.errors import InvalidInput
from backhaul.identity import devices, limits, mails, second_factor
from backhaul.identity.models import CodeApp, Mail, Passkey, Try, User
from backhaul.identity.passkeys import Site, get_passkey, remove_passkey
from backhaul.identity.services import create_user, set_first_password
from backhaul.identity.sessions import SessionStore, begin_session, end_session, end_sessions_of, list_sessions
from backhaul.identity.sign_in import lift_locks, try_code, try_password
from tests.cast import Cast

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
HERE, THERE = "192.0.2.1", "192.0.2.2"
Given = TypeVar("Given")


def at_once(count: int, work: Callable[[], Given]) -> list[Given]:
    """What so many threads get that begin together."""

    def one(_: int) -> Given:
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def north(cast: Cast) -> User:
    return User.objects.get(pk=cast.owners["north"])


def test_of_many_tries_at_once_five_are_made(db: object) -> None:
    made = at_once(12, lambda: limits.count_try("x", HERE, AT))
    assert sum(each.allowed for each in made) == limits.FREE_TRIES
    assert sum(each.locks for each in made) == 1
    assert limits.count_try("x", THERE, AT).allowed
    assert limits.count_try("y", HERE, AT).allowed


def test_a_lock_doubles_up_to_an_hour_and_is_forgotten_after_a_day_of_quiet(db: object) -> None:
    now, waits = AT, []
    for _ in range(limits.FREE_TRIES + 8):
        limits.count_try("x", HERE, now)
        wait = limits.locked_for("x", HERE, now)
        if wait:
            waits.append(wait.total_seconds() / 60)
            assert not limits.count_try("x", HERE, now + wait - timedelta(seconds=1)).allowed
            now += wait
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    later = now + limits.FORGOTTEN_AFTER + timedelta(minutes=61)
    assert [limits.count_try("x", HERE, later).locks for _ in range(5)] == [False] * 4 + [True]
    limits.clear_old_tries(later + timedelta(days=2))
    assert not Try.objects.exists()


def test_what_is_limited_in_a_window_begins_anew_after_it(db: object) -> None:
    hour = timedelta(hours=1)
    told = [limits.within_rate("mail", "", most=2, per=hour, now=AT + timedelta(minutes=n)) for n in (0, 1, 2, 59, 60)]
    assert told == [True, True, False, False, True]


def test_a_person_is_let_try_again_by_whoever_may(cast: Cast) -> None:
    for _ in range(5):
        tried = try_password("north@padma", "wrong", host="", address=HERE, now=AT)
    assert tried.locks and tried.wait == timedelta(minutes=1)
    lift_locks(cast.owners["north"])
    assert try_password("north@padma", "correct horse battery", host="", address=HERE, now=AT).user is not None


def test_a_browser_is_known_to_the_last_few_who_signed_in_there_for_a_year() -> None:
    note = ""
    for user_id in range(1, 7):
        note = devices.with_device(note, user_id)
    assert [bool(devices.known_device(note, n)) for n in range(1, 7)] == [False] + [True] * 5
    assert devices.known_device(devices.with_device(note, 6), 6) == devices.known_device(note, 6)
    assert devices.known_device(note, 5) != devices.known_device(note, 6)
    assert devices.known_device(note[:-2] + "xx", 6) == devices.known_device("", 6) == ""


def with_app(user_id: int) -> pyotp.TOTP:
    secret = second_factor.new_secret()
    app = pyotp.TOTP(secret)
    second_factor.turn_on_code_app(user_id, secret, app.at(AT), now=AT)
    return app


def test_a_code_is_good_for_its_own_time_and_once(cast: Cast) -> None:
    user = north(cast)
    app = with_app(user.pk)
    assert second_factor.use_code(user.pk, app.at(AT), AT) == ""
    half_a_minute_on = AT + timedelta(seconds=30)
    code = app.at(half_a_minute_on)
    assert second_factor.use_code(user.pk, code, half_a_minute_on + timedelta(minutes=2)) == ""
    told = at_once(6, lambda: second_factor.use_code(user.pk, code, half_a_minute_on))
    assert sorted(told) == ["", "", "", "", "", "code_app"]
    assert second_factor.use_code(cast.owners["rival"], app.at(AT + timedelta(minutes=1)), AT) == ""


def test_one_of_many_with_the_same_recovery_code_comes_in(cast: Cast) -> None:
    user = north(cast)
    with_app(user.pk)
    code = second_factor.new_recovery_codes(user.pk)[0]
    tried = at_once(4, lambda: try_code(user, code, address=HERE, now=AT))
    assert sum(each.user is not None for each in tried) == 1
    assert second_factor.count_recovery_codes(user.pk) == 9


def test_a_secret_is_sealed_and_a_wrong_first_code_keeps_nothing(cast: Cast) -> None:
    user = north(cast)
    with pytest.raises(InvalidInput):
        second_factor.turn_on_code_app(user.pk, second_factor.new_secret(), "000000", now=AT)
    assert not second_factor.has_code_app(user.pk)
    app = with_app(user.pk)
    assert app.secret not in CodeApp.objects.get().sealed
    second_factor.remove_second_factor(user.pk)
    assert not second_factor.has_code_app(user.pk)


def test_passkeys_need_a_host_name_and_tls_and_are_ones_own(cast: Cast) -> None:
    taken = {
        "http://localhost:8000": True, "https://padma.example": True, "http://padma.example": False,
        "https://192.0.2.1": False, "http://127.0.0.1:8000": False, "https://[::1]:8000": False,
    }  # fmt: skip
    for origin, takes in taken.items():
        host = origin.partition("//")[2]
        bare = host if host.endswith("]") else host.rpartition(":")[0] or host
        assert Site(bare, origin).takes_passkeys is takes, origin
    key = Passkey.objects.create(
        user_id=cast.owners["north"], credential="x", public_key="x", sign_count=0, site="localhost", name="x",
        added_at=AT,
    )  # fmt: skip
    with pytest.raises(Exception, match="no such passkey"):
        get_passkey(cast.owners["rival"], key.pk)
    remove_passkey(cast.owners["rival"], key.pk)
    assert Passkey.objects.count() == 1


def test_all_sessions_of_a_person_end_and_a_new_first_password_ends_them(cast: Cast) -> None:
    def begin(user_id: int) -> None:
        session = SessionStore()
        session["_auth_user_id"] = str(user_id)
        begin_session(session, address=HERE, device="x", now=AT)
        session.create()

    mine, other = cast.owners["north"], cast.owners["rival"]
    for user_id in (mine, mine, other):
        begin(user_id)
    assert len(list_sessions(mine, None, now=AT)) == 2
    handle = list_sessions(mine, None, now=AT)[0]["handle"]
    assert not end_session(other, handle)
    assert end_session(mine, handle)
    begin(mine)
    assert end_sessions_of(mine) == 2
    assert len(list_sessions(other, None, now=AT)) == 1
    set_first_password(user_id=other, password="a first password")
    assert list_sessions(other, None, now=AT) == []
    assert User.objects.get(pk=other).must_change_password


def test_two_isps_may_know_the_same_address_and_one_may_not_twice(cast: Cast) -> None:
    def add(isp_id: int, name: str) -> int:
        return create_user(isp_id=isp_id, home_operator_id=isp_id, name=name, full_name=name,
                           password="long enough", email="Same@Mail.example ")  # fmt: skip

    add(cast.padma.isp_id, "one")
    add(cast.meghna.isp_id, "one")
    with pytest.raises(Exception, match="somebody else's e-mail"):
        add(cast.padma.isp_id, "two")
    with pytest.raises(InvalidInput, match="e-mail address like"):
        create_user(isp_id=1, home_operator_id=1, name="three", full_name="", password="long enough", email="no")


def test_mails_wait_without_a_server_and_are_dropped_when_what_they_offer_is_over(cast: Cast) -> None:
    user = north(cast)
    for n in range(mails.MAILS_AN_HOUR + 1):
        kept = mails.queue_mail(user, to="a@b.example", sender_name="Padma\nBcc: x", subject="s", body="b", now=AT)
        assert kept is (n < mails.MAILS_AN_HOUR)
    assert mails.send_waiting_mails(AT) == 0
    assert Mail.objects.count() == mails.MAILS_AN_HOUR
    assert "\n" not in Mail.objects.all()[0].sender_name
    mails.send_waiting_mails(AT + timedelta(hours=25))
    assert Mail.objects.count() == 0
