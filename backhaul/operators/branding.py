"""What an operator's pages, documents and mails look like, and whom they name as the seller (SPEC A13, B61)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from backhaul.common.errors import InvalidInput, NotAllowed, NotFound
from backhaul.operators.functions import Ask, execute, rows
from backhaul.operators.pictures import digest_of, draw_logo, draw_mark
from backhaul.operators.scope import current_scope

_COLOUR = re.compile(r"#[0-9a-f]{6}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
LONGEST = {
    "display_name": 120, "legal_name": 120, "support_phone": 40, "support_email": 254, "address": 300,
    "vat_number": 40, "licence_number": 60, "sender_name": 60, "reply_to": 254, "document_footer": 300,
    "isp_information": 300,
}  # fmt: skip
MOST_LINES = 6  # of them: what stands at the foot leaves the sheet its place
OF_LINES = ("address", "document_footer", "isp_information")
# What an operator has from the next above that set it. Not who the seller is: a bill that named the provider's address
# or VAT number as the seller's would be wrong.
HANDED_DOWN = ("colour", "support_phone", "support_email", "reply_to", "document_footer")
_OWN = ("display_name", "legal_name", "address", "vat_number", "licence_number", "sender_name", "isp_information")


@dataclass(frozen=True)
class Picture:
    """Where a picture is found: whose brand it stands in, and its digest."""

    operator_id: int
    digest: str


@dataclass(frozen=True)
class OwnBrand:
    """What an operator sets itself; empty: as the next above."""

    display_name: str
    legal_name: str = ""
    colour: str = ""
    support_phone: str = ""
    support_email: str = ""
    address: str = ""
    vat_number: str = ""
    licence_number: str = ""
    sender_name: str = ""
    reply_to: str = ""
    document_footer: str = ""
    isp_information: str = ""


@dataclass(frozen=True)
class OperatorBrand(OwnBrand):
    """What holds for an operator, with what it has from above. `colour` is empty where nobody set one.

    `isp_information` is what the ISP has printed on the documents of those below it; on its own it prints nothing.
    `given_by`: field → the display name of the operator above whose it is.
    """

    isp_id: int = 0
    logo: Picture | None = None
    mark: Picture | None = None
    given_by: Mapping[str, str] = field(default_factory=dict)

    @property
    def sender(self) -> str:
        """In whose name mails are sent."""
        return self.sender_name or self.display_name


def brand_of(operator_id: int | None = None, *, using: str = "default") -> OperatorBrand:
    """The brand of an operator in sight (default: the acting one)."""
    return brand_from(ask_brand(operator_id).rows(using))


def ask_brand(operator_id: int | None = None) -> Ask:
    """For what brand_from makes a brand of."""
    columns = ", ".join(f"b.{name}" for name in (*_OWN, *HANDED_DOWN, "logo_digest", "mark_digest"))
    return Ask(
        f"SELECT o.isp_id, o.name AS operator_name, b.operator_id, b.operator_id = o.id AS own, {columns} "
        "FROM operator o LEFT JOIN brand b ON b.operator_id = ANY (o.path) "
        "WHERE o.id = %s ORDER BY array_position(o.path, b.operator_id) DESC NULLS LAST",
        [operator_id or current_scope().operator_id],
    )


def brand_from(found: list[dict[str, Any]]) -> OperatorBrand:
    """The one place where a brand is worked out: from its own row and those above it, the nearest first."""
    if not found:
        raise NotFound("There is no such operator.")
    own = found[0] if found[0]["own"] else dict.fromkeys(_OWN, "") | {"display_name": found[0]["operator_name"]}
    isp_id = found[0]["isp_id"]
    said: dict[str, Any] = {name: own[name] for name in _OWN}
    said["isp_information"] = next(
        (row["isp_information"] for row in found if row["operator_id"] == isp_id and not row["own"]), ""
    )
    given_by: dict[str, str] = {}
    for name in HANDED_DOWN:
        row = next((row for row in found if row[name]), None)
        said[name] = row[name] if row else ""
        if row and not row["own"]:
            given_by[name] = row["display_name"]
    pictured = next((row for row in found if row["logo_digest"] or row["mark_digest"]), None)
    if pictured and not pictured["own"]:
        given_by["logo"] = pictured["display_name"]
    logo, mark = _pictures(pictured)
    return OperatorBrand(**said, isp_id=isp_id, logo=logo, mark=mark, given_by=given_by)


def _pictures(row: dict[str, Any] | None) -> tuple[Picture | None, Picture | None]:
    """Logo and mark of one operator: a logo never stands beside another's mark."""
    if row is None:
        return None, None
    logo, mark = row["logo_digest"] or row["mark_digest"], row["mark_digest"] or row["logo_digest"]
    return Picture(row["operator_id"], logo), Picture(row["operator_id"], mark)


def get_own_brand() -> dict[str, Any]:
    """What the acting operator set itself, by field, and whether it has a logo and a mark of its own."""
    names = ", ".join(each.name for each in fields(OwnBrand))
    found = rows(
        f"SELECT {names}, logo IS NOT NULL AS has_logo, mark IS NOT NULL AS has_mark FROM brand WHERE operator_id = %s",
        [current_scope().operator_id],
    )
    nothing = {"display_name": current_scope().name, "has_logo": False, "has_mark": False}
    return found[0] if found else nothing


def get_picture(picture: Picture, *, using: str = "default") -> bytes:
    """A logo or mark as PNG; raises NotFound."""
    found = rows(
        "SELECT CASE WHEN logo_digest = %s THEN logo ELSE mark END AS content FROM brand "
        "WHERE operator_id = %s AND %s IN (logo_digest, mark_digest)",
        [picture.digest, picture.operator_id, picture.digest],
        using=using,
    )
    if not found:
        raise NotFound("There is no such picture.")
    return bytes(found[0]["content"])


def set_brand(brand: OwnBrand) -> None:
    """Set what the acting operator's pages, documents and mails look like. Raises InvalidInput, NotAllowed."""
    scope = current_scope()
    scope.require("brand.edit")
    if brand.isp_information and scope.parent_id is not None:
        raise NotAllowed("Only the internet provider itself says what is printed on all documents below it.")
    _keep(_checked(brand))


def open_brand(brand: OwnBrand) -> None:
    """The brand of an operator that is being taken on: its name; what is empty it has from above."""
    _keep(_checked(brand))


def _keep(values: dict[str, str | None]) -> None:
    names = ", ".join(values)
    marks = ", ".join(["%s"] * len(values))
    execute(
        f"INSERT INTO brand (operator_id, {names}) VALUES (%s, {marks}) ON CONFLICT (operator_id) DO UPDATE SET "
        + ", ".join(f"{name} = EXCLUDED.{name}" for name in values),
        [current_scope().operator_id, *values.values()],
    )


def set_pictures(*, logo: bytes | None = None, mark: bytes | None = None) -> None:
    """Keep a logo and a square mark (None: as it is), drawn anew; a first logo is its own mark. Raises InvalidInput."""
    scope = current_scope()
    scope.require("brand.edit")
    drawn: dict[str, bytes] = {}
    if logo is not None:
        drawn["logo"] = draw_logo(logo)
    if mark is not None:
        drawn["mark"] = draw_mark(mark)
    elif logo is not None and not get_own_brand()["has_mark"]:
        drawn["mark"] = draw_mark(logo, field="logo")
    for name, content in drawn.items():
        execute(
            f"UPDATE brand SET {name} = %s, {name}_digest = %s WHERE operator_id = %s",
            [content, digest_of(content), scope.operator_id],
        )


def remove_pictures() -> None:
    """Go back to the pictures of the next above, or to none."""
    scope = current_scope()
    scope.require("brand.edit")
    execute(
        "UPDATE brand SET logo = NULL, logo_digest = NULL, mark = NULL, mark_digest = NULL WHERE operator_id = %s",
        [scope.operator_id],
    )


def _checked(brand: OwnBrand) -> dict[str, str | None]:
    """The values as they are kept: trimmed, of one line unless made of lines, colour in small letters."""
    values: dict[str, str | None] = {}
    for name, longest in LONGEST.items():
        lines = [" ".join(line.split(" ")).strip() for line in getattr(brand, name).strip().splitlines()]
        if name not in OF_LINES and len(lines) > 1:
            raise InvalidInput("This is one line.", field=name)
        lines = [line for line in lines if line]
        if len(lines) > MOST_LINES:
            raise InvalidInput(
                "These are too many lines; %(most_lines)s are the most.", most_lines=MOST_LINES, field=name
            )
        text = "\n".join(lines)
        if _CONTROL.search(text.replace("\n", "")):
            raise InvalidInput("This has characters that cannot be printed; type it anew.", field=name)
        if len(text) > longest:
            raise InvalidInput("This is too long; %(longest)s characters are the most.", longest=longest, field=name)
        values[name] = text
    if not values["display_name"]:
        raise InvalidInput("Give the name to show.", field="display_name")
    if re.search(r'[@<>"]', values["sender_name"] or ""):
        raise InvalidInput("Write the sender's name without @, < > and quotes.", field="sender_name")
    for name in ("support_email", "reply_to"):
        _refuse_address(values[name] or "", name)
    colour = brand.colour.strip().lower()
    if colour and not _COLOUR.fullmatch(colour):
        raise InvalidInput("Give the colour as # and six hexadecimal digits, like #0b7285.", field="colour")
    return values | {"colour": colour or None}


def _refuse_address(address: str, name: str) -> None:
    if address:
        try:
            validate_email(address)
        except ValidationError:
            raise InvalidInput("This is no e-mail address.", field=name) from None
