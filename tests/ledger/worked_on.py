"""The worked examples from customers' payments on; see worked.py."""

from __future__ import annotations

from tests.ledger.worked import (
    CARD,
    CHARGEBACK,
    CLOSING,
    COLLECTOR,
    DEPOSIT,
    FREE,
    GATEWAY,
    GOODS,
    LOWER,
    OWN,
    PAYMENT,
    PAYOUT,
    SETTLED,
    SMS,
    WRITE_OFF,
    Example,
    edge,
    own,
)

CLEARING = "gateway_clearing"

EXAMPLES = [
    Example(
        PAYMENT,
        [
            own("customer_payment", paid="cash", applied=630_00, surplus=370_00),
            own("advance_applied", amount=200_00),
            own("advance_unapplied", amount=50_00),
            own("advance_paid_back", paid="cash", amount=100_00),
        ],
        {
            "north": {
                "cash": 900_00, "receivable_customers:karim": -780_00, "customer_advances:karim": -120_00,
            },
        },
    ),
    Example(
        PAYMENT,
        [own("payment_reversed", paid="cash", applied=630_00, surplus=370_00)],
        {
            "north": {
                "receivable_customers:karim": 630_00, "customer_advances:karim": 370_00, "cash": -1_000_00,
            },
        },
    ),
    Example(
        DEPOSIT,
        [own("customer_payment", paid="bank", applied=900_00), own("tax_withheld", withheld=100_00)],
        {"north": {"bank": 900_00, "tax_withheld": 100_00, "receivable_customers:karim": -1_000_00}},
    ),
    Example(  # what is kept becomes an advance, which pays the dues in the same moment
        DEPOSIT,
        [
            own("deposit_in", paid="cash", amount=500_00),
            own("deposit_kept", amount=300_00),
            own("advance_applied", amount=300_00),
            own("deposit_given_back", paid="cash", amount=150_00),
        ],
        {
            "north": {"cash": 350_00, "customer_deposits:karim": -50_00, "receivable_customers:karim": -300_00},
        },
    ),
    Example(
        FREE,
        [edge("wholesale_charge", LOWER, net=450_00, vat=22_50, free_cost=472_50)],
        {
            "north": {"operator_funds:riverside": 472_50, "wholesale_revenue": -450_00, "vat_payable": -22_50},
            "riverside": {"complimentary_service": 472_50, "fund:north": -472_50},
        },
    ),
    Example(
        WRITE_OFF,
        [own("write_off", net=100_00, vat=5_00), own("bad_debt_recovered", paid="cash", net=40_00, vat=2_00)],
        {
            "north": {
                "bad_debt": 100_00, "vat_payable": 3_00, "receivable_customers:karim": -105_00, "cash": 42_00,
                "bad_debt_recovered": -40_00,
            },
        },
    ),
    Example(
        GATEWAY,
        [
            edge("gateway_takings", amount=630_00),
            edge("gateway_takings", LOWER, amount=630_00),
            own("customer_payment", "riverside", paid=CLEARING, applied=630_00),
        ],
        {
            "padma": {"gateway_clearing": 630_00, "takings_owed:north": -630_00},
            "north": {"takings_receivable:padma": 630_00, "takings_owed:riverside": -630_00},
            "riverside": {"takings_receivable:north": 630_00, "receivable_customers:karim": -630_00},
        },
    ),
    Example(  # the gateway keeps 2 % of 630.00
        PAYOUT,
        [
            own("gateway_payout", "padma", paid="bank", amount=617_40, fee=12_60),
            edge("gateway_fee_passed_on", amount=12_60),
        ],
        {
            "padma": {
                "bank": 617_40, "gateway_fees": 12_60, "gateway_clearing": -630_00, "takings_owed:north": 12_60,
                "fees_recovered": -12_60,
            },
            "north": {"gateway_fees": 12_60, "takings_receivable:padma": -12_60},
        },
    ),
    Example(
        SETTLED,
        [
            edge("takings_paid", paid="bank", amount=100_00),
            edge("takings_into_fund", amount=150_00),
            edge("takings_against_dues", amount=50_00),
        ],
        {
            "padma": {
                "takings_owed:north": 300_00, "bank": -100_00, "operator_funds:north": -150_00,
                "receivable_operators:north": -50_00,
            },
            "north": {
                "bank": 100_00, "fund:padma": 150_00, "payable_to_provider:padma": 50_00,
                "takings_receivable:padma": -300_00,
            },
        },
    ),
    Example(
        CHARGEBACK,
        [
            edge("chargeback", amount=630_00),
            edge("chargeback", LOWER, amount=630_00),
            own("payment_reversed", "riverside", paid=CLEARING, applied=630_00),
        ],
        {
            "padma": {"receivable_operators:north": 630_00, "gateway_clearing": -630_00},
            "north": {"receivable_operators:riverside": 630_00, "payable_to_provider:padma": -630_00},
            "riverside": {"receivable_customers:karim": 630_00, "payable_to_provider:north": -630_00},
        },
    ),
    Example(
        SMS,
        [
            edge("sms_bought", amount=200_00),
            edge("sms_bought_paid", paid="bank", amount=100_00),
            edge("sms_used", amount=75_00),
        ],
        {
            "padma": {
                "operator_funds:north": 200_00, "bank": 100_00, "unearned_sms:north": -225_00, "sms_revenue": -75_00,
            },
            "north": {
                "sms_credit:padma": 225_00, "fund:padma": -200_00, "paid_to_provider": -100_00, "sms_cost": 75_00,
            },
        },
    ),
    Example(
        GOODS,
        [edge("goods_sold", chosen="stock", net=1_000_00, vat=50_00, bought=1_000_00, input_vat=50_00)],
        {
            "padma": {"operator_funds:north": 1_050_00, "one_off_revenue": -1_000_00, "vat_payable": -50_00},
            "north": {"stock": 1_000_00, "input_vat": 50_00, "fund:padma": -1_050_00},
        },
    ),
    Example(  # a buyer that reclaims no VAT bears it as cost
        GOODS,
        [edge("goods_sold_postpaid", chosen="bandwidth", net=2_000_00, vat=100_00, bought=2_100_00)],
        {
            "padma": {"receivable_operators:north": 2_100_00, "one_off_revenue": -2_000_00, "vat_payable": -100_00},
            "north": {"bandwidth": 2_100_00, "payable_to_provider:padma": -2_100_00},
        },
    ),
    Example(  # Padma's cards of 500.00: 100.00 used by its own customer, 200.00 by Riverside's, 50.00 ran out
        CARD,
        [
            own("card_sold", "padma", paid="cash", amount=485_00, fee=15_00),
            own("customer_payment", "padma", paid="card_liability", applied=100_00),
            edge("card_redeemed_below", amount=200_00),
            edge("gateway_takings", LOWER, amount=200_00),
            own("customer_payment", "riverside", paid=CLEARING, applied=200_00),
            own("card_expired", "padma", amount=50_00),
        ],
        {
            "padma": {
                "cash": 485_00, "card_commission": 15_00, "card_liability": -150_00,
                "receivable_customers:karim": -100_00, "takings_owed:north": -200_00, "other_income": -50_00,
            },
            "north": {"takings_receivable:padma": 200_00, "takings_owed:riverside": -200_00},
            "riverside": {"takings_receivable:north": 200_00, "receivable_customers:karim": -200_00},
        },
    ),
    Example(
        CLOSING,
        [edge("fund_paid_back", paid="bank", amount=800_00)],
        {
            "padma": {"operator_funds:north": 800_00, "bank": -800_00},
            "north": {"paid_to_provider": 800_00, "fund:padma": -800_00},
        },
    ),
    Example(
        COLLECTOR,
        [own("collector_hand_over", amount=950_00, shortage=50_00)],
        {"north": {"cash": 950_00, "due_from_staff:rafiq": 50_00, "cash_with_collector:rafiq": -1_000_00}},
    ),
    Example(
        COLLECTOR,
        [own("shortage_paid", paid="cash", amount=30_00), own("shortage_forgiven", amount=20_00)],
        {"north": {"cash": 30_00, "due_from_staff:rafiq": -50_00, "cash_over": 20_00}},
    ),
    Example(  # 5.00 more than was asked for
        COLLECTOR,
        [own("collector_hand_over", amount=1_000_00, surplus=5_00)],
        {"north": {"cash": 1_005_00, "cash_with_collector:rafiq": -1_000_00, "cash_over": -5_00}},
    ),
    Example(
        OWN,
        [own("payroll", amount=30_000_00), own("salaries_paid", paid="bank", amount=29_000_00)],
        {"north": {"salaries": 30_000_00, "salaries_payable": -1_000_00, "bank": -29_000_00}},
    ),
    Example(
        OWN,
        [
            own("expense", paid="cash", chosen="office_expense", bought=2_000_00, input_vat=100_00),
            own("supplier_bill", chosen="bandwidth", bought=10_000_00, input_vat=500_00),
            own("supplier_paid", paid="bank", amount=4_000_00),
            own("asset_bought", paid="bank", bought=20_000_00, input_vat=1_000_00),
            own("money_moved", paid="cash", chosen="bank", amount=5_000_00),
        ],
        {
            "north": {
                "office_expense": 2_000_00, "bandwidth": 10_000_00, "fixed_assets": 20_000_00, "input_vat": 1_600_00,
                "supplier_payable": -6_500_00, "cash": -7_100_00, "bank": -20_000_00,
            },
        },
    ),
    Example(  # 2,000.00 charged to customers, 1,600.00 of it reclaimed
        OWN,
        [own("vat_return", paid="bank", input_vat=1_600_00, vat_paid=400_00)],
        {"north": {"vat_payable": 2_000_00, "input_vat": -1_600_00, "bank": -400_00}},
    ),
]  # fmt: skip
