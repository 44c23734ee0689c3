"""The `backhaul` command: finds the subcommand and turns what can be expected to go wrong into one line.

Exit codes: 0 done · 1 refused, or a check failed · 2 wrong usage · 3 a part (database, port, process) cannot be
reached · 130 interrupted.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from dataclasses import dataclass

import click
from click.exceptions import NoArgsIsHelpError

from backhaul.cli.embedded import EmbeddedPostgres, EmbeddedPostgresError
from backhaul.cli.problems import CannotReach, unreachable_database
from backhaul.common.errors import Refusal
from backhaul.common.home import POSTGRES_PORT, Home

REFUSED, UNREACHABLE, INTERRUPTED = 1, 3, 130


@dataclass(frozen=True)
class Entry:
    """Where a subcommand lives: a click command named like it (dashes as underscores) in a module of its own."""

    module: str
    summary: str
    needs_django: bool = True


COMMANDS = {
    "up": Entry("backhaul.cli.up", "Start everything and stay in the foreground.", needs_django=False),
    "down": Entry("backhaul.cli.down", "Stop the server that runs in this home.", needs_django=False),
    "setup-database": Entry("backhaul.cli.setup_database", "Prepare a PostgreSQL server, or bring it up to date."),
    "demo": Entry("backhaul.cli.demo", "Fill the database with a provider, its resellers and their customers."),
    "found-isp": Entry("backhaul.cli.found_isp", "Found an internet provider with its owner."),
    "let-in": Entry("backhaul.cli.let_in", "Let somebody in who lost the password or the second factor."),
    "import-customers": Entry("backhaul.cli.import_customers", "Take over customers from a CSV or XLSX file."),
    "bill": Entry("backhaul.cli.bill", "Run billing for an ISP up to a date."),
    "rehearse": Entry("backhaul.cli.rehearse", "Live an ISP's days to come in a copy of it, and report."),
    "prove": Entry("backhaul.cli.prove", "Prove that no service-day of a month was forgotten."),
    "explain": Entry("backhaul.cli.explain", "Say how a bill came about, step by step."),
    "verify": Entry("backhaul.cli.verify", "Prove that all books, funds and caches agree."),
    "export-journal": Entry("backhaul.cli.export_journal", "Write an operator's journal for hledger or beancount."),
    "export-books": Entry("backhaul.cli.export_books", "Write books to a file that anybody can check."),
    "check-books": Entry("backhaul.cli.check_books", "Check a file of books, without a database.", needs_django=False),
    "bench": Entry("backhaul.cli.bench", "Measure a part against its floor.", needs_django=False),
    "worker": Entry("backhaul.cli.worker", "Run background jobs (started by `up`)."),
}


def configure_django() -> None:
    """Make models and settings usable."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("BACKHAUL_LOG_LEVEL", "WARNING")
    django.setup()


def use_running_ports() -> None:
    """Without a BACKHAUL_PORT_OFFSET, a command uses the ports of the embedded server that runs in this home."""
    home = Home.from_environment()
    if "BACKHAUL_PORT_OFFSET" in os.environ or home.external_database_url is not None:
        return
    port = EmbeddedPostgres(home.path / "postgres", home.postgres_port).serving_port
    if port is not None:
        os.environ["BACKHAUL_PORT_OFFSET"] = str(port - POSTGRES_PORT)


class Commands(click.Group):
    """Subcommands are imported when called, so that one of them costs and breaks nothing for the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, entry in COMMANDS.items() if importlib.util.find_spec(entry.module)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        entry = COMMANDS[cmd_name]
        if entry.needs_django:
            use_running_ports()
            configure_django()
        module = importlib.import_module(entry.module)
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name].summary) for name in self.list_commands(ctx)])


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="backhaul", message="%(prog)s %(version)s")
def backhaul() -> None:
    """Backhaul: the business platform for internet service providers and everyone who resells for them."""


def run(arguments: list[str] | None = None) -> int:
    """Run one command line; the exit code. Expected problems end as one line on stderr."""
    try:
        outcome = backhaul.main(arguments, prog_name="backhaul", standalone_mode=False)
        return outcome if isinstance(outcome, int) else 0
    except NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except (KeyboardInterrupt, Exception) as error:
        known = _known_problem(error)
        if known is None:
            raise
        message, code = known
        click.echo(f"backhaul: {' '.join(message.split())}", err=True)
        return code


def _known_problem(error: BaseException) -> tuple[str, int] | None:
    """What to say and the exit code, for everything that a person can expect and mend."""
    if isinstance(error, click.ClickException):
        return error.format_message(), error.exit_code
    if isinstance(error, (click.Abort, KeyboardInterrupt)):
        return "interrupted", INTERRUPTED
    if isinstance(error, Refusal):
        return error.message, REFUSED
    if isinstance(error, (EmbeddedPostgresError, CannotReach)):
        return str(error), UNREACHABLE
    problem = unreachable_database(error)
    return (problem, UNREACHABLE) if problem else None


def main() -> None:
    """The console script."""
    sys.exit(run())


if __name__ == "__main__":
    main()
