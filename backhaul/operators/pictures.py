"""Pictures that people send: looked at, and drawn anew, so that nothing of the file itself is ever served."""

from __future__ import annotations

from hashlib import sha256
from io import BytesIO

from PIL import Image, ImageOps, UnidentifiedImageError

from backhaul.common.errors import InvalidInput

MOST_BYTES = 1024 * 1024
MOST_PIXELS = 16_000_000  # drawn, about 64 MB; a small file may claim any number
LEAST_SIDE = 16
LOGO = (640, 240)
MARK = (256, 256)
_FORMATS = ("PNG", "JPEG", "WEBP")
_BROKEN = (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError)


def draw_logo(content: bytes, *, field: str = "logo") -> bytes:
    """The picture as a PNG of at most 640 × 240. Raises InvalidInput for what is no PNG, JPEG or WebP of 1 MB."""
    picture = _read(content, field)
    picture.thumbnail(LOGO)
    return _as_png(picture)


def draw_mark(content: bytes, *, field: str = "mark") -> bytes:
    """The picture in the middle of a square as a PNG of 256 × 256. Raises InvalidInput like draw_logo."""
    picture = _read(content, field)
    return _as_png(ImageOps.pad(picture, MARK, color=(0, 0, 0, 0)))


def digest_of(content: bytes) -> str:
    """What tells one picture from another, for its address."""
    return sha256(content).hexdigest()[:32]


def _read(content: bytes, field: str) -> Image.Image:
    if len(content) > MOST_BYTES:
        raise InvalidInput("A picture has at most 1 MB. Save it smaller, or as WebP.", field=field)
    unknown = InvalidInput("This is no picture in PNG, JPEG or WebP, whatever its name says.", field=field)
    try:
        picture = Image.open(BytesIO(content), formats=_FORMATS)
    except Image.DecompressionBombError:
        raise _too_large(field) from None
    except _BROKEN:
        raise unknown from None
    width, height = picture.size  # as the file claims; nothing is unpacked yet
    if width * height > MOST_PIXELS:
        raise _too_large(field)
    if min(width, height) < LEAST_SIDE:
        raise InvalidInput(
            "The picture is too small; each side needs %(least_side)s pixels.", least_side=LEAST_SIDE, field=field
        )
    try:
        return ImageOps.exif_transpose(picture).convert("RGBA")
    except (*_BROKEN, Image.DecompressionBombError):
        raise unknown from None


def _too_large(field: str) -> InvalidInput:
    return InvalidInput("The picture has too many pixels; 4000 × 4000 are the most.", field=field)


def _as_png(picture: Image.Image) -> bytes:
    """Pixels alone: no text, place or profile that the file carried."""
    clean = Image.new("RGBA", picture.size)
    clean.paste(picture)
    written = BytesIO()
    clean.save(written, "PNG", optimize=True)
    return written.getvalue()
