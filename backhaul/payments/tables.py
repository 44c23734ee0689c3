"""Tables of payments, declared for row-level security. A payment is a fact; only *books* writes it."""

from backhaul.operators.row_security import Books, Definer

TABLES = [
    Books("receipt_numbering", app="S", books="SIU"),
    Books("payment", app="S", books="SI"),
]
FUNCTIONS = [
    Definer("record_payment"),
    Definer("reverse_payment"),
    Definer("pay_back_advance"),
    Definer("open_numbering"),
]
