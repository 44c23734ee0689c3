"""Tables of the books, declared for row-level security. App never writes an entry or a posting itself."""

from backhaul.ledger.choices import CHART, PARTY_KIND
from backhaul.ledger.templates import TEMPLATES
from backhaul.operators.row_security import Books, Definer, Reference, Seed

TABLES = [
    Books("books", app="SU", app_columns={"U": "year_starts_month"}, books="SIU"),
    Books("books_lock", app="S", books="SI"),
    Books("account", app="SIU", app_columns={"U": "number, name, closed_on"}, books="SI"),
    Books("entry", app="S", books="SI"),
    Books("posting", app="S", books="SI"),
    Books("manual_entry", app="S", books="SI"),
    Books("own_event", app="S", books="SI"),
    Books("drawer_rule", app="SIU"),
    Books("drawer", app="S", books="SIU"),
    Books("account_day", app="S", books="SIU"),
    Books("kind_day", app="S", books="SIU"),
    Books("party_day", app="S", books="SIU"),
    Books("party_standing", app="S", books="SIU"),
    Books("seal", app="S", books="SI"),
    Books("daily_head", app="S", books="SI"),
    Books("head_address", app="SIU"),
    Books("head_mail", app="S", batch="SU", books="SI"),
    Books("verify_run", app="SIU", app_columns={"U": "questions, answered"}, batch="SIU"),
    Books("verify_answer", app="S", batch="SI"),
    Reference("chart_template", books="S"),
    Reference("posting_template", books="S"),
    Reference("xid_epoch"),
]
FUNCTIONS = [
    Definer("open_books"),
    Definer("post_manual_entry"),
    Definer("reverse_entry"),
    Definer("record_own_event"),
    Definer("reverse_own_event"),
    Definer("close_books"),
    Definer("reopen_books"),
    Definer("close_year"),
    Definer("seal_books", ("batch",)),
    Definer("make_head", ("batch",)),
    Definer("stop_books", ("batch",)),
    Definer("release_books", ("batch",)),
]
SEEDS = [
    Seed("chart_template", ("code",), ("code", "number", "name", "kind", "party_kind"), CHART),
    Seed(
        "posting_template",
        ("kind", "side", "n"),
        ("kind", "side", "n", "debit_code", "credit_code", "amount", "debit_party", "credit_party"),
        tuple(
            (
                kind,
                line.side,
                n,
                line.debit,
                line.credit,
                line.amount,
                PARTY_KIND.get(line.debit),
                PARTY_KIND.get(line.credit),
            )
            for kind, lines in TEMPLATES.items()
            for n, line in enumerate(lines, start=1)
        ),
    ),
]
