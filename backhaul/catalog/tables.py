"""Tables of the catalogue, declared for row-level security."""

from backhaul.operators.row_security import Definer, Edge, HandedDown, Own

TABLES = [
    HandedDown("plan", app="SIU"),
    HandedDown("package", app="SIU"),
    HandedDown("billing_profile", app="SIU"),
    Edge("tariff_price", app="S", books="SI"),
    Own("vat_setting", app="SI"),
]
FUNCTIONS = [Definer("set_tariff_price")]
