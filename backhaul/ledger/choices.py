"""The vocabulary of the books: chart of accounts and posting templates, as data (SPEC §3).

A template says, per side of the event, which account is debited and which credited with which of the event's amounts.
Every posting names both, so an entry cannot be unbalanced; tests prove that mirror accounts cancel over an edge.
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
    Account("receivable_customers", "1100", "Receivable from customers", "asset", "customer"),
    Account("receivable_operators", "1110", "Receivable from operators", "asset", "operator"),
    Account("takings_receivable", "1120", "Takings receivable", "asset", "operator"),
    Account("fund", "1200", "Fund with provider", "asset", "operator"),
    Account("input_vat", "1300", "Input VAT", "asset"),
    Account("operator_funds", "2000", "Operator funds", "liability", "operator"),
    Account("takings_owed", "2010", "Takings owed", "liability", "operator"),
    Account("payable_to_provider", "2020", "Payable to provider", "liability", "operator"),
    Account("paid_to_provider", "2030", "Paid to provider", "liability"),
    Account("transfers_between", "2040", "Transfers between resellers", "liability"),  # nothing stays on it
    Account("customer_advances", "2100", "Customer advances", "liability", "customer"),
    Account("vat_payable", "2200", "VAT payable", "liability"),
    Account("owner_capital", "3000", "Owner's capital", "equity"),
    Account("drawings", "3010", "Drawings", "equity"),
    Account("retained_earnings", "3020", "Retained earnings", "equity"),
    Account("opening_balances", "3030", "Opening balances", "equity"),
    Account("internet_revenue", "4000", "Internet revenue", "income"),
    Account("wholesale_revenue", "4010", "Wholesale revenue", "income"),
    Account("one_off_revenue", "4020", "One-off sales", "income"),
    Account("late_fees", "4030", "Late fees", "income"),
    Account("bad_debt_recovered", "4040", "Bad debt recovered", "income"),
    Account("rounding", "4080", "Rounding", "income"),
    Account("other_income", "4090", "Other income", "income"),
    Account("wholesale_cost", "5000", "Wholesale cost", "expense"),
    Account("discounts_given", "5010", "Discounts given", "expense"),
    Account("bad_debt", "5020", "Bad debt", "expense"),
    Account("complimentary_service", "5030", "Complimentary service", "expense"),
    Account("penalties", "5040", "Penalties", "expense"),
    Account("finance_cost", "5090", "Finance cost", "expense"),
    Account("office_expense", "5100", "Office expense", "expense"),
)
PAID = "paid"  # stands for the account of the method of payment, named by the caller
METHOD_ACCOUNTS = ("cash", "bank", "mobile_wallet")
PARTY_KIND = {account.code: account.party_kind for account in CHART}

# (parent's account, child's account): over an edge they sum to zero in every event.
MIRRORS = (
    ("operator_funds", "fund"),
    ("receivable_operators", "payable_to_provider"),
    ("takings_owed", "takings_receivable"),
)

# Each amount as a linear form of an event's own inputs, for the proof that mirrors cancel.
AMOUNTS: dict[str, dict[str, int]] = {
    "amount": {"amount": 1},
    "net": {"net": 1},
    "vat": {"vat": 1},
    "input_vat": {"input_vat": 1},
    "cost": {"net": 1, "vat": 1, "input_vat": -1, "free_cost": -1},
    "free_cost": {"free_cost": 1},
    "from_fund": {"from_fund": 1},
    "to_owed": {"to_owed": 1},
    "applied": {"applied": 1},
    "surplus": {"surplus": 1},
    "discount": {"discount": 1},
    "net_less_discount": {"net": 1, "discount": -1},
    "rounding_up": {"rounding_up": 1},
    "rounding_down": {"rounding_down": 1},
    "net_to_invoice": {"net_to_invoice": 1},
    "net_to_advance": {"net_to_advance": 1},
    "vat_to_invoice": {"vat_to_invoice": 1},
    "vat_to_advance": {"vat_to_advance": 1},
}


class Line(NamedTuple):
    side: str  # "own", or the "parent" and "child" of an edge
    debit: str
    credit: str
    amount: str


TEMPLATES: dict[str, tuple[Line, ...]] = {
    "recharge": (
        Line("parent", PAID, "operator_funds", "amount"),
        Line("child", "fund", "paid_to_provider", "amount"),
    ),
    "recharge_credit": (
        Line("parent", "receivable_operators", "operator_funds", "amount"),
        Line("child", "fund", "payable_to_provider", "amount"),
    ),
    "recharge_repaid": (
        Line("parent", PAID, "receivable_operators", "amount"),
        Line("child", "payable_to_provider", "paid_to_provider", "amount"),
    ),
    "bonus": (
        Line("parent", "discounts_given", "operator_funds", "amount"),
        Line("child", "fund", "other_income", "amount"),
    ),
    "bonus_reversed": (
        Line("parent", "operator_funds", "discounts_given", "amount"),
        Line("child", "other_income", "fund", "amount"),
    ),
    "deduction": (
        Line("parent", "operator_funds", "other_income", "amount"),
        Line("child", "penalties", "fund", "amount"),
    ),
    "transfer_out": (
        Line("parent", "operator_funds", "transfers_between", "amount"),
        Line("child", "paid_to_provider", "fund", "amount"),
    ),
    "transfer_in": (
        Line("parent", "transfers_between", "operator_funds", "amount"),
        Line("child", "fund", "paid_to_provider", "amount"),
    ),
    "fund_paid_back": (
        Line("parent", "operator_funds", PAID, "amount"),
        Line("child", "paid_to_provider", "fund", "amount"),
    ),
    "emergency_loan": (
        Line("parent", "receivable_operators", "operator_funds", "amount"),
        Line("child", "fund", "payable_to_provider", "amount"),
    ),
    "emergency_fee": (
        Line("parent", "receivable_operators", "other_income", "amount"),
        Line("child", "finance_cost", "payable_to_provider", "amount"),
    ),
    "recharge_reversed": (
        Line("parent", "operator_funds", PAID, "from_fund"),
        Line("parent", "receivable_operators", PAID, "to_owed"),
        Line("child", "paid_to_provider", "fund", "from_fund"),
        Line("child", "paid_to_provider", "payable_to_provider", "to_owed"),
    ),
    "wholesale_charge": (
        Line("parent", "operator_funds", "wholesale_revenue", "net"),
        Line("parent", "operator_funds", "vat_payable", "vat"),
        Line("child", "wholesale_cost", "fund", "cost"),
        Line("child", "complimentary_service", "fund", "free_cost"),
        Line("child", "input_vat", "fund", "input_vat"),
    ),
    "wholesale_charge_postpaid": (
        Line("parent", "receivable_operators", "wholesale_revenue", "net"),
        Line("parent", "receivable_operators", "vat_payable", "vat"),
        Line("child", "wholesale_cost", "payable_to_provider", "cost"),
        Line("child", "complimentary_service", "payable_to_provider", "free_cost"),
        Line("child", "input_vat", "payable_to_provider", "input_vat"),
    ),
    "wholesale_refund": (
        Line("parent", "wholesale_revenue", "operator_funds", "net"),
        Line("parent", "vat_payable", "operator_funds", "vat"),
        Line("child", "fund", "wholesale_cost", "cost"),
        Line("child", "fund", "complimentary_service", "free_cost"),
        Line("child", "fund", "input_vat", "input_vat"),
    ),
    "wholesale_refund_postpaid": (
        Line("parent", "wholesale_revenue", "receivable_operators", "net"),
        Line("parent", "vat_payable", "receivable_operators", "vat"),
        Line("child", "payable_to_provider", "wholesale_cost", "cost"),
        Line("child", "payable_to_provider", "complimentary_service", "free_cost"),
        Line("child", "payable_to_provider", "input_vat", "input_vat"),
    ),
    "retail_invoice": (
        Line("own", "receivable_customers", "internet_revenue", "net_less_discount"),
        Line("own", "discounts_given", "internet_revenue", "discount"),
        Line("own", "receivable_customers", "vat_payable", "vat"),
        Line("own", "receivable_customers", "rounding", "rounding_up"),
        Line("own", "rounding", "receivable_customers", "rounding_down"),
    ),
    "one_off_invoice": (
        Line("own", "receivable_customers", "one_off_revenue", "net"),
        Line("own", "receivable_customers", "vat_payable", "vat"),
    ),
    "late_fee": (Line("own", "receivable_customers", "late_fees", "amount"),),
    "bill_discount": (
        Line("own", "discounts_given", "receivable_customers", "net"),
        Line("own", "vat_payable", "receivable_customers", "vat"),
    ),
    "write_off": (
        Line("own", "bad_debt", "receivable_customers", "net"),
        Line("own", "vat_payable", "receivable_customers", "vat"),
    ),
    "bad_debt_recovered": (
        Line("own", PAID, "bad_debt_recovered", "net"),
        Line("own", PAID, "vat_payable", "vat"),
    ),
    "opening_due": (Line("own", "receivable_customers", "opening_balances", "amount"),),
    "advance_applied": (Line("own", "customer_advances", "receivable_customers", "amount"),),
    "customer_payment": (
        Line("own", PAID, "receivable_customers", "applied"),
        Line("own", PAID, "customer_advances", "surplus"),
    ),
    "advance_paid_back": (Line("own", "customer_advances", PAID, "amount"),),
    "advance_unapplied": (Line("own", "receivable_customers", "customer_advances", "amount"),),
    "payment_reversed": (
        Line("own", "receivable_customers", PAID, "applied"),
        Line("own", "customer_advances", PAID, "surplus"),
    ),
    "credit_note": (
        Line("own", "internet_revenue", "receivable_customers", "net_to_invoice"),
        Line("own", "internet_revenue", "customer_advances", "net_to_advance"),
        Line("own", "vat_payable", "receivable_customers", "vat_to_invoice"),
        Line("own", "vat_payable", "customer_advances", "vat_to_advance"),
    ),
}

KINDS = ("asset", "liability", "equity", "income", "expense")
MANUAL = "manual"
MANUAL_REVERSAL = "reversal:manual"

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
    MANUAL: "Entry by hand",
    MANUAL_REVERSAL: "Entry by hand taken back",
}
