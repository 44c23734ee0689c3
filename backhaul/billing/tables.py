"""Tables of billing, declared for row-level security. Invoices and charges are facts that only *books* writes."""

from backhaul.operators.row_security import Books, Definer, Edge, Own

TABLES = [
    Own("billing_state", app="SI", books="SIU"),
    Books("invoice_numbering", app="S", books="SIU"),
    Books("invoice", app="S", books="SI"),
    Books("invoice_open", app="S", books="SIUD"),
    Books("customer_advance", app="S", books="SIU"),
    Books("allocation", app="S", books="SI"),
    Books("credit_note", app="S", books="SI"),
    Own("discount", app="SIU"),
    Books("adjustment", app="S", books="SI"),
    Own("promise", app="SIU"),
    Own("planned_change", app="SIUD", batch="SD", books="SD", refers=("package_operator_id",)),
    Own("package_history", app="SI", books="SI", refers=("package_operator_id",)),
    Own("outage", app="SI", books="SU"),
    Edge("charge", app="S", books="SI"),
    Edge("charge_refund", app="S", books="SI"),
    Own("held_bill", app="S", books="SIUD"),
    Own("billing_run", app="SI", batch="SIU", books="SU"),
    Own("run_shard", app="S", batch="SIU", books="SU"),
    Own("run_exception", app="S", books="SI"),
    Own("run_plan", app="SIU", batch="SIU"),
    Own("run_plan_slice", app="S", batch="SIU"),
]
FUNCTIONS = [
    Definer("bill_slice", ("batch",)),
    Definer("cut_short_services", ("batch",)),
    Definer("suspend_overdue", ("batch",)),
    Definer("bill_subscription"),
    Definer("issue_opening_dues"),
    Definer("resume_billing"),
    Definer("refund_unused_days"),
    Definer("count_held_below"),
    Definer("lock_for_charge"),
    Definer("plan_own_charges"),
    Definer("forecast_funds"),
    Definer("count_planned"),
    Definer("post_volume_bonuses", ("batch",)),
    Definer("take_emergency_loan"),
]
