"""Tables of the catalogue, declared for row-level security."""

from backhaul.operators.row_security import Definer, Edge, HandedDown, Own

TABLES = [
    HandedDown("plan", app="SIU", books="SU", refers=("pool_operator_id",)),
    HandedDown("package", app="SIU", refers=("plan_operator_id",), only="handed_down"),
    HandedDown("package_price", app="SIU", only="handed_down"),
    HandedDown("price_band", app="SIU", refers=("plan_operator_id",)),
    HandedDown("billing_profile", app="SIU", only="handed_down"),
    HandedDown("cut_window", app="SIU"),
    HandedDown("holiday", app="SID"),
    Edge("tariff_price", app="S", books="SI"),
    Own("vat_setting", app="SI"),
]
FUNCTIONS = [
    Definer("set_tariff_price"),
    Definer("sellable_plans"),
    Definer("own_costs"),
    Definer("profile_in_use"),
    Definer("hold_plans"),
]
