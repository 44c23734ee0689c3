"""`backhaul check-books`: checks a file of books on any computer, without a database."""

from __future__ import annotations

import re
from typing import TextIO

import click

from backhaul.ledger import books_check
from backhaul.ledger.books_check import Books, NotBooks, Pin


@click.command("check-books")
@click.argument("file", type=click.File("r", encoding="utf-8", lazy=False))
@click.option(
    "--head", "heads", nargs=2, multiple=True, metavar="DATE HASH", help="A daily head as it was mailed; repeatable."
)
def check_books(file: TextIO, heads: tuple[tuple[str, str], ...]) -> int:
    """Work every block of the books in FILE out again and name the ones that were changed after they were sealed.

    With a mailed head it is proved, too, that the chain was not made anew: everything up to that block is as it was
    when the mail was sent. Exit code 1 when something was changed.
    """
    pins = [_pin(on, digest) for on, digest in heads]
    try:
        found = books_check.check_books(file, pins)
    except (NotBooks, UnicodeDecodeError) as error:
        raise click.ClickException(str(error)) from None
    for books in found.books:
        _tell(books)
    for line in found.unknown:
        click.echo(click.style("WRONG  ", fg="red") + line)
    return 0 if found.holds else 1


def _tell(books: Books) -> None:
    end = f", ends with {next(reversed(books.hashes.values()))}" if books.hashes else ""
    mark = click.style("WRONG", fg="red") if books.changed else click.style("ok   ", fg="green")
    click.echo(f"{mark}  {books.slug}: {len(books.hashes)} blocks, {books.entries} entries{end}")
    if books.unsealed:
        click.echo(f"       {books.unsealed} of the entries are in no block yet: nothing vouches for them")
    for line in books.changed:
        click.echo(click.style(f"       {line}", fg="red"))
    for line in books.proved:
        click.echo(f"       {line}")


def _pin(on: str, digest: str) -> Pin:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", on) or not re.fullmatch(r"[0-9a-fA-F]{64}", digest):
        raise click.BadParameter("write it as in the mail: --head 2026-03-01 and 64 hexadecimal digits")
    return Pin(on, digest.lower())
