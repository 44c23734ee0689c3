"""Tables of the prepaid funds, declared for row-level security. Only functions of *books* move money."""

from backhaul.operators.row_security import Definer, Edge

TABLES = [
    Edge("fund", app="S", books="SIU"),
    Edge("fund_movement", app="S", books="SI"),
    Edge("volume_slab", app="S", books="SID"),
    Edge("fund_statement", app="S", books="SIU"),
    Edge("fund_dispute", app="S", books="SIU"),
    Edge("fund_request", app="S", books="SI"),
]
FUNCTIONS = [
    Definer("open_fund"),
    Definer("set_edge_terms"),
    Definer("recharge_fund"),
    Definer("receive_from_child"),
    Definer("reverse_recharge"),
    Definer("reverse_bonus"),
    Definer("deduct_from_fund"),
    Definer("transfer_fund"),
    Definer("pay_back_fund"),
    Definer("prepare_statement"),
    Definer("confirm_statement"),
    Definer("dispute_movement"),
    Definer("settle_dispute"),
    Definer("ask_for_recharge"),
    Definer("set_volume_slabs"),
]
