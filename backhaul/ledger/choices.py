"""The vocabulary of the books: the chart of accounts and what entries are called, as data (SPEC §3).

What each event posts stands in templates.py.
"""

from __future__ import annotations

from typing import NamedTuple


class Account(NamedTuple):
    code: str
    number: str
    name: str
    kind: str
    party_kind: str | None = None


CHART = (
    Account("cash", "1000", "Cash", "asset"),
    Account("bank", "1010", "Bank", "asset"),
    Account("mobile_wallet", "1020", "Mobile wallet", "asset"),
    Account("gateway_clearing", "1030", "Gateway clearing", "asset"),
    Account("cash_with_collector", "1040", "Cash with collectors", "asset", "user"),
    Account("due_from_staff", "1050", "Due from staff", "asset", "user"),
    Account("receivable_customers", "1100", "Receivable from customers", "asset", "customer"),
    Account("receivable_operators", "1110", "Receivable from operators", "asset", "operator"),
    Account("takings_receivable", "1120", "Takings receivable", "asset", "operator"),
    Account("fund", "1200", "Fund with provider", "asset", "operator"),
    Account("sms_credit", "1210", "SMS credit", "asset", "operator"),
    Account("wholesale_ahead", "1220", "Wholesale cost of months ahead", "asset"),
    Account("input_vat", "1300", "Input VAT", "asset"),
    Account("tax_withheld", "1310", "Tax withheld by customers", "asset"),
    Account("stock", "1400", "Stock", "asset"),
    Account("fixed_assets", "1500", "Fixed assets", "asset"),
    Account("operator_funds", "2000", "Operator funds", "liability", "operator"),
    Account("takings_owed", "2010", "Takings owed", "liability", "operator"),
    Account("payable_to_provider", "2020", "Payable to provider", "liability", "operator"),
    Account("paid_to_provider", "2030", "Paid to provider", "liability"),
    Account("transfers_between", "2040", "Transfers between resellers", "liability"),  # nothing stays on it
    Account("customer_advances", "2100", "Customer advances", "liability", "customer"),
    Account("customer_deposits", "2110", "Customer deposits", "liability", "customer"),
    Account("unearned_revenue", "2120", "Unearned revenue", "liability"),
    Account("unearned_sms", "2130", "Unearned SMS credit", "liability", "operator"),
    Account("card_liability", "2140", "Recharge cards sold", "liability"),
    Account("vat_payable", "2200", "VAT payable", "liability"),
    Account("supplier_payable", "2300", "Payable to suppliers", "liability"),
    Account("salaries_payable", "2310", "Salaries payable", "liability"),
    Account("owner_capital", "3000", "Owner's capital", "equity"),
    Account("drawings", "3010", "Drawings", "equity"),
    Account("retained_earnings", "3020", "Retained earnings", "equity"),
    Account("opening_balances", "3030", "Opening balances", "equity"),
    Account("internet_revenue", "4000", "Internet revenue", "income"),
    Account("wholesale_revenue", "4010", "Wholesale revenue", "income"),
    Account("one_off_revenue", "4020", "One-off sales", "income"),
    Account("late_fees", "4030", "Late fees", "income"),
    Account("bad_debt_recovered", "4040", "Bad debt recovered", "income"),
    Account("fees_recovered", "4050", "Gateway fees recovered", "income"),
    Account("sms_revenue", "4060", "SMS revenue", "income"),
    Account("cash_over", "4070", "Cash over and short", "income"),
    Account("rounding", "4080", "Rounding", "income"),
    Account("other_income", "4090", "Other income", "income"),
    Account("wholesale_cost", "5000", "Wholesale cost", "expense"),
    Account("discounts_given", "5010", "Discounts given", "expense"),
    Account("bad_debt", "5020", "Bad debt", "expense"),
    Account("complimentary_service", "5030", "Complimentary service", "expense"),
    Account("penalties", "5040", "Penalties", "expense"),
    Account("gateway_fees", "5050", "Gateway fees", "expense"),
    Account("sms_cost", "5060", "SMS cost", "expense"),
    Account("card_commission", "5070", "Commission on recharge cards", "expense"),
    Account("finance_cost", "5090", "Finance cost", "expense"),
    Account("office_expense", "5100", "Office expense", "expense"),
    Account("salaries", "5110", "Salaries", "expense"),
    Account("rent", "5120", "Rent", "expense"),
    Account("electricity", "5130", "Electricity", "expense"),
    Account("repairs", "5140", "Repairs and upkeep", "expense"),
    Account("bandwidth", "5150", "Bandwidth bought", "expense"),
)
PAID = "paid"  # stands for the account of the method of payment, named by the caller
CHOSEN = "chosen"  # stands for an account that the caller names: what an expense was for, whose balance is taken over
METHOD_ACCOUNTS = ("cash", "bank", "mobile_wallet")
# Costs and assets that bills, charges, payments and gateways keep: nobody buys anything for them.
KEPT_BY_EVENTS = (
    "gateway_clearing", "wholesale_ahead", "input_vat", "tax_withheld", "wholesale_cost", "discounts_given", "bad_debt",
    "complimentary_service", "penalties", "sms_cost", "card_commission",
)  # fmt: skip
PARTY_KIND = {account.code: account.party_kind for account in CHART}

# (parent's account, child's account): over an edge they sum to zero in every event.
MIRRORS = (
    ("operator_funds", "fund"),
    ("receivable_operators", "payable_to_provider"),
    ("takings_owed", "takings_receivable"),
    ("unearned_sms", "sms_credit"),
)

KINDS = ("asset", "liability", "equity", "income", "expense")
MANUAL = "manual"
MANUAL_REVERSAL = "reversal:manual"
YEAR_CLOSE = "year_close"
YEAR_CLOSE_REVERSAL = "reversal:year_close"
YEAR_CLOSE_KINDS = (YEAR_CLOSE, YEAR_CLOSE_REVERSAL)  # what an income statement leaves out

# What people record themselves (events.py): taken back there.
OWN_EVENTS = (
    "opening_balances", "owner_puts_in", "owner_draws", "provider_paid", "provider_paid_by_owner", "money_moved",
    "expense", "supplier_bill", "supplier_paid", "asset_bought", "payroll", "salaries_paid", "vat_return",
)  # fmt: skip

# What an entry is called on screens and in exports.
TITLES = {
    "recharge": "Recharge",
    "recharge_credit": "Recharge on credit",
    "recharge_repaid": "Debt repaid",
    "bonus": "Bonus",
    "recharge_reversed": "Recharge taken back",
    "bonus_reversed": "Unused bonus taken back",
    "deduction": "Deduction",
    "transfer_out": "Transfer to another reseller",
    "transfer_in": "Transfer from another reseller",
    "fund_paid_back": "Fund paid back",
    "emergency_loan": "Emergency loan",
    "emergency_fee": "Fee of an emergency loan",
    "wholesale_charge": "Wholesale charge",
    "wholesale_charge_postpaid": "Wholesale charge, postpaid",
    "wholesale_refund": "Wholesale refund",
    "wholesale_refund_postpaid": "Wholesale refund, postpaid",
    "retail_invoice": "Bill",
    "one_off_invoice": "One-off bill",
    "late_fee": "Late fee",
    "bill_discount": "Discount on a bill",
    "write_off": "Written off",
    "bad_debt_recovered": "Bad debt recovered",
    "opening_due": "Opening due",
    "advance_applied": "Advance applied to a bill",
    "advance_paid_back": "Advance paid back",
    "advance_unapplied": "Advance taken back from a bill",
    "customer_payment": "Payment",
    "payment_reversed": "Payment reversed",
    "credit_note": "Credit note",
    "opening_balances": "Opening balances",
    "opening_edge": "Opening balances with a provider",
    "opening_advance": "Opening advance",
    "opening_deposit": "Opening deposit",
    "owner_puts_in": "Owner's money put in",
    "owner_draws": "Money taken out by the owner",
    "provider_paid": "Paid to the provider",
    "provider_paid_by_owner": "Paid to the provider by the owner",
    "money_moved": "Money moved",
    "expense": "Expense",
    "supplier_bill": "Supplier's bill",
    "supplier_paid": "Supplier paid",
    "asset_bought": "Asset bought",
    "payroll": "Payroll",
    "salaries_paid": "Salaries paid",
    "vat_return": "VAT return",
    "collector_hand_over": "Collector hands over",
    "shortage_paid": "Shortage paid",
    "shortage_forgiven": "Shortage forgiven",
    "recharge_with_vat": "Recharge with VAT",
    "recharge_credit_with_vat": "Recharge on credit with VAT",
    "revenue_released": "Revenue of the month",
    "tax_withheld": "Tax withheld",
    "deposit_in": "Deposit received",
    "deposit_kept": "Deposit kept for dues",
    "deposit_given_back": "Deposit given back",
    "gateway_takings": "Takings of a gateway",
    "gateway_payout": "Gateway paid out",
    "gateway_fee_passed_on": "Gateway fee passed on",
    "takings_paid": "Takings paid",
    "takings_into_fund": "Takings into the fund",
    "takings_against_dues": "Takings against dues",
    "chargeback": "Chargeback",
    "sms_bought": "SMS credit bought",
    "sms_bought_paid": "SMS credit bought and paid",
    "sms_used": "SMS sent",
    "goods_sold": "Goods sold to a reseller",
    "goods_sold_postpaid": "Goods sold to a reseller, postpaid",
    "card_sold": "Recharge card sold",
    "card_redeemed_below": "Recharge card redeemed",
    "card_expired": "Recharge card expired",
    MANUAL: "Entry by hand",
    MANUAL_REVERSAL: "Entry by hand taken back",
    YEAR_CLOSE: "Year end",
    YEAR_CLOSE_REVERSAL: "Year end taken back",
    **{f"reversal:{kind}": "Taken back" for kind in (*OWN_EVENTS, "deposit_in", "deposit_kept", "deposit_given_back")},
}
