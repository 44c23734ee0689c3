"""The second factor: codes of an authenticator app (TOTP, RFC 6238), and recovery codes for when the phone is lost."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from datetime import datetime

import pyotp
from cryptography.fernet import Fernet
from django.conf import settings
from django.db import transaction
from django.utils.crypto import salted_hmac

from backhaul.common.errors import InvalidInput
from backhaul.identity.models import CodeApp, Passkey, RecoveryCode

STEP_SECONDS = 30
DRIFT = (-1, 0, 1)  # a phone's clock may be a step off
CODES = 10
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # none that looks like another
CODE_APP, RECOVERY = "code_app", "recovery_code"


def new_secret() -> str:
    """What an authenticator app is to be told."""
    return pyotp.random_base32()


def app_address(secret: str, *, account: str, issuer: str) -> str:
    """The address (otpauth://) that an app reads from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=issuer.replace(":", " "))


def has_code_app(user_id: int) -> bool:
    return CodeApp.objects.filter(user_id=user_id).exists()


def turn_on_code_app(user_id: int, secret: str, code: str, *, now: datetime) -> list[str]:
    """Ask for codes at each sign-in from now on, once a first one fits; returns fresh recovery codes, shown once.

    Raises InvalidInput.
    """
    step = _step_of(secret, code, now)
    if step is None:
        raise InvalidInput(
            "This is not the code that the app shows now. Wait for the next one, and see that the phone's clock is "
            "right.", field="code",
        )  # fmt: skip
    with transaction.atomic():
        kept = {"sealed": _seal().encrypt(secret.encode()).decode(), "last_step": step, "added_at": now}
        CodeApp.objects.update_or_create(user_id=user_id, defaults=kept)
        return new_recovery_codes(user_id)


def remove_second_factor(user_id: int) -> None:
    """Codes, recovery codes and passkeys are no more; who may do that is the caller's to check."""
    with transaction.atomic():
        for model in (CodeApp, RecoveryCode, Passkey):
            model.objects.filter(user_id=user_id).delete()


def turn_off_code_app(user_id: int) -> None:
    """Sign in without codes from now on; passkeys stay."""
    with transaction.atomic():
        CodeApp.objects.filter(user_id=user_id).delete()
        RecoveryCode.objects.filter(user_id=user_id).delete()


def new_recovery_codes(user_id: int) -> list[str]:
    """Ten codes that each work once; those before work no more. Only their digests are kept."""
    codes = ["-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(2)) for _ in range(CODES)]
    with transaction.atomic():
        RecoveryCode.objects.filter(user_id=user_id).delete()
        RecoveryCode.objects.bulk_create(RecoveryCode(user_id=user_id, digest=_digest(user_id, code)) for code in codes)
    return codes


def count_recovery_codes(user_id: int) -> int:
    """How many are left."""
    return RecoveryCode.objects.filter(user_id=user_id, used_at=None).count()


def use_code(user_id: int, code: str, now: datetime) -> str:
    """What a code was, now used up: CODE_APP or RECOVERY; empty when it does not fit, or was used before."""
    plain = re.sub(r"[\s-]", "", code).lower()
    if re.fullmatch(r"[0-9]{6}", plain):
        return CODE_APP if _use_app_code(user_id, plain, now) else ""
    found = RecoveryCode.objects.filter(user_id=user_id, digest=_digest(user_id, plain), used_at=None)
    return RECOVERY if found.update(used_at=now) else ""


def _use_app_code(user_id: int, code: str, now: datetime) -> bool:
    app = CodeApp.objects.filter(user_id=user_id).first()
    if app is None:
        return False
    step = _step_of(_seal().decrypt(app.sealed.encode()).decode(), code, now)
    # in one statement: of two browsers with the same code one comes in
    return step is not None and bool(CodeApp.objects.filter(user_id=user_id, last_step__lt=step).update(last_step=step))


def _step_of(secret: str, code: str, now: datetime) -> int | None:
    """The time step whose code it is, of the present one and its neighbours."""
    present = int(now.timestamp()) // STEP_SECONDS
    clock = pyotp.TOTP(secret, interval=STEP_SECONDS)
    fits = [
        present + off for off in DRIFT if hmac.compare_digest(clock.generate_otp(present + off).encode(), code.encode())
    ]
    return fits[0] if fits else None


def _digest(user_id: int, code: str) -> str:
    return salted_hmac("recovery code", f"{user_id} {code.replace('-', '')}", algorithm="sha256").hexdigest()


def _seal() -> Fernet:
    """Seals secrets with the server's own, so that a copy of the database alone signs nobody in."""
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(f"code app {settings.SECRET_KEY}".encode()).digest()))
