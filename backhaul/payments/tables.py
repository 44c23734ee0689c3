"""Tables of payments, declared for row-level security. A payment is a fact; only *books* writes it."""

from backhaul.operators.row_security import Books, Definer

TABLES = [
    Books("receipt_numbering", app="S", books="SIU"),
    Books("payment", app="S", books="SI"),
    Books("deposit", app="S", books="SI"),
    Books("hand_over", app="S", books="SIU"),
    Books("shortage_settlement", app="S", books="SI"),
    Books("drawer_closing", app="S", books="SI"),
    Books("receipt_secret", app="SI", batch="", books="", secret=True),
]
FUNCTIONS = [
    Definer("record_payment"),
    Definer("reverse_payment"),
    Definer("pay_back_advance"),
    Definer("record_deposit"),
    Definer("reverse_deposit"),
    Definer("open_numbering"),
    Definer("set_float_limit"),
    Definer("close_drawer"),
    Definer("count_drawer"),
    Definer("receive_hand_over"),
    Definer("send_back_hand_over"),
    Definer("settle_shortage"),
]
