"""`backhaul setup-database`: roles, schemas, tables, functions and policies on a PostgreSQL server."""

from __future__ import annotations

import click

from backhaul.cli.database import admin_url_of, set_up, without_login
from backhaul.cli.problems import CannotReach
from backhaul.common.home import Home


@click.command()
@click.option("--admin-url", required=True, help="postgresql://ADMIN:PASSWORD@HOST:PORT/postgres; may create roles.")
def setup_database(admin_url: str) -> None:
    """Prepare the database that DATABASE_URL names, or bring it up to date; can be repeated at any time.

    The passwords of the roles are this home's: keep BACKHAUL_HOME/secrets, or hand them to other machines as
    BACKHAUL_SECRET_ROLE_APP and so on.
    """
    if not admin_url.startswith(("postgresql://", "postgres://")) or admin_url_of(admin_url) is None:
        raise click.BadParameter("write it as postgresql://ADMIN:PASSWORD@HOST:PORT/postgres", param_hint="--admin-url")
    home = Home.from_environment()
    if home.external_database_url is None:
        raise CannotReach("DATABASE_URL does not say which database to set up; the embedded one needs no set-up")
    set_up(admin_url)
    click.echo(f"the database at {without_login(home.database_url())} is ready")
