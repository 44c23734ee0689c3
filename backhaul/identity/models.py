"""Shared tables: users, and the directories from an ISP, a host name or a router to a cell (ARCHITECTURE §4)."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models


class User(AbstractBaseUser):
    """A person who signs in; belongs to one ISP. Customers are not users.

    `email` is one whose mailbox was proved to be the person's (or that who took the person on gave): it signs in.
    """

    isp_id = models.BigIntegerField()
    name = models.CharField(max_length=60)
    full_name = models.CharField(max_length=120, blank=True)
    home_operator_id = models.BigIntegerField()
    is_active = models.BooleanField(default=True)
    must_change_password = models.BooleanField(default=False)
    email = models.CharField(max_length=254, blank=True, default="")  # in small letters
    mobile = models.CharField(max_length=20, blank=True, default="")
    language = models.CharField(max_length=5, blank=True, default="")  # empty: as the browser wants it
    theme = models.CharField(max_length=5, blank=True, default="")  # light, dark; empty: as the device is set

    objects = BaseUserManager()
    USERNAME_FIELD = "id"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["isp_id", "name"], name="user_name_in_isp"),
            models.UniqueConstraint(
                fields=["isp_id", "email"], name="user_email_in_isp", condition=~models.Q(email="")
            ),
        ]
        indexes = [models.Index(fields=["email"], name="user_email", condition=~models.Q(email=""))]

    @property
    def last_sign_in_at(self) -> datetime | None:
        return self.last_login


class UserSession(AbstractBaseSession):
    """A signed-in browser; or, without a user, one that is on its way to signing in."""

    user_id = models.BigIntegerField(null=True, db_index=True)
    address = models.CharField(max_length=45, blank=True)
    device = models.CharField(max_length=300, blank=True)
    started_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "user_session"


class Try(models.Model):
    """How often something that must not be tried for ever was tried lately, from one address: a row for each."""

    what = models.CharField(max_length=200)
    address = models.CharField(max_length=45)
    times = models.IntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField(db_index=True)
    locked_until = models.DateTimeField(null=True)

    class Meta:
        db_table = "sign_in_try"
        constraints = [models.UniqueConstraint(fields=["what", "address"], name="sign_in_try_of")]


class CodeApp(models.Model):
    """The secret that a person's authenticator app shares with us, sealed; the last time step whose code was used."""

    user_id = models.BigIntegerField(primary_key=True)
    sealed = models.TextField()
    last_step = models.BigIntegerField()
    added_at = models.DateTimeField()

    class Meta:
        db_table = "code_app"


class RecoveryCode(models.Model):
    """One of a person's codes for the day on which the phone is lost: only its digest, and each works once."""

    user_id = models.BigIntegerField()
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "recovery_code"
        constraints = [models.UniqueConstraint(fields=["user_id", "digest"], name="recovery_code_of")]


class Passkey(models.Model):
    """A public key that a person's device signs in with; `site` is the host name that it works on."""

    user_id = models.BigIntegerField(db_index=True)
    credential = models.CharField(max_length=1400, unique=True)
    public_key = models.TextField()
    sign_count = models.BigIntegerField()
    site = models.CharField(max_length=253)
    name = models.CharField(max_length=60)
    added_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "passkey"


class Mail(models.Model):
    """A mail about signing in, waiting to be sent; its text is emptied then, for it may hold a key."""

    user_id = models.BigIntegerField()
    address = models.CharField(max_length=254)
    sender_name = models.CharField(max_length=120)
    reply_to = models.CharField(max_length=254, blank=True)
    subject = models.CharField(max_length=200)
    body = models.TextField()
    queued_at = models.DateTimeField()
    tries = models.IntegerField(default=0)
    tried_at = models.DateTimeField(null=True)
    failure = models.CharField(max_length=300, blank=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "sign_in_mail"
        indexes = [models.Index(fields=["queued_at"], name="sign_in_mail_waits", condition=models.Q(sent_at=None))]


class IspDirectory(models.Model):
    """Which cell an ISP lives in, with what holds for its whole tree: time zone and currency."""

    isp_id = models.BigIntegerField(primary_key=True)
    slug = models.SlugField(max_length=63, unique=True)
    cell = models.CharField(max_length=30)
    time_zone = models.CharField(max_length=64, default="Asia/Dhaka")
    currency = models.CharField(max_length=3, default="BDT")
    currency_decimals = models.SmallIntegerField(default=2)

    class Meta:
        db_table = "isp_directory"


class HostDirectory(models.Model):
    """Host name → the operator whose brand it shows."""

    host = models.CharField(max_length=253, primary_key=True)
    isp_id = models.BigIntegerField()
    operator_id = models.BigIntegerField()

    class Meta:
        db_table = "host_directory"


class HostClaim(models.Model):
    """An operator says that a host name is its own; it counts nothing until the name was seen to lead here."""

    id = models.CharField(max_length=32, primary_key=True)
    host = models.CharField(max_length=253)
    isp_id = models.BigIntegerField()
    operator_id = models.BigIntegerField()
    token = models.CharField(max_length=64)
    claimed_at = models.DateTimeField()
    tried_at = models.DateTimeField(null=True)
    failure = models.CharField(max_length=40, blank=True)

    class Meta:
        db_table = "host_claim"
        constraints = [models.UniqueConstraint(fields=["operator_id", "host"], name="host_claim_once")]


class NasDirectory(models.Model):
    """A router's packet source address → ISP and cell; two ISPs behind one address are refused by the key."""

    source_address = models.GenericIPAddressField(primary_key=True)
    isp_id = models.BigIntegerField()
    cell = models.CharField(max_length=30)

    class Meta:
        db_table = "nas_directory"
