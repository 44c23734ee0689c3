"""The worked example of every row of the posting table (SPEC §3), each figure computed by hand.

Padma sells to North, North to Riverside; Rival is Padma's other child. Accounts kept by party are written with it:
"fund:padma". Debits are positive, credits negative; accounts that come out at nothing are left out.
"""

from __future__ import annotations

from typing import NamedTuple

UPPER = ("padma", "north")
LOWER = ("north", "riverside")
ASIDE = ("padma", "rival")


class Step(NamedTuple):
    """One event: `who` = (parent, child) of an edge, or the one operator whose own event it is."""

    kind: str
    who: tuple[str, ...]
    amounts: dict[str, int]
    paid: str | None
    chosen: str | None


class Example(NamedTuple):
    """A row of the table, what happens, and what it changes: operator → account → debits less credits."""

    row: str
    steps: list[Step]
    changes: dict[str, dict[str, int]]


def edge(
    kind: str, edge: tuple[str, str] = UPPER, *, paid: str | None = None, chosen: str | None = None, **amounts: int
) -> Step:
    return Step(kind, edge, amounts, paid, chosen)


def own(kind: str, who: str = "north", *, paid: str | None = None, chosen: str | None = None, **amounts: int) -> Step:
    return Step(kind, (who,), amounts, paid, chosen)


OPENING = "opening balances (operator taken over)"
OWNER = "owner puts in / draws"
RECHARGE = "recharge"
ON_CREDIT = "recharge on credit / repaid"
BONUS = "bonus / deduction / unused bonus taken back"
TAKEN_BACK = "recharge 5,000 reversed with 200 left"
TRANSFER = "transfer between two children A → B"
PREPAID = "wholesale charge, prepaid (450.00)"
POSTPAID = "wholesale charge, postpaid / statement paid"
REFUND = "wholesale refund 18/30"
BILL = "retail invoice / term longer than a month"
DISCOUNT = "discount at issue (600, 100 off) / later"
CREDIT_NOTE = "credit note"
PAYMENT = "customer pays; advance applied; advance paid back"
DEPOSIT = "tax withheld by a company; deposit in / kept"
FREE = "free customer"
WRITE_OFF = "write-off / recovered"
GATEWAY = "customer pays through an ancestor's gateway"
PAYOUT = "gateway pays out / fee passed on"
SETTLED = "takings settled: paid / into the fund / against dues"
CHARGEBACK = "chargeback after settlement"
SMS = "SMS credit bought / used (failed = reversal)"
GOODS = "goods, one-off, bandwidth sold to a child"
CARD = "recharge card sold / redeemed / expired"
CLOSING = "fund paid back at closing"
COLLECTOR = "collector hands over"
OWN = "payroll, expense, supplier bill, asset, VAT return"
YEAR_END = "year end"
REVERSAL = "reversal of any"

ROWS = (
    OPENING, OWNER, RECHARGE, ON_CREDIT, BONUS, TAKEN_BACK, TRANSFER, PREPAID, POSTPAID, REFUND, BILL, DISCOUNT,
    CREDIT_NOTE, PAYMENT, DEPOSIT, FREE, WRITE_OFF, GATEWAY, PAYOUT, SETTLED, CHARGEBACK, SMS, GOODS, CARD, CLOSING,
    COLLECTOR, OWN, YEAR_END, REVERSAL,
)  # fmt: skip

EXAMPLES = [
    Example(
        OPENING,
        [
            edge("opening_edge", fund=2_000_00, owed=500_00, takings=300_00),
            own("opening_balances", chosen="cash", debit=1_500_00),
            own("opening_balances", chosen="fixed_assets", debit=9_000_00),
            own("opening_balances", chosen="vat_payable", credit=400_00),
            own("opening_due", amount=700_00),
            own("opening_advance", amount=50_00),
            own("opening_deposit", amount=100_00),
        ],
        {
            "padma": {
                "receivable_operators:north": 500_00, "operator_funds:north": -2_000_00, "takings_owed:north": -300_00,
                "opening_balances": 1_800_00,
            },
            "north": {
                "cash": 1_500_00, "fund:padma": 2_000_00, "receivable_customers:karim": 700_00,
                "takings_receivable:padma": 300_00, "fixed_assets": 9_000_00, "customer_advances:karim": -50_00,
                "customer_deposits:karim": -100_00, "payable_to_provider:padma": -500_00, "vat_payable": -400_00,
                "opening_balances": -12_450_00,
            },
        },
    ),
    Example(
        OWNER,
        [own("owner_puts_in", paid="bank", amount=50_000_00), own("owner_draws", paid="cash", amount=8_000_00)],
        {"north": {"bank": 50_000_00, "owner_capital": -50_000_00, "drawings": 8_000_00, "cash": -8_000_00}},
    ),
    Example(
        RECHARGE,
        [
            edge("recharge", paid="bank", amount=10_000_00),
            own("provider_paid", paid="cash", amount=9_000_00),
            own("provider_paid_by_owner", amount=1_000_00),
        ],
        {
            "padma": {"bank": 10_000_00, "operator_funds:north": -10_000_00},
            "north": {"fund:padma": 10_000_00, "cash": -9_000_00, "owner_capital": -1_000_00},
        },
    ),
    Example(
        RECHARGE,
        [edge("recharge_with_vat", paid="bank", net=10_000_00, vat=500_00, input_vat=500_00)],
        {
            "padma": {"bank": 10_500_00, "operator_funds:north": -10_000_00, "vat_payable": -500_00},
            "north": {"fund:padma": 10_000_00, "input_vat": 500_00, "paid_to_provider": -10_500_00},
        },
    ),
    Example(
        ON_CREDIT,
        [edge("recharge_credit", amount=3_000_00), edge("recharge_repaid", paid="bank", amount=1_200_00)],
        {
            "padma": {"receivable_operators:north": 1_800_00, "operator_funds:north": -3_000_00, "bank": 1_200_00},
            "north": {"fund:padma": 3_000_00, "payable_to_provider:padma": -1_800_00, "paid_to_provider": -1_200_00},
        },
    ),
    Example(
        ON_CREDIT,
        [edge("recharge_credit_with_vat", net=3_000_00, vat=150_00, vat_cost=150_00)],
        {
            "padma": {
                "receivable_operators:north": 3_150_00, "operator_funds:north": -3_000_00, "vat_payable": -150_00,
            },
            "north": {"fund:padma": 3_000_00, "wholesale_cost": 150_00, "payable_to_provider:padma": -3_150_00},
        },
    ),
    Example(
        ON_CREDIT,
        [edge("emergency_loan", amount=1_000_00), edge("emergency_fee", amount=20_00)],
        {
            "padma": {
                "receivable_operators:north": 1_020_00, "operator_funds:north": -1_000_00, "other_income": -20_00,
            },
            "north": {"fund:padma": 1_000_00, "finance_cost": 20_00, "payable_to_provider:padma": -1_020_00},
        },
    ),
    Example(
        BONUS,
        [edge("bonus", amount=500_00), edge("deduction", amount=120_00), edge("bonus_reversed", amount=200_00)],
        {
            "padma": {"discounts_given": 300_00, "operator_funds:north": -180_00, "other_income": -120_00},
            "north": {"fund:padma": 180_00, "other_income": -300_00, "penalties": 120_00},
        },
    ),
    Example(
        TAKEN_BACK,
        [edge("recharge_reversed", paid="bank", from_fund=200_00, to_owed=4_800_00)],
        {
            "padma": {"operator_funds:north": 200_00, "receivable_operators:north": 4_800_00, "bank": -5_000_00},
            "north": {"paid_to_provider": 5_000_00, "fund:padma": -200_00, "payable_to_provider:padma": -4_800_00},
        },
    ),
    Example(
        TRANSFER,
        [edge("transfer_out", amount=700_00), edge("transfer_in", ASIDE, amount=700_00)],
        {
            "padma": {"operator_funds:north": 700_00, "operator_funds:rival": -700_00},
            "north": {"paid_to_provider": 700_00, "fund:padma": -700_00},
            "rival": {"fund:padma": 700_00, "paid_to_provider": -700_00},
        },
    ),
    Example(
        PREPAID,
        [edge("wholesale_charge", LOWER, net=450_00, vat=22_50, cost=450_00, input_vat=22_50)],
        {
            "north": {"operator_funds:riverside": 472_50, "wholesale_revenue": -450_00, "vat_payable": -22_50},
            "riverside": {"wholesale_cost": 450_00, "input_vat": 22_50, "fund:north": -472_50},
        },
    ),
    Example(
        POSTPAID,
        [
            edge("wholesale_charge_postpaid", LOWER, net=450_00, vat=22_50, cost=450_00, input_vat=22_50),
            edge("recharge_repaid", LOWER, paid="bank", amount=400_00),
        ],
        {
            "north": {
                "receivable_operators:riverside": 72_50, "wholesale_revenue": -450_00, "vat_payable": -22_50,
                "bank": 400_00,
            },
            "riverside": {
                "wholesale_cost": 450_00, "input_vat": 22_50, "payable_to_provider:north": -72_50,
                "paid_to_provider": -400_00,
            },
        },
    ),
    Example(
        REFUND,
        [edge("wholesale_refund", LOWER, net=270_00, vat=13_50, cost=270_00, input_vat=13_50)],
        {
            "north": {"wholesale_revenue": 270_00, "vat_payable": 13_50, "operator_funds:riverside": -283_50},
            "riverside": {"fund:north": 283_50, "wholesale_cost": -270_00, "input_vat": -13_50},
        },
    ),
    Example(
        REFUND,
        [edge("wholesale_refund_postpaid", LOWER, net=270_00, vat=13_50, cost=270_00, input_vat=13_50)],
        {
            "north": {"wholesale_revenue": 270_00, "vat_payable": 13_50, "receivable_operators:riverside": -283_50},
            "riverside": {"payable_to_provider:north": 283_50, "wholesale_cost": -270_00, "input_vat": -13_50},
        },
    ),
    Example(
        BILL,
        [own("retail_invoice", net_less_discount=600_00, vat=30_00)],
        {"north": {"receivable_customers:karim": 630_00, "internet_revenue": -600_00, "vat_payable": -30_00}},
    ),
    Example(  # three months of 600.00, billed and charged ahead; the first month is over
        BILL,
        [
            own("retail_invoice", "riverside", ahead=1_800_00, vat=90_00),
            edge("wholesale_charge", LOWER, net=1_350_00, cost=1_350_00),
            own("revenue_released", "riverside", amount=600_00, cost_ahead=900_00),
        ],
        {
            "north": {"operator_funds:riverside": 1_350_00, "wholesale_revenue": -1_350_00},
            "riverside": {
                "receivable_customers:karim": 1_890_00, "unearned_revenue": -1_200_00, "internet_revenue": -600_00,
                "vat_payable": -90_00, "fund:north": -1_350_00, "wholesale_ahead": 900_00, "wholesale_cost": 450_00,
            },
        },
    ),
    Example(  # and its second month
        BILL,
        [own("revenue_released", amount=600_00, cost_released=450_00)],
        {
            "north": {
                "unearned_revenue": 600_00, "internet_revenue": -600_00, "wholesale_cost": 450_00,
                "wholesale_ahead": -450_00,
            },
        },
    ),
    Example(
        BILL,
        [own("one_off_invoice", net=90_00, vat=4_50), own("late_fee", amount=20_00)],
        {
            "north": {
                "receivable_customers:karim": 114_50, "one_off_revenue": -90_00, "vat_payable": -4_50,
                "late_fees": -20_00,
            },
        },
    ),
    Example(
        DISCOUNT,
        [own("retail_invoice", net_less_discount=500_00, discount=100_00, vat=25_00)],
        {
            "north": {
                "receivable_customers:karim": 525_00, "discounts_given": 100_00, "internet_revenue": -600_00,
                "vat_payable": -25_00,
            },
        },
    ),
    Example(
        DISCOUNT,
        [own("bill_discount", net=100_00, vat=5_00)],
        {"north": {"discounts_given": 100_00, "vat_payable": 5_00, "receivable_customers:karim": -105_00}},
    ),
    Example(  # 360.00 and VAT given back; 252.00 were open
        CREDIT_NOTE,
        [
            own(
                "credit_note", net_to_invoice=240_00, vat_to_invoice=12_00, net_to_advance=120_00, vat_to_advance=6_00
            )
        ],
        {
            "north": {
                "internet_revenue": 360_00, "vat_payable": 18_00, "receivable_customers:karim": -252_00,
                "customer_advances:karim": -126_00,
            },
        },
    ),
]  # fmt: skip
