"""Passkeys (WebAuthn): a device signs a challenge instead of a person typing a password.

`site` is the host name (the relying party), `origin` the whole beginning of the address; the challenge is kept by the
caller, who uses it once. A passkey asks its owner (finger, face, code) each time, so it is both factors in one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, parse_authentication_credential_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from backhaul.common.errors import InvalidInput, NotFound
from backhaul.identity.models import Passkey, User

MOST = 20


@dataclass(frozen=True)
class Site:
    """Where passkeys are made and used."""

    host: str
    origin: str

    @property
    def takes_passkeys(self) -> bool:
        """Browsers make none for a bare number, and without TLS only for the machine itself."""
        plain = self.host == "localhost" or self.host.endswith(".localhost")
        return not re.fullmatch(r"[0-9.]+|\[.*\]", self.host) and (plain or self.origin.startswith("https://"))


@dataclass(frozen=True)
class Challenge:
    """What the browser is told, and the part of it that its answer must hold."""

    options: str
    challenge: str


def ask_for_new(user: User, site: Site, *, shown_as: str, company: str) -> Challenge:
    """What a browser needs to make a passkey for somebody."""
    have = Passkey.objects.filter(user_id=user.pk, site=site.host).values_list("credential", flat=True)
    options = generate_registration_options(
        rp_id=site.host,
        rp_name=company,
        user_id=str(user.pk).encode(),
        user_name=shown_as,
        user_display_name=user.full_name or user.name,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=base64url_to_bytes(each)) for each in have],
    )
    return Challenge(options_to_json(options), bytes_to_base64url(options.challenge))


def add_passkey(user: User, site: Site, *, name: str, challenge: str, answer: str, now: datetime) -> None:
    """Keep the passkey that the browser made. Raises InvalidInput."""
    if Passkey.objects.filter(user_id=user.pk).count() >= MOST:
        raise InvalidInput("You have many passkeys already; remove one that you no longer use.")
    try:
        made = verify_registration_response(
            credential=answer,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=site.host,
            expected_origin=site.origin,
            require_user_verification=True,
        )
        with transaction.atomic():
            Passkey.objects.create(
                user_id=user.pk,
                credential=bytes_to_base64url(made.credential_id),
                public_key=bytes_to_base64url(made.credential_public_key),
                sign_count=made.sign_count,
                site=site.host,
                name=_named(name),
                added_at=now,
            )
    except (WebAuthnException, ValueError, IntegrityError):
        raise InvalidInput("The passkey that this device made cannot be used here; try again.") from None


def ask_for_one(site: Site) -> Challenge:
    """What a browser needs to sign somebody in with a passkey, whosever it is."""
    options = generate_authentication_options(rp_id=site.host, user_verification=UserVerificationRequirement.REQUIRED)
    return Challenge(options_to_json(options), bytes_to_base64url(options.challenge))


def use_passkey(site: Site, *, challenge: str, answer: str, now: datetime) -> User | None:
    """Whom the browser's answer signs in; None when it proves nobody."""
    try:
        credential = parse_authentication_credential_json(answer)
        key = Passkey.objects.filter(credential=bytes_to_base64url(credential.raw_id), site=site.host).first()
        if key is None:
            return None
        proved = verify_authentication_response(
            credential=credential,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=site.host,
            expected_origin=site.origin,
            credential_public_key=base64url_to_bytes(key.public_key),
            credential_current_sign_count=key.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError):
        return None
    Passkey.objects.filter(pk=key.pk).update(sign_count=proved.new_sign_count, used_at=now)
    return User.objects.filter(pk=key.user_id, is_active=True).first()


def list_passkeys(user_id: int) -> list[dict[str, Any]]:
    """A person's passkeys, the newest first."""
    found = Passkey.objects.filter(user_id=user_id).order_by("-added_at", "-id")
    return [dict(row) for row in found.values("id", "name", "site", "added_at", "used_at")]


def get_passkey(user_id: int, passkey_id: int) -> dict[str, Any]:
    """One of a person's passkeys; raises NotFound."""
    for row in list_passkeys(user_id):
        if row["id"] == passkey_id:
            return row
    raise NotFound("You have no such passkey.")


def rename_passkey(user_id: int, passkey_id: int, name: str) -> None:
    """Raises InvalidInput for no name at all."""
    Passkey.objects.filter(user_id=user_id, pk=passkey_id).update(name=_named(name))


def remove_passkey(user_id: int, passkey_id: int) -> None:
    """It signs nobody in any more."""
    Passkey.objects.filter(user_id=user_id, pk=passkey_id).delete()


def remove_passkeys(user_id: int) -> None:
    """None of a person's passkeys signs it in any more."""
    Passkey.objects.filter(user_id=user_id).delete()


def _named(name: str) -> str:
    if not name.strip():
        raise InvalidInput("Give the passkey a name by which you know the device.", field="name")
    return name.strip()[:60]
