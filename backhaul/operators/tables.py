"""Tables of the tree, declared for row-level security."""

from backhaul.operators.row_security import Books, Definer, Edge, HandedDown, Own, Tree

TABLES = [
    Tree("operator", app="SU", app_columns={"U": "name"}, books="SIU"),
    HandedDown("brand", app="SIU"),
    Own("sign_in_rule", app="SIU"),
    HandedDown("module_grant", books="SID"),
    Own("role", app="SIU", books="SI"),
    Own("role_permission", app="SID", books="SI"),
    Own("membership", app="SIU", books="SI"),
    Own("member_permission", app="SID"),
    Own("operator_block", app="S", books="SIU"),
    Books("impersonation", books="SIU"),
    Books("audit_event", app="SI", books="SI"),
    Edge("edge_grant", app="S", books="SID"),
    Own("onboarding_draft", app="SIUD"),
    Own("first_steps_done", app="SI"),
    Own("job_progress", app="SIU", app_columns={"U": "seen_at, by_mail"}, batch="SUD"),
]
FUNCTIONS = [
    Definer("operator_scope", ("app", "batch")),
    Definer("add_operator"),
    Definer("operator_below"),
    Definer("set_modules"),
    Definer("modules_of_child"),
    Definer("list_below"),
    Definer("entered_scope"),
    Definer("enter_operator"),
    Definer("step_up"),
    Definer("end_impersonation"),
    Definer("list_entered"),
]
