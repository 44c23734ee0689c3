"""What an operator looks like and what it is called; what it has from above, and what it never has from there."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from io import BytesIO

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from backhaul.common.errors import InvalidInput, NotAllowed, NotFound
from backhaul.operators import pictures
from backhaul.operators.branding import (
    OwnBrand,
    Picture,
    brand_of,
    get_picture,
    remove_pictures,
    set_brand,
    set_pictures,
)
from tests.builders import acting
from tests.cast import Cast

WHOLE = OwnBrand(
    display_name="Padma Net", legal_name="Padma Networks Limited", colour="#0B7285", support_phone="16200",
    support_email="help@padma.example", address="1 Lake Road\nDhaka", vat_number="BIN-1", licence_number="ISP-7",
    sender_name="Padma", reply_to="office@padma.example", document_footer="Thank you", isp_information="Under ISP-7",
)  # fmt: skip


def drawn(kind: str = "PNG", size: tuple[int, int] = (900, 300)) -> bytes:
    """A picture with text in it that nobody should see again."""
    written, info = BytesIO(), PngInfo()
    info.add_text("Comment", "<script>alert(1)</script>")
    Image.new("RGB", size, (200, 30, 30)).save(written, kind, **({"pnginfo": info} if kind == "PNG" else {}))
    return written.getvalue()


def test_what_is_not_set_is_the_next_aboves_but_not_who_the_seller_is(cast: Cast) -> None:
    with acting(cast.padma):
        set_brand(WHOLE)
    with acting(cast.padma, cast.north):
        set_brand(OwnBrand(display_name="North", support_phone="0170"))
    with acting(cast.padma, cast.riverside):
        found = brand_of()
    assert (found.display_name, found.colour, found.support_phone) == ("Riverside", "#0b7285", "0170")
    assert (found.support_email, found.reply_to, found.document_footer) == (
        "help@padma.example", "office@padma.example", "Thank you",
    )  # fmt: skip
    assert found.given_by["support_phone"] == "North"
    assert found.given_by["colour"] == "Padma Net"
    assert not any((found.legal_name, found.address, found.vat_number, found.licence_number, found.sender_name))
    assert found.sender == "Riverside"
    with acting(cast.meghna):
        assert brand_of().support_email == ""


def test_what_stands_at_the_foot_of_a_sheet_leaves_it_its_place(cast: Cast) -> None:
    with acting(cast.padma):
        for name in ("address", "document_footer", "isp_information"):
            with pytest.raises(InvalidInput, match="too many lines"):
                set_brand(replace(WHOLE, **{name: "a\n" * 7}))
        set_brand(replace(WHOLE, document_footer="a\n\n" * 6))


def test_the_pictures_are_those_of_one_operator(cast: Cast) -> None:
    with acting(cast.padma):
        set_pictures(logo=drawn())
    with acting(cast.padma, cast.riverside):
        logo = brand_of().logo
        assert logo is not None
        assert logo.operator_id == cast.padma.isp_id
        assert Image.open(BytesIO(get_picture(logo))).size == (640, 213)
        set_pictures(mark=drawn(size=(40, 20)))
        found = brand_of()
        assert found.logo == found.mark
        assert found.mark is not None
        assert found.mark.operator_id == cast.riverside
        remove_pictures()
        assert brand_of().logo == logo
    with acting(cast.meghna), pytest.raises(NotFound):
        get_picture(logo)
    with acting(cast.padma, cast.riverside), pytest.raises(NotFound):
        get_picture(Picture(cast.padma.isp_id, "0" * 32))


def test_a_logo_is_the_mark_until_there_is_one(cast: Cast) -> None:
    with acting(cast.padma):
        set_pictures(logo=drawn())
        mark = brand_of().mark
        assert mark is not None
        assert Image.open(BytesIO(get_picture(mark))).size == (256, 256)
        set_pictures(mark=drawn(size=(64, 64)))
        own = brand_of().mark
        set_pictures(logo=drawn(size=(100, 50)))
        assert brand_of().mark == own != mark


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_is_drawn_anew_and_carries_nothing_else(kind: str) -> None:
    content = drawn(kind) + b"<script>alert(2)</script>"
    made = pictures.draw_logo(content)
    assert made.startswith(b"\x89PNG")
    assert b"script" in content
    assert b"script" not in made


def png_that_claims(width: int, height: int) -> bytes:
    """A small file whose header says it is huge."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "no picture"),
        (b"GIF89a" + b"\0" * 40, "no picture"),
        (b"", "no picture"),
        (drawn()[:200], "no picture"),
        (png_that_claims(60_000, 60_000), "too many pixels"),
        (png_that_claims(5_000, 4_000), "too many pixels"),
        (png_that_claims(900, 900), "no picture"),
        (drawn(size=(900, 3)), "too small"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * pictures.MOST_BYTES, "at most 1 MB"),
    ],
)
def test_what_is_no_picture_or_too_much_of_one_is_refused(content: bytes, says: str) -> None:
    for draw in (pictures.draw_logo, pictures.draw_mark):
        with pytest.raises(InvalidInput, match=says):
            draw(content)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sender_name", "Padma\r\nBcc: all@padma.example"),
        ("sender_name", "boss@bank.example"),
        ("sender_name", 'Bank" <boss'),
        ("reply_to", "a@b.example\nBcc: c@d.example"),
        ("reply_to", "nobody"),
        ("support_email", "x@"),
        ("display_name", "  "),
        ("display_name", "Padma\x00"),
        ("address", "1 Lake Road\x1b[2J"),
        ("colour", "red"),
        ("colour", "#0b7285;}"),
        ("document_footer", "x" * 301),
    ],
)
def test_what_could_become_a_header_or_is_not_what_it_should_be_is_refused(cast: Cast, name: str, value: str) -> None:
    with acting(cast.padma):
        with pytest.raises(InvalidInput) as refused:
            set_brand(OwnBrand(**{"display_name": "Padma", name: value}))
        assert refused.value.field == name
        assert brand_of().display_name == "Padma"


def test_what_stands_on_everybodys_documents_is_said_by_the_isp_alone(cast: Cast) -> None:
    with acting(cast.padma):
        set_brand(WHOLE)
        assert brand_of().isp_information == "", "not on its own"
    with acting(cast.padma, cast.riverside):
        assert brand_of().isp_information == "Under ISP-7"
        with pytest.raises(NotAllowed):
            set_brand(OwnBrand(display_name="Riverside", isp_information="Under nobody"))
