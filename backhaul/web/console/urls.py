"""The addresses of the console. Each declares who may open it, or the server does not start."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponseBase
from django.urls import URLPattern, path, register_converter
from django.urls.converters import StringConverter

from backhaul.web.console import (
    access,
    bill_extras,
    bills,
    books,
    catalog,
    chart,
    customer_money,
    customer_status,
    customers,
    dashboard,
    days,
    deposits,
    drawers,
    edge_terms,
    explain,
    extras,
    fund_statements,
    funds,
    network,
    payments,
    periods,
    planner,
    prices,
    profiles,
    receipts,
    recharge,
    record,
    rehearsals,
    resellers,
    run_nights,
    runs,
    slabs,
    statements,
    verification,
)
from backhaul.web.console.given import as_id

Served = Callable[..., HttpResponseBase]


class RowId(StringConverter):
    """A row's id; what cannot be one leads nowhere."""

    regex = "[0-9]{1,19}"

    def to_python(self, value: str) -> int:  # type: ignore[override]
        found = as_id(value)
        if found is None:
            raise ValueError
        return found


class Month(StringConverter):
    """A calendar month by its first day, written 2026-02; of years from 1000 to 2999."""

    regex = "[12][0-9]{3}-[0-9]{2}"

    def to_python(self, value: str) -> date:  # type: ignore[override]
        return date.fromisoformat(f"{value}-01")

    def to_url(self, value: date) -> str:  # type: ignore[override]
        return f"{value:%Y-%m}"


register_converter(RowId, "id")
register_converter(Month, "month")


def at(address: str, view: Served, name: str) -> URLPattern:
    """An address whose view says which permission it needs."""
    if not hasattr(view, "permission"):
        raise ImproperlyConfigured(f"{name}: the view declares no permission; see backhaul/web/console/pages.py")
    return path(address, view, name=name)


urlpatterns = [
    at("sign-in/", access.sign_in, "sign-in"),
    at("sign-out/", access.sign_out, "sign-out"),
    at("password/", access.password, "password"),
    at("", dashboard.dashboard, "dashboard"),
    at("customers/", customers.customers, "customers"),
    at("customers/add/", customers.add_customer, "add-customer"),
    at("customers/<id:pk>/", customers.customer, "customer"),
    at("customers/<id:pk>/account/", statements.customer_account, "customer-account"),
    at("customers/<id:pk>/edit/", customers.edit_customer, "edit-customer"),
    at("customers/<id:pk>/suspend/", customer_status.suspend, "suspend"),
    at("customers/<id:pk>/disable/", customer_status.disable, "disable"),
    at("customers/<id:pk>/leave/", customer_status.leave, "leave"),
    at("customers/<id:pk>/lift/<slug:reason>/", customer_status.lift_block, "lift-block"),
    at("customers/<id:pk>/password/", customer_status.reset_customer_password, "reset-password"),
    at("customers/<id:pk>/package/", customer_money.change, "change-package"),
    at("customers/<id:pk>/package/cancel/", customer_money.cancel_change, "cancel-change"),
    at("customers/<id:pk>/pay-back/", customer_money.pay_back, "pay-back"),
    at("customers/<id:pk>/bill-now/", extras.bill_now, "bill-now"),
    at("customers/<id:pk>/one-off/", extras.one_off, "one-off"),
    at("customers/<id:pk>/price/", extras.own_price, "own-price"),
    at("customers/<id:pk>/discount/", extras.give, "give-discount"),
    at("customers/<id:pk>/discount/end/", extras.end, "end-discount"),
    at("customers/<id:pk>/promise/", extras.promise, "promise"),
    at("customers/<id:pk>/promise/withdraw/", extras.withdraw, "withdraw-promise"),
    at("customers/<id:pk>/suspend-date/", extras.suspend_date, "suspend-date"),
    at("customers/<id:pk>/write-off/", bill_extras.write_off_all, "write-off-customer"),
    at("customers/<id:pk>/statement/<month:month>/explain/", explain.statement, "explain-statement"),
    at("discounts/", extras.discounts, "discounts"),
    at("promises/", extras.promises, "promises"),
    at("bills/", bills.bills, "bills"),
    at("bills/<id:pk>/", bills.bill, "bill"),
    at("bills/<id:pk>/pdf/", bills.bill_pdf, "bill-pdf"),
    at("bills/<id:pk>/explain/", explain.bill, "explain-bill"),
    at("credit-notes/<id:pk>/explain/", explain.credit_note, "explain-credit-note"),
    at("bills/<id:pk>/discount/", bill_extras.take_off, "discount-bill"),
    at("bills/<id:pk>/write-off/", bill_extras.write_off, "write-off"),
    at("bills/<id:pk>/recover/", bill_extras.recover, "recover"),
    at("collect/", payments.collect, "collect"),
    at("collect/<id:pk>/", payments.collect_from, "collect-from"),
    at("payments/", payments.payments, "payments"),
    at("payments/<id:pk>/", payments.payment, "payment"),
    at("payments/<id:pk>/pdf/", payments.payment_pdf, "payment-pdf"),
    at("payments/<id:pk>/explain/", explain.payment, "explain-payment"),
    at("payments/<id:pk>/reverse/", payments.reverse_one, "reverse-payment"),
    at("receipts/<slug:isp>/<slug:operator>/", receipts.check, "check-receipt"),
    at("drawer/", drawers.my_drawer, "my-drawer"),
    at("drawer/hand-over/", drawers.hand_over, "hand-over"),
    at("drawer/close/", drawers.close_mine, "close-my-drawer"),
    at("drawers/", drawers.drawers, "drawers"),
    at("drawers/rules/", drawers.rules, "drawer-rules"),
    at("drawers/hand-overs/<id:pk>/receive/", drawers.receive, "receive-hand-over"),
    at("drawers/hand-overs/<id:pk>/send-back/", drawers.send_back, "send-back-hand-over"),
    at("drawers/<id:pk>/", drawers.drawer, "drawer"),
    at("drawers/<id:pk>/limit/", drawers.limit, "drawer-limit"),
    at("drawers/<id:pk>/days/", drawers.days, "drawer-days"),
    at("drawers/<id:pk>/settle/", drawers.settle, "settle-shortage"),
    at("packages/", catalog.packages, "packages"),
    at("packages/add/", catalog.add, "add-package"),
    at("packages/<id:pk>/", catalog.package, "package"),
    at("packages/<id:pk>/edit/", catalog.edit, "edit-package"),
    at("packages/<id:pk>/price/", catalog.price, "package-price"),
    at("packages/<id:pk>/withdraw/", catalog.withdraw, "withdraw-package"),
    at("profiles/add/", profiles.add_profile, "add-profile"),
    at("profiles/<id:pk>/", profiles.profile, "profile"),
    at("plans/", catalog.plans, "plans"),
    at("plans/add/", catalog.add_a_plan, "add-plan"),
    at("plans/<id:pk>/withdraw/", catalog.withdraw_a_plan, "withdraw-plan"),
    at("margins/", prices.margins, "margins"),
    at("bands/", prices.bands, "bands"),
    at("bands/<id:plan_operator>/<id:plan>/", prices.band, "band"),
    at("vat/", prices.vat, "vat"),
    at("cuts/", prices.cuts, "cuts"),
    at("cuts/edit/", prices.set_cuts, "set-cuts"),
    at("cuts/holidays/add/", prices.add_a_holiday, "add-holiday"),
    at("cuts/holidays/remove/", prices.remove_a_holiday, "remove-holiday"),
    at("funds/", funds.funds, "funds"),
    at("funds/<id:child>/movements/<id:pk>/", funds.movement, "movement"),
    at("funds/<id:child>/movements/<id:pk>/explain/", explain.movement, "explain-movement"),
    at("funds/<id:child>/charges/<id:owner>/<id:invoice>/explain/", explain.charge, "explain-charge"),
    at("funds/plan/", planner.plan, "plan"),
    at("funds/plan/ask/", planner.ask, "ask-recharge"),
    at("funds/run-outs/", planner.run_outs, "run-outs"),
    at("funds/emergency/", planner.emergency, "emergency"),
    at("funds/<id:child>/statements/", fund_statements.statements, "fund-statements"),
    at("funds/<id:child>/statements/<month:month>/", fund_statements.statement, "fund-statement"),
    at("funds/<id:child>/statements/<month:month>/csv/", fund_statements.statement_csv, "fund-statement-csv"),
    at("funds/<id:child>/statements/<month:month>/pdf/", fund_statements.statement_pdf, "fund-statement-pdf"),
    at("funds/<id:child>/statements/<month:month>/confirm/", fund_statements.confirm, "confirm-statement"),
    at("funds/<id:child>/movements/<id:pk>/dispute/", fund_statements.dispute, "dispute"),
    at("funds/<id:child>/disputes/<id:pk>/settle/", fund_statements.settle, "settle-dispute"),
    at("resellers/", resellers.resellers, "resellers"),
    at("resellers/needs/", planner.needs, "needs"),
    at("resellers/<id:pk>/slabs/", slabs.slabs, "slabs"),
    at("resellers/add/", resellers.onboard, "onboard"),
    at("resellers/<id:pk>/", resellers.reseller, "reseller"),
    at("resellers/<id:pk>/recharge/", recharge.recharge, "recharge"),
    at("resellers/<id:pk>/deduct/", recharge.deduct, "deduct"),
    at("resellers/<id:pk>/transfer/", recharge.transfer, "transfer"),
    at("resellers/<id:pk>/pay-back/", recharge.pay_back, "pay-back-fund"),
    at("resellers/<id:pk>/start/", edge_terms.start, "start-edge"),
    at("resellers/<id:pk>/limits/", edge_terms.limits, "limits"),
    at("resellers/<id:pk>/prices/<id:plan_operator>/<id:plan>/", resellers.set_price, "set-price"),
    at("resellers/<id:pk>/movements/<id:movement>/take-back/", edge_terms.take_back, "take-back"),
    at("outages/", days.outages, "outages"),
    at("outages/add/", days.add_outage, "add-outage"),
    at("proof/", days.proof, "proof"),
    at("proof/csv/", days.proof_csv, "proof-csv"),
    at("proof/<slug:of_class>/", days.proof_class, "proof-class"),
    at("billing-run/", runs.billing_run, "billing-run"),
    at("billing-run/<id:pk>/", runs.run, "run"),
    at("billing-run/<id:pk>/csv/", runs.run_csv, "run-csv"),
    at("billing-run/plans/<id:pk>/", runs.plan, "run-plan"),
    at("billing-run/plans/<id:pk>/csv/", runs.plan_csv, "run-plan-csv"),
    at("billing-run/days-ahead/", rehearsals.rehearsals, "rehearsals"),
    at("billing-run/days-ahead/<id:pk>/", rehearsals.rehearsal, "rehearsal"),
    at("next-night/", run_nights.next_night, "next-night"),
    at("network/routers/", network.routers, "routers"),
    at("network/routers/add/", network.add_router, "add-router"),
    at("network/routers/<id:pk>/", network.router, "router"),
    at("network/routers/<id:pk>/edit/", network.edit_router, "edit-router"),
    at("network/sessions/", network.sessions, "sessions"),
    at("network/disconnects/", network.disconnects, "disconnects"),
    at("customers/<id:pk>/tax-withheld/", customer_money.tax_withheld, "tax-withheld"),
    at("customers/<id:pk>/deposit/", deposits.deposit, "deposit"),
    at("customers/<id:pk>/deposit/<slug:what>/", deposits.act_on, "deposit-act"),
    at("deposits/<id:pk>/take-back/", deposits.take_back, "take-back-deposit"),
    at("books/record/", record.record, "record"),
    at("books/record/<slug:key>/", record.record_event, "record-event"),
    at("books/record/<id:pk>/take-back/", record.take_back, "take-back-event"),
    at("books/", books.books, "books"),
    at("books/trial-balance/", statements.trial_balance, "trial-balance"),
    at("books/movements/", statements.movements, "movements"),
    at("books/income-statement/", statements.income_statement, "income-statement"),
    at("books/balance-sheet/", statements.balance_sheet, "balance-sheet"),
    at("books/cash-flow/", statements.cash_flow, "cash-flow"),
    at("books/receivables/", statements.ageing, "receivables"),
    at("books/day-book/", statements.day_book, "day-book"),
    at("books/journal/", books.journal, "journal"),
    at("books/journal/post/", chart.post_entry, "post-entry"),
    at("books/entries/<id:pk>/", books.entry, "entry"),
    at("books/entries/<id:pk>/reverse/", chart.take_entry_back, "reverse-entry"),
    at("books/accounts/", chart.accounts, "accounts"),
    at("books/accounts/add/", chart.add_own_account, "add-account"),
    at("books/accounts/<slug:code>/parties/", statements.parties, "account-parties"),
    at("books/accounts/<slug:code>/edit/", chart.change_account, "edit-account"),
    at("books/accounts/<slug:code>/close/", chart.shut_account, "close-account"),
    at("books/accounts/<slug:code>/open/", chart.reopen_account, "open-account"),
    at("books/periods/", periods.periods, "periods"),
    at("books/periods/close/", periods.close, "close-books"),
    at("books/periods/year/", periods.year_start, "year-start"),
    at("books/periods/<month:month>/reopen/", periods.reopen, "reopen-books"),
    at("books/periods/<month:month>/year-end/", periods.year_end, "close-year"),
    at("books/verify/", verification.verify, "verify"),
    at("books/verify/<id:pk>/", verification.verify_run, "verify-run"),
    at("books/heads/", verification.heads, "heads"),
    at("books/heads/file/", verification.books_file, "books-file"),
    at("books/accounts/<slug:code>/", statements.account, "account"),
]
