"""Tables of customers and subscriptions, declared for row-level security."""

from backhaul.operators.row_security import Definer, Own

TABLES = [
    Own("zone", app="SIU"),
    Own("customer_numbering", app="SIU"),
    Own("customer", app="SIU", books="SU"),
    Own("subscription", app="SIU", books="SU", refers=("package_operator_id", "profile_operator_id")),
    Own("custom_price", app="SIU", books="SIU"),
    Own("block", app="SIU", books="SIU", batch="SIU"),
    Own("custom_field", app="SIU"),
    Own("custom_value", app="SIU"),
    Own("customer_document", app="SIU", app_columns={"U": "withdrawn_at, withdrawn_by"}),
    Own("customer_template", app="SIU", refers=("package_operator_id", "profile_operator_id")),
    Own("customer_view", app="SIUD", app_columns={"U": "columns"}),
    Own("customer_list_choice", app="SIU"),
    Own("bulk_run", app="SIU"),
    Own("bulk_item", app="SIU"),
    Own("customer_export", app="SIU", batch="SD"),
    Own("customer_export_part", app="SI", batch="SD"),
]
FUNCTIONS = [Definer("search_customers"), Definer("why_no_new_services")]
