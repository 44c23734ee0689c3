"""One row of an import: what its cells may be, and what is said of those that may not."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo
from pydantic_core import PydanticCustomError

from backhaul.common.errors import InvalidInput
from backhaul.common.money import parse_minor
from backhaul.network.rules import clean_address, clean_mac, clean_password, clean_username
from backhaul.subscribers.rules import clean_mobile, clean_name, plain_digits

CONNECTION_TYPES = {
    "pppoe": "pppoe", "hotspot": "hotspot", "static_ip": "static", "static": "static", "static ip": "static",
    "other": "other",
}  # fmt: skip
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_LOCAL = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})")


@dataclass(frozen=True)
class Known:
    """What the rows are checked against: packages and profiles offered, by name; the currency's decimals."""

    packages: dict[str, tuple[int, int]]
    profiles: dict[str, tuple[int, int]]
    decimals: int = 2


def _cell(reason: str, clean: Callable[[str], Any], *, required: bool = False) -> BeforeValidator:
    """A cell that `clean` accepts; an empty one is None, or refused as missing."""

    def check(text: str, info: ValidationInfo) -> Any:
        plain = text.strip()
        if not plain:
            if required:
                raise PydanticCustomError(f"{info.field_name} missing", "Fill this cell in.")
            return None
        try:
            return clean(plain)
        except InvalidInput as refusal:
            raise _problem(reason, refusal.message) from None

    return BeforeValidator(check)


def _problem(reason: str, message: str) -> PydanticCustomError:
    return PydanticCustomError(reason, "{said}", {"said": message})


def _named(kind: str, column: str, reason_missing: str) -> BeforeValidator:
    """A cell that names one of the packages or profiles offered."""

    def check(text: str, info: ValidationInfo[Known]) -> tuple[int, int]:
        plain = " ".join(text.split())
        offered: dict[str, tuple[int, int]] = getattr(info.context, column)
        if not plain:
            raise _problem(reason_missing, f"Name a {kind}: {_listed(offered)}.")
        found = offered.get(plain)
        if found is None:
            raise _problem(f"unknown {kind}", f"There is no {kind} “{plain}”; name one of: {_listed(offered)}.")
        return found

    return BeforeValidator(check)


def _listed(offered: dict[str, tuple[int, int]]) -> str:
    return ", ".join(sorted(offered)) or "none is offered yet"


def _amount(reason: str) -> BeforeValidator:
    """An amount of the ISP's currency in minor units."""

    def check(text: str, info: ValidationInfo[Known]) -> int | None:
        if not text.strip():
            return None
        try:
            return parse_minor(text, decimals=info.context.decimals)
        except InvalidInput as refusal:
            raise _problem(reason, refusal.message) from None

    return BeforeValidator(check)


def _connection_type(text: str) -> str:
    found = CONNECTION_TYPES.get(text.lower())
    if found is None:
        raise InvalidInput("“%(text)s” is not a connection type; write pppoe, hotspot, static_ip or other.", text=text)
    return found


@lru_cache(maxsize=4096)  # a file has many rows and few days
def _day(text: str) -> date:
    plain = plain_digits(text)
    year_first, day_first = _ISO.fullmatch(plain), _LOCAL.fullmatch(plain)
    try:
        if year_first:
            return date(int(year_first[1]), int(year_first[2]), int(year_first[3]))
        if day_first:
            return date(int(day_first[3]), int(day_first[2]), int(day_first[1]))
    except ValueError:
        raise InvalidInput("There is no day %(text)s in the calendar.", text=text) from None
    raise InvalidInput("“%(text)s” is not a date; write it like 2026-01-31.", text=text)


class ImportRow(BaseModel):
    """A customer to take over, clean."""

    model_config = ConfigDict(frozen=True)

    name: Annotated[str, _cell("name", clean_name, required=True)]
    username: Annotated[str, _cell("username", clean_username, required=True)]
    password: Annotated[str, _cell("password", clean_password, required=True)]
    package: Annotated[tuple[int, int], _named("package", "packages", "package missing")]
    billing_profile: Annotated[tuple[int, int], _named("profile", "profiles", "profile missing")]
    joined_on: Annotated[date, _cell("date", _day, required=True)]
    mobile: Annotated[str | None, _cell("mobile", clean_mobile)] = None
    connection_type: Annotated[str | None, _cell("connection type", _connection_type)] = None
    zone: Annotated[str | None, _cell("zone", lambda text: " ".join(text.split()))] = None
    address: Annotated[str | None, _cell("address", str)] = None
    mac: Annotated[str | None, _cell("mac", clean_mac)] = None
    static_ip: Annotated[str | None, _cell("ip", lambda text: clean_address(text, field="static_ip"))] = None
    custom_price: Annotated[int | None, _amount("price")] = None
    opening_due: Annotated[int | None, _amount("amount")] = None
    billed_until: Annotated[date | None, _cell("date", _day)] = None


REQUIRED = tuple(name for name, field in ImportRow.model_fields.items() if field.is_required())
COLUMNS = tuple(ImportRow.model_fields)
