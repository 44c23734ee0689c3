"""The steps of signing in: the password, then the second factor; each counted, each locked after too many tries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from backhaul.identity import limits
from backhaul.identity.backends import password_fits
from backhaul.identity.devices import known_device
from backhaul.identity.models import User
from backhaul.identity.queries import find_person, name_meant, names_of
from backhaul.identity.second_factor import use_code

# Failures from one address over all names: above what the people of an office behind one address mistype.
ADDRESS_TRIES, ADDRESS_TIME = 100, timedelta(minutes=15)
# Failures at a person's second step over all addresses. Only who knows the password gets there, so that nobody else
# can use them up; and a million codes do not last long against many addresses.
CODE_TRIES, CODE_TIME = 10, timedelta(hours=1)
# Failures at one name over all addresses. Whoever wants to keep somebody out can use these up, so a browser in which
# the person has been before has as many of its own (devices), and passkeys and a new password by mail stay open.
PASSWORD_TRIES, PASSWORD_TIME = 20, timedelta(hours=1)


@dataclass(frozen=True)
class Tried:
    """How a try went. `wait`: locked, and for how long still; `locks`: this very try locked it; `how`: what fitted;
    `anywhere`: it is locked from other addresses, too."""

    user: User | None = None
    wait: timedelta | None = None
    locks: bool = False
    about: User | None = None
    how: str = ""
    anywhere: bool = False


def try_password(login: str, password: str, *, host: str, address: str, now: datetime, note: str = "") -> Tried:
    """The first step, by what was typed. Says the same, and takes as long, for a name that is nobody's. `note`: what
    the browser was told when somebody had signed in there."""
    if not limits.within_rate("sign-in", address, most=ADDRESS_TRIES, per=ADDRESS_TIME, now=now):
        return Tried(wait=ADDRESS_TIME)
    found = find_person(login, host)
    device = known_device(note, found.pk) if found is not None else ""
    tried = _try_at(name_meant(login, host), found, password, address=address, device=device, now=now)
    if tried.user is not None:
        limits.give_back("sign-in", address)
    return tried


def try_own_password(user: User, password: str, *, address: str, now: datetime) -> Tried:
    """Somebody who is signed in gives the password once more, before something dangerous."""
    return _try_at(str(user.pk), user, password, address=address, device="", now=now)


def _try_at(name: str, found: User | None, password: str, *, address: str, device: str, now: datetime) -> Tried:
    """Counted by the name and the address, and by the name over all addresses but a known device's."""
    what, anywhere = f"password {name}"[:200], f"passwords {name}"[:200]
    counted = limits.count_try(what, address, now)
    if not counted.allowed:
        return _locked(what, address, now, found)
    times = limits.times_within(anywhere, device, most=PASSWORD_TRIES, per=PASSWORD_TIME, now=now)
    if times is None:
        return Tried(about=found, wait=PASSWORD_TIME, anywhere=True)
    if password_fits(found, password):
        limits.forget_tries(what, address)
        limits.give_back(anywhere, device)
        return Tried(user=found, about=found, how="password")
    locks = counted.locks or times == PASSWORD_TRIES
    return Tried(about=found, locks=locks, wait=limits.locked_for(what, address, now))


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
    names = (*names_of(user), user_id)
    tried = [f"{word} {name}"[:200] for word in ("password", "passwords") for name in names]
    for what in (*tried, f"code {user_id}", f"codes {user_id}"):
        limits.forget_tries(what)


def _locked(what: str, address: str, now: datetime, about: User | None) -> Tried:
    return Tried(about=about, wait=limits.locked_for(what, address, now) or timedelta(minutes=1))
