"""`backhaul found-isp`: an internet provider with its owner, from the command line; the only way to a second one."""

from __future__ import annotations

import click

from backhaul.cli.database import database
from backhaul.common import clock


@click.command()
@click.option("--name", required=True, help="The company's name.")
@click.option("--slug", required=True, help="Its short name: small letters, digits and dashes.")
@click.option("--owner", required=True, metavar="NAME", help="The sign-in name of the first owner.")
@click.option("--owner-name", default="", help="The owner's full name; the sign-in name unless given.")
@click.option("--owner-email", default="", help="Where a forgotten password is mailed to.")
@click.password_option(help="The owner's password; asked for unless given.")
@click.option("--time-zone", default="Asia/Dhaka", show_default=True)
@click.option("--currency", default="BDT", show_default=True, help="Three letters.")
@click.option("--vat", type=click.FloatRange(0, 100), help="The VAT rate in percent; unless given it charges none.")
@click.option("--id-prefix", default="", help="What customer ids begin with.")
@click.option("--cell", default="cell1", show_default=True, help="The schema that it lives in.")
def found_isp(
    *,
    name: str,
    slug: str,
    owner: str,
    owner_name: str,
    owner_email: str,
    password: str,
    time_zone: str,
    currency: str,
    vat: float | None,
    id_prefix: str,
    cell: str,
) -> None:
    """Found an internet provider with books, numbering and an owner who signs in as NAME@SLUG.

    All of it or nothing. The first one can also be founded at /welcome/, with the key that `backhaul up` prints.
    """
    from backhaul.resellers import services
    from backhaul.resellers.beginning import FirstPerson, Identity, Vat
    from backhaul.subscribers.rules import NumberFormat

    with database():
        today = clock.local_date(clock.now(), "UTC")
        isp = services.found_isp(
            identity=Identity(
                slug=slug,
                name=name,
                numbering=NumberFormat(prefix=id_prefix),
                vat=None if vat is None else Vat(starts_on=today.replace(day=1), rate_bp=round(vat * 100)),
            ),
            cell=cell,
            time_zone=time_zone,
            currency=currency,
            owner=FirstPerson(owner.lower(), owner_name or owner, password, owner_email, must_change_password=False),
        )
        click.echo(f"{name} is founded; sign in as {owner.lower()}@{isp.slug}")
