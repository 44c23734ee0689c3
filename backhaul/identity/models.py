"""Shared tables: users, and the directories from an ISP, a host name or a router to a cell (ARCHITECTURE §4)."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models


class User(AbstractBaseUser):
    """A person who signs in; belongs to one ISP. Customers are not users."""

    isp_id = models.BigIntegerField()
    name = models.CharField(max_length=60)
    full_name = models.CharField(max_length=120, blank=True)
    home_operator_id = models.BigIntegerField()
    is_active = models.BooleanField(default=True)
    must_change_password = models.BooleanField(default=False)

    objects = BaseUserManager()
    USERNAME_FIELD = "id"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [models.UniqueConstraint(fields=["isp_id", "name"], name="user_name_in_isp")]


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


class NasDirectory(models.Model):
    """A router's packet source address → ISP and cell; two ISPs behind one address are refused by the key."""

    source_address = models.GenericIPAddressField(primary_key=True)
    isp_id = models.BigIntegerField()
    cell = models.CharField(max_length=30)

    class Meta:
        db_table = "nas_directory"
