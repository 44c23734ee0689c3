"""Tables of the network, declared for row-level security. Secrets and passwords can be written by app and not read."""

from backhaul.operators.row_security import Definer, HandedDown, Own

_NAS_READABLE = (
    "operator_id, id, name, source_address, change_of_authorization_address, change_of_authorization_port, "
    "interim_seconds, walled_pool, walled_address_list, enabled"
)

TABLES = [
    HandedDown("pool", app="SIU"),
    HandedDown("nas", app="SIU", app_columns={"S": _NAS_READABLE}, batch="", secret=True),
    Own("radius_login", app="SIU", batch="SIU", books="SU", refers=("pool_operator_id",)),
    Own("radius_password", app="SIU", app_columns={"S": "operator_id, login_id"}, batch="I", secret=True),
    Own("radius_session_live", books="SIUD"),
    Own("radius_session_history", books="SIUD"),
    Own("radius_accounting_error", books="SI"),
    Own("online_hour", batch="SIUD"),
    Own("disconnect_request", app="SIU", batch="SIU", books="SIU"),
]
FUNCTIONS = [
    Definer("authorize_login", ("radius",)),
    Definer("account_session", ("radius",)),
    Definer("nas_secret", ("radius",)),
    Definer("close_silent_sessions", ("batch",)),
    Definer("claim_disconnects", ("batch",)),
    Definer("taken_usernames"),
    Definer("taken_addresses"),
    Definer("reveal_radius_password"),
    Definer("count_router_sessions"),
]
