"""Tables of the tree, declared for row-level security."""

from backhaul.operators.row_security import Definer, Edge, HandedDown, Own, Tree

TABLES = [
    Tree("operator", app="SU", app_columns={"U": "name"}, books="SIU"),
    HandedDown("brand", app="SIU"),
    Own("membership", app="SIU", books="SI"),
    Own("operator_block", app="S", books="SIU"),
    Own("audit_event", app="SI", books="SI"),
    Edge("edge_grant", app="S", books="SID"),
]
FUNCTIONS = [
    Definer("operator_scope", ("app", "batch")),
    Definer("add_operator"),
    Definer("operator_below"),
]
