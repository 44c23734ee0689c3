"""What each event posts, as data (SPEC §3): one template per row of its table and side of the event.

A line says which account is debited and which credited with which of the event's amounts. Every posting names both, so
an entry cannot be unbalanced; tests prove that mirror accounts cancel over an edge, and post the worked example of
every row. `paid` and `chosen` stand for accounts that the caller names.
"""

from __future__ import annotations

from typing import NamedTuple

from backhaul.ledger.choices import CHOSEN, PAID

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
    "ahead": {"ahead": 1},
    "cost_ahead": {"cost_ahead": 1},
    "cost_released": {"cost_released": 1},
    "vat_cost": {"vat": 1, "input_vat": -1},
    "bought": {"net": 1, "vat": 1, "input_vat": -1},
    "vat_paid": {"vat": 1, "input_vat": -1},
    "fee": {"fee": 1},
    "withheld": {"withheld": 1},
    "shortage": {"shortage": 1},
    "fund": {"fund": 1},
    "owed": {"owed": 1},
    "takings": {"takings": 1},
    "debit": {"debit": 1},
    "credit": {"credit": 1},
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
        Line("own", "receivable_customers", "unearned_revenue", "ahead"),  # in the place of the first: a long term
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
    # --- opening balances: what is kept by party comes by its own kinds
    "opening_balances": (
        Line("own", CHOSEN, "opening_balances", "debit"),
        Line("own", "opening_balances", CHOSEN, "credit"),
    ),
    "opening_edge": (
        Line("parent", "opening_balances", "operator_funds", "fund"),
        Line("parent", "receivable_operators", "opening_balances", "owed"),
        Line("parent", "opening_balances", "takings_owed", "takings"),
        Line("child", "fund", "opening_balances", "fund"),
        Line("child", "opening_balances", "payable_to_provider", "owed"),
        Line("child", "takings_receivable", "opening_balances", "takings"),
    ),
    "opening_advance": (Line("own", "opening_balances", "customer_advances", "amount"),),
    "opening_deposit": (Line("own", "opening_balances", "customer_deposits", "amount"),),
    # --- what only an operator's own books know
    "owner_puts_in": (Line("own", PAID, "owner_capital", "amount"),),
    "owner_draws": (Line("own", "drawings", PAID, "amount"),),
    "provider_paid": (Line("own", "paid_to_provider", PAID, "amount"),),
    "provider_paid_by_owner": (Line("own", "paid_to_provider", "owner_capital", "amount"),),
    "money_moved": (Line("own", CHOSEN, PAID, "amount"),),
    "expense": (
        Line("own", CHOSEN, PAID, "bought"),
        Line("own", "input_vat", PAID, "input_vat"),
    ),
    "supplier_bill": (
        Line("own", CHOSEN, "supplier_payable", "bought"),
        Line("own", "input_vat", "supplier_payable", "input_vat"),
    ),
    "supplier_paid": (Line("own", "supplier_payable", PAID, "amount"),),
    "asset_bought": (
        Line("own", "fixed_assets", PAID, "bought"),
        Line("own", "input_vat", PAID, "input_vat"),
    ),
    "payroll": (Line("own", "salaries", "salaries_payable", "amount"),),
    "salaries_paid": (Line("own", "salaries_payable", PAID, "amount"),),
    "vat_return": (
        Line("own", "vat_payable", "input_vat", "input_vat"),
        Line("own", "vat_payable", PAID, "vat_paid"),
    ),
    "collector_hand_over": (
        Line("own", "cash", "cash_with_collector", "amount"),
        Line("own", "due_from_staff", "cash_with_collector", "shortage"),
        Line("own", "cash", "cash_over", "surplus"),
    ),
    "shortage_paid": (Line("own", PAID, "due_from_staff", "amount"),),
    "shortage_forgiven": (Line("own", "cash_over", "due_from_staff", "amount"),),
    # --- VAT that is due when a fund is recharged, not when it is charged
    "recharge_with_vat": (
        Line("parent", PAID, "operator_funds", "net"),
        Line("parent", PAID, "vat_payable", "vat"),
        Line("child", "fund", "paid_to_provider", "net"),
        Line("child", "wholesale_cost", "paid_to_provider", "vat_cost"),
        Line("child", "input_vat", "paid_to_provider", "input_vat"),
    ),
    "recharge_credit_with_vat": (
        Line("parent", "receivable_operators", "operator_funds", "net"),
        Line("parent", "receivable_operators", "vat_payable", "vat"),
        Line("child", "fund", "payable_to_provider", "net"),
        Line("child", "wholesale_cost", "payable_to_provider", "vat_cost"),
        Line("child", "input_vat", "payable_to_provider", "input_vat"),
    ),
    # --- the month end of terms longer than a month
    "revenue_released": (
        Line("own", "unearned_revenue", "internet_revenue", "amount"),
        Line("own", "wholesale_ahead", "wholesale_cost", "cost_ahead"),
        Line("own", "wholesale_cost", "wholesale_ahead", "cost_released"),
    ),
    # --- customers beside their bills
    "tax_withheld": (Line("own", "tax_withheld", "receivable_customers", "withheld"),),
    "deposit_in": (Line("own", PAID, "customer_deposits", "amount"),),
    "deposit_kept": (Line("own", "customer_deposits", "customer_advances", "amount"),),  # which pays the dues at once
    "deposit_given_back": (Line("own", "customer_deposits", PAID, "amount"),),
    # --- takings: whoever stands between passes them on: its clearing account comes out at nothing; the operator
    # of the customer books the payment by customer_payment out of that account, a chargeback by payment_reversed
    "gateway_takings": (
        Line("parent", "gateway_clearing", "takings_owed", "amount"),
        Line("child", "takings_receivable", "gateway_clearing", "amount"),
    ),
    "gateway_payout": (
        Line("own", PAID, "gateway_clearing", "amount"),
        Line("own", "gateway_fees", "gateway_clearing", "fee"),
    ),
    "gateway_fee_passed_on": (
        Line("parent", "takings_owed", "fees_recovered", "amount"),
        Line("child", "gateway_fees", "takings_receivable", "amount"),
    ),
    "takings_paid": (
        Line("parent", "takings_owed", PAID, "amount"),
        Line("child", PAID, "takings_receivable", "amount"),
    ),
    "takings_into_fund": (
        Line("parent", "takings_owed", "operator_funds", "amount"),
        Line("child", "fund", "takings_receivable", "amount"),
    ),
    "takings_against_dues": (
        Line("parent", "takings_owed", "receivable_operators", "amount"),
        Line("child", "payable_to_provider", "takings_receivable", "amount"),
    ),
    "chargeback": (
        Line("parent", "receivable_operators", "gateway_clearing", "amount"),
        Line("child", "gateway_clearing", "payable_to_provider", "amount"),
    ),
    # --- SMS credit: a purse of its own
    "sms_bought": (
        Line("parent", "operator_funds", "unearned_sms", "amount"),
        Line("child", "sms_credit", "fund", "amount"),
    ),
    "sms_bought_paid": (
        Line("parent", PAID, "unearned_sms", "amount"),
        Line("child", "sms_credit", "paid_to_provider", "amount"),
    ),
    "sms_used": (
        Line("parent", "unearned_sms", "sms_revenue", "amount"),
        Line("child", "sms_cost", "sms_credit", "amount"),
    ),
    # --- goods, one-off work and bandwidth sold to a child
    "goods_sold": (
        Line("parent", "operator_funds", "one_off_revenue", "net"),
        Line("parent", "operator_funds", "vat_payable", "vat"),
        Line("child", CHOSEN, "fund", "bought"),
        Line("child", "input_vat", "fund", "input_vat"),
    ),
    "goods_sold_postpaid": (
        Line("parent", "receivable_operators", "one_off_revenue", "net"),
        Line("parent", "receivable_operators", "vat_payable", "vat"),
        Line("child", CHOSEN, "payable_to_provider", "bought"),
        Line("child", "input_vat", "payable_to_provider", "input_vat"),
    ),
    # --- recharge cards: the issuer's own customer pays with one by customer_payment out of the liability
    "card_sold": (
        Line("own", PAID, "card_liability", "amount"),
        Line("own", "card_commission", "card_liability", "fee"),
    ),
    "card_redeemed_below": (
        Line("parent", "card_liability", "takings_owed", "amount"),
        Line("child", "takings_receivable", "gateway_clearing", "amount"),
    ),
    "card_expired": (Line("own", "card_liability", "other_income", "amount"),),
}
