"""The main job, end to end, on real parts: one ISP, its reseller, the reseller's sub-operator, and their November.

Padma → North → Riverside, VAT 5 % at all three. Padma recharges North with 1,500,000.00, North recharges Riverside with
300,000.00, both bring their customers from a spreadsheet on 31 October, and everybody is billed through November.
Every figure below was worked out by hand, from the price lists and from counts of the two files' rows by package,
profile and custom price, not by this project's code.

PRICES, net      Padma → North   North → Riverside   retail
  Home 10             400.00          450.00          600.00
  Home 20             550.00          620.00          800.00
  Home 50             850.00          950.00        1,200.00
  Office 100        1,800.00        2,000.00        2,500.00
5 % of each of them, and of each custom price, is a whole number of poisha: nothing is rounded but where it is said.

WHO IS BILLED    The profile `Monthly 1st` has its bill on 1 November, `Monthly anniversary` on the day of the month on
which the customer joined (1 to 28): each of them once in November, for a whole period at the whole price. `Daily 30`
customers pay first: they are taken over with their dues, pay nothing in this story, and are not billed.
  North, 1,362 of 1,500 rows        retail                       custom price
    Home 10   567      532 ×   600.00 =   319,200.00      35 ×   450.00 =  15,750.00
    Home 20   391      374 ×   800.00 =   299,200.00      17 ×   750.00 =  12,750.00
    Home 50   257      241 × 1,200.00 =   289,200.00      16 × 1,150.00 =  18,400.00
    Office    147      139 × 2,500.00 =   347,500.00       8 × 2,450.00 =  19,600.00
                                        1,255,100.00    +                  66,500.00  = 1,321,600.00   VAT 66,080.00
  Riverside, 266 of 300 rows
    Home 10   107      101 ×   600.00 =    60,600.00       6 ×   450.00 =   2,700.00
    Home 20    92       85 ×   800.00 =    68,000.00       7 ×   750.00 =   5,250.00
    Home 50    36       32 × 1,200.00 =    38,400.00       4 × 1,150.00 =   4,600.00
    Office     31       31 × 2,500.00 =    77,500.00
                                          244,500.00    +                  12,550.00  =   257,050.00   VAT 12,852.50
  Padma: one customer of its own, Home 20:                                                    800.00   VAT     40.00
  A newcomer at Riverside signs up on 11 November, Home 10, `Monthly 1st`: 20 of the 30 days. Days 1 to 10 cost
  A(10) = 200.00 (retail), 150.00 (Riverside), 133.33⅓ → 133.33 (North), and the rest of the whole price is for days 11
  to 30: retail 400.00, VAT 20.00 · Riverside 300.00, VAT 15.00 · North 266.67, VAT 13.3335 → 13.33.

WHOLESALE        Riverside owes North at North's price, North owes Padma for its own customers and Riverside's; a custom
price changes nothing there.
  Riverside     107 × 450.00 =  48,150.00      92 ×   620.00 =  57,040.00
                 36 × 950.00 =  34,200.00      31 × 2,000.00 =  62,000.00    together 201,390.00
                with the newcomer 201,690.00, VAT 10,069.50 + 15.00 = 10,084.50
  North         567 × 400.00 = 226,800.00     391 ×   550.00 = 215,050.00
                257 × 850.00 = 218,450.00     147 × 1,800.00 = 264,600.00    together 924,900.00
   + Riverside  107 × 400.00 =  42,800.00      92 ×   550.00 =  50,600.00
                 36 × 850.00 =  30,600.00      31 × 1,800.00 =  55,800.00    together 179,800.00
                with the newcomer's 266.67 1,104,966.67, VAT 55,235.00 + 13.33 = 55,248.33

FUNDS            Riverside with North:    300,000.00 −   201,690.00 − 10,084.50 =  88,225.50
                 North with Padma:      1,500,000.00 − 1,104,966.67 − 55,248.33 = 339,785.00

OPENING DUES     all rows, of whatever profile
  North         133 × 500 + 78 × 800 + 132 × 1,000 + 46 × 1,200 + 86 × 1,600 + 60 × 2,400 + 32 × 2,500 + 23 × 5,000
                = 66,500 + 62,400 + 132,000 + 55,200 + 137,600 + 144,000 + 80,000 + 115,000 = 792,700.00, 590 rows
  Riverside     20 × 500 + 26 × 800 + 22 × 1,000 + 9 × 1,200 + 17 × 1,600 + 4 × 2,400 + 6 × 2,500 + 9 × 5,000
                = 10,000 + 20,800 + 22,000 + 10,800 + 27,200 + 9,600 + 15,000 + 45,000 = 160,400.00, 113 rows

PAYMENTS         Padma's customer pays its bill, 840.00, into the bank. North's `north00000` owes 500.00 from before and
600.00 + 30.00, and pays 1,130.00 by mobile wallet. Riverside's `river00011` owes 1,200.00 from before and
1,200.00 + 60.00; it is suspended as unpaid, pays 2,000.00 cash (1,200.00 + 800.00; 460.00 overdue are left, it stays
suspended), then 500.00 cash: 460.00 for the bill, 40.00 in advance, and it is back.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from beancount import loader
from beancount.core.data import Transaction

from backhaul.billing.services import sign_up_customer, start_billing
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.ledger.choices import CHART
from backhaul.network.services import register_nas
from backhaul.payments.services import Receipt, record_payment
from backhaul.subscribers.queries import search_customers
from backhaul.subscribers.services import suspend_subscription
from tests.builders import acting, build_customer, new_customer, request_key
from tests.cast import Cast, build_cast, fill_funds
from tests.network import mschap
from tests.network.conftest import radius_database
from tests.network.radius import SECRET, Radius, running
from tests.scenarios.money import fund, night, noon, trial_balance

DATA = Path(__file__).resolve().parents[1] / "data"
CUTOVER = date(2026, 10, 31)
NOVEMBER = [date(2026, 11, 1) + timedelta(days=n) for n in range(30)]

PADMAS_BOOKS = {
    "bank": 1_500_840_00,  # the recharge and 840.00
    "operator_funds": -339_785_00,
    "wholesale_revenue": -1_104_966_67,
    "internet_revenue": -800_00,
    "vat_payable": -55_288_33,  # 55,248.33 + 40.00
}
NORTHS_BOOKS = {
    "fund": 339_785_00,
    "paid_to_provider": -1_500_000_00,
    "bank": 300_000_00,
    "operator_funds": -88_225_50,
    "mobile_wallet": 1_130_00,
    "receivable_customers": 2_179_250_00,  # 792,700.00 + 1,321,600.00 + 66,080.00 − 1,130.00
    "opening_balances": -792_700_00,
    "internet_revenue": -1_321_600_00,
    "wholesale_revenue": -201_690_00,
    "vat_payable": -76_164_50,  # 66,080.00 + 10,084.50
    "wholesale_cost": 1_104_966_67,
    "input_vat": 55_248_33,
}
RIVERSIDES_BOOKS = {
    "fund": 88_225_50,
    "paid_to_provider": -300_000_00,
    "cash": 2_500_00,
    "receivable_customers": 428_262_50,  # 160,400.00 + 257,450.00 + 12,872.50 − 2,460.00
    "customer_advances": -40_00,
    "opening_balances": -160_400_00,
    "internet_revenue": -257_450_00,
    "vat_payable": -12_872_50,
    "wholesale_cost": 201_690_00,
    "input_vat": 10_084_50,
}


@pytest.fixture(scope="module")
def radius(server: EmbeddedPostgres) -> Iterator[Radius]:
    """FreeRADIUS on the test database, as the product starts it."""
    with (
        tempfile.TemporaryDirectory(prefix="backhaul-radius-") as home,
        running(Path(home), radius_database()) as found,
    ):
        yield found


@pytest.fixture
def backhaul(server: EmbeddedPostgres) -> Command:
    """The command, as a shell starts it, on the test database."""
    return Command(server)


class Command:
    """`backhaul …` in a process of its own; refuses any exit code but 0."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self.environment = {**os.environ, "DATABASE_URL": server.admin_url.rsplit("/", 1)[0] + "/backhaul"}

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "backhaul.cli.main", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def test_an_isp_a_reseller_and_a_sub_operator_take_over_customers_and_do_their_november(
    db: EmbeddedPostgres, backhaul: Command, radius: Radius, tmp_path: Path
) -> None:
    cast = build_cast(vat_bp=500)
    with acting(cast.padma):
        register_nas(name="core", source_address="127.0.0.1", secret=SECRET, at=noon(CUTOVER))
    fill_funds(cast, north=1_500_000_00, riverside=300_000_00, on=CUTOVER, paid="bank")
    take_customers_over(cast, backhaul)
    log_in_everywhere(radius)

    bill_the_first(cast, backhaul)
    for day in NOVEMBER[1:]:
        night(cast, day)
        live_through(cast, day, radius)

    assert fund(cast, cast.north, cast.padma.isp_id) == 339_785_00
    assert fund(cast, cast.riverside, cast.north) == 88_225_50
    books = {
        "padma": (cast.padma.isp_id, PADMAS_BOOKS),
        "north": (cast.north, NORTHS_BOOKS),
        "riverside": (cast.riverside, RIVERSIDES_BOOKS),
    }
    for slug, (operator_id, by_hand) in books.items():
        assert sum(by_hand.values()) == 0
        assert trial_balance(cast, operator_id) == by_hand, slug
        assert exported_totals(backhaul, slug, tmp_path) == by_hand, slug
    assert json.loads(backhaul("verify", "--json"))["ok"] is True


def take_customers_over(cast: Cast, backhaul: Command) -> None:
    """Two files by the command, and one customer of Padma's own."""
    promises = {
        "north": "1500 rows: 1500 good, 0 bad; 590 opening dues: 792,700.00",
        "riverside": "300 rows: 300 good, 0 bad; 113 opening dues: 160,400.00",
    }
    for slug, promise in promises.items():
        file = str(DATA / f"customers-{slug}.csv")
        assert promise in backhaul("import-customers", file, "--operator", f"padma/{slug}", "--on", str(CUTOVER))
    with acting(cast.padma):
        home_20 = (cast.isp.isp_id, cast.packages["Home 20"])
        added = build_customer(cast, on=CUTOVER, username="padmas-own", password="secret-1", package=home_20)
        start_billing(subscription_id=added.subscription_id, billed_until=NOVEMBER[0])


def log_in_everywhere(radius: Radius) -> None:
    """A customer of each of the three, with PAP, CHAP and MS-CHAPv2, and not with another's password."""
    speeds = {"padmas-own": "20480k/20480k", "north00003": "10240k/10240k", "river00002": "10240k/10240k"}
    passwords = {"padmas-own": "secret-1", "north00003": "87274r7w", "river00002": "94dcbcu2"}
    for username, password in passwords.items():
        for method in ("User-Password", "CHAP-Password"):
            answer = radius.login(username, password, method=method)
            assert (answer.code, answer["Framed-Pool"]) == ("Access-Accept", "home"), answer.raw
            assert answer["Mikrotik-Rate-Limit"] == speeds[username]
            assert radius.login(username, "another", method=method).code == "Access-Reject"
        assert mschap.login(radius.port, SECRET, username, password)
        assert not mschap.login(radius.port, SECRET, username, "another")


def bill_the_first(cast: Cast, backhaul: Command) -> None:
    """1 November by the command: what the dry run promises is what the run does, once."""
    arguments = ("bill", "--isp", "padma", "--on", "2026-11-01", "--json")
    promised = json.loads(backhaul(*arguments, "--dry-run"))
    assert fund(cast, cast.north, cast.padma.isp_id) == 1_500_000_00
    done = json.loads(backhaul(*arguments))
    # `Monthly 1st`: 884 at North, 178 at Riverside, 1 at Padma; anniversaries on the 1st: 18 and 5.
    assert done["created"] == 884 + 178 + 1 + 18 + 5
    assert {**promised, "dry_run": False} == done
    assert json.loads(backhaul(*arguments))["created"] == 0


def live_through(cast: Cast, day: date, radius: Radius) -> None:
    """What happens on some days besides the night's bills."""
    if day == date(2026, 11, 5):
        assert pay(cast, cast.padma.isp_id, "padmas-own", 840_00, day=day, method="bank").due_minor == 0
        assert pay(cast, cast.north, "north00000", 1_130_00, day=day, method="mobile_wallet").due_minor == 0
    elif day == date(2026, 11, 11):
        with acting(cast.padma, cast.riverside):
            sign_up_customer(customer=new_customer(cast, username="newcomer", joined_on=day), on=day, now=noon(day))
        assert radius.login("newcomer", "secret123").code == "Access-Accept"
    elif day == date(2026, 11, 20):
        stop_until_paid(cast, "river00011", day)
        assert_walled(radius)
    elif day == date(2026, 11, 21):
        first = pay(cast, cast.riverside, "river00011", 2_000_00, day=day, method="cash")
        assert (first.due_minor, first.service) == (460_00, "unchanged")
        assert_walled(radius)
        second = pay(cast, cast.riverside, "river00011", 500_00, day=day, method="cash")
        assert (second.applied_minor, second.surplus_minor, second.service) == (460_00, 40_00, "back")
        answer = radius.login("river00011", "bnk9g7sh", method="CHAP-Password")
        assert (answer.code, answer["Framed-Pool"]) == ("Access-Accept", "home")


def assert_walled(radius: Radius) -> None:
    """The suspended customer gets in, into the walled garden only."""
    answer = radius.login("river00011", "bnk9g7sh")
    assert (answer.code, answer["Framed-Pool"]) == ("Access-Accept", "walled")
    assert answer["Mikrotik-Address-List"] == "expired"


def customer_of(username: str) -> dict[str, int]:
    return next(row for row in search_customers(username) if row["username"] == username)


def stop_until_paid(cast: Cast, username: str, day: date) -> None:
    with acting(cast.padma, cast.riverside):
        service = customer_of(username)["subscription_id"]
        suspend_subscription(subscription_id=service, why="not paid", on=day, at=noon(day), until_paid=True)


def pay(cast: Cast, operator_id: int, username: str, amount_minor: int, *, day: date, method: str) -> Receipt:
    with acting(cast.padma, operator_id):
        return record_payment(
            customer_id=customer_of(username)["customer_id"],
            amount_minor=amount_minor,
            method=method,
            received_on=day,
            now=noon(day),
            request_key=request_key(),
        )


def exported_totals(backhaul: Command, slug: str, folder: Path) -> dict[str, int]:
    """What beancount, which knows nothing of our code, makes of the exported journal: account code → net."""
    file = folder / f"{slug}.beancount"
    backhaul("export-journal", "--operator", f"padma/{slug}", "--format", "beancount", "--out", str(file))
    entries, errors, _ = loader.load_file(str(file))
    assert errors == []
    codes = {account.number: account.code for account in CHART}
    totals: dict[str, int] = {}
    for entry in entries:
        for posting in entry.postings if isinstance(entry, Transaction) else []:
            assert posting.units is not None and posting.units.number is not None
            code = codes[posting.account.split(":")[1].split("-")[0]]
            totals[code] = totals.get(code, 0) + int(posting.units.number * 100)
    return {code: minor for code, minor in totals.items() if minor}
