"""`backhaul let-in`: the way back for somebody who lost the password or the second factor and has nobody to ask."""

from __future__ import annotations

import click

from backhaul.cli.database import database
from backhaul.common import clock


@click.command()
@click.argument("person", metavar="NAME@ISP")
@click.confirmation_option(prompt="Are you sure that it is this person who asks?")
def let_in(person: str) -> None:
    """Print a new first password for NAME@ISP, and take away what else the sign-in asked for.

    The person is signed out everywhere; codes, recovery codes, passkeys, the e-mail address and locks are gone, to be
    set up anew. People whom a colleague can help (Staff) or a mail reaches need none of this.
    """
    from backhaul.resellers import rescue

    with database():
        password = rescue.let_in(person, at=clock.now())
        click.echo(f"{person.strip().lower()} signs in with {password} and then chooses another password")
