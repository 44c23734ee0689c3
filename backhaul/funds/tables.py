"""Tables of the prepaid funds, declared for row-level security. Only functions of *books* move money."""

from backhaul.operators.row_security import Definer, Edge

TABLES = [
    Edge("fund", app="S", books="SIU"),
    Edge("fund_movement", app="S", books="SI"),
    Edge("volume_slab", app="SID"),
    Edge("fund_statement", app="S", books="SIU"),
    Edge("fund_dispute", app="S", books="SIU"),
]
FUNCTIONS = [
    Definer("open_fund"),
    Definer("set_fund_limits"),
    Definer("recharge_fund"),
    Definer("reverse_recharge"),
]
