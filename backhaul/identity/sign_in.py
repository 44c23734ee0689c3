"""The steps of signing in: the password, then the second factor; each counted, each locked after too many tries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from backhaul.identity import limits
from backhaul.identity.backends import password_fits
from backhaul.identity.models import User
from backhaul.identity.queries import find_person, name_meant, names_of
from backhaul.identity.second_factor import use_code

# Failures from one address over all names: above what the people of an office behind one address mistype.
ADDRESS_TRIES, ADDRESS_TIME = 100, timedelta(minutes=15)
# Failures at a person's second step over all addresses. Only who knows the password gets there, so that nobody else
# can use them up; and a million codes do not last long against many addresses.
CODE_TRIES, CODE_TIME = 10, timedelta(hours=1)


@dataclass(frozen=True)
class Tried:
    """How a try went. `wait`: locked, and for how long still; `locks`: this very try locked it; `how`: what fitted."""

    user: User | None = None
    wait: timedelta | None = None
    locks: bool = False
    about: User | None = None
    how: str = ""


def try_password(login: str, password: str, *, host: str, address: str, now: datetime) -> Tried:
    """The first step, by what was typed. Says the same, and takes as long, for a name that is nobody's."""
    if not limits.within_rate("sign-in", address, most=ADDRESS_TRIES, per=ADDRESS_TIME, now=now):
        return Tried(wait=ADDRESS_TIME)
    found = find_person(login, host)
    what = f"password {name_meant(login, host)}"
    counted = limits.count_try(what, address, now)
    if not counted.allowed:
        return _locked(what, address, now, found)
    if password_fits(found, password):
        limits.forget_tries(what, address)
        limits.give_back("sign-in", address)
        return Tried(user=found, about=found, how="password")
    return Tried(about=found, locks=counted.locks, wait=limits.locked_for(what, address, now))


def try_own_password(user: User, password: str, *, address: str, now: datetime) -> Tried:
    """Somebody who is signed in gives the password once more, before something dangerous."""
    what = f"password {user.pk}"
    counted = limits.count_try(what, address, now)
    if not counted.allowed:
        return _locked(what, address, now, user)
    if password_fits(user, password):
        limits.forget_tries(what, address)
        return Tried(user=user, about=user, how="password")
    return Tried(about=user, locks=counted.locks, wait=limits.locked_for(what, address, now))


def try_code(user: User, code: str, *, address: str, now: datetime) -> Tried:
    """The second step, by a code of the authenticator app or a recovery code. Counted apart from passwords: knowing
    the password must not buy further guesses."""
    what, anywhere = f"code {user.pk}", f"codes {user.pk}"
    counted = limits.count_try(what, address, now)
    if not counted.allowed:
        return _locked(what, address, now, user)
    times = limits.times_within(anywhere, "", most=CODE_TRIES, per=CODE_TIME, now=now)
    if times is None:
        return Tried(about=user, wait=CODE_TIME)
    how = use_code(user.pk, code, now)
    if how:
        limits.forget_tries(what, address)
        limits.give_back(anywhere, "")
        return Tried(user=user, about=user, how=how)
    locks = counted.locks or times == CODE_TRIES
    return Tried(about=user, locks=locks, wait=limits.locked_for(what, address, now))


def passkey_may_be_tried(address: str, now: datetime) -> bool:
    """Passkeys cannot be guessed; this keeps a machine that tries from keeping the server busy."""
    return limits.within_rate("passkey", address, most=3 * ADDRESS_TRIES, per=ADDRESS_TIME, now=now)


def lift_locks(user_id: int) -> None:
    """Let a person try again from everywhere at once."""
    user = User.objects.get(pk=user_id)
    tried = [f"password {name}" for name in names_of(user)]
    for what in (*tried, f"password {user_id}", f"code {user_id}", f"codes {user_id}"):
        limits.forget_tries(what)


def _locked(what: str, address: str, now: datetime, about: User | None) -> Tried:
    return Tried(about=about, wait=limits.locked_for(what, address, now) or timedelta(minutes=1))
