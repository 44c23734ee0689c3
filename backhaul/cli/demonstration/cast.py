"""The demo's operators: what they are called, what they sell, who works for them."""

from __future__ import annotations

from dataclasses import dataclass, field

from backhaul.catalog.services import ProfileRules
from backhaul.cli.demonstration.people import Place

PASSWORD = "demo-backhaul"
NAS_SECRET = "demo-secret"
VAT_BP = 500
Prices = dict[str, tuple[int, int, int, int]]

# plan: (kbit/s, Padma → reseller, North → Riverside, retail; in minor units)
PLANS: Prices = {
    "Home 10": (10_240, 400_00, 450_00, 600_00),
    "Home 20": (20_480, 550_00, 620_00, 800_00),
    "Home 50": (51_200, 850_00, 950_00, 1_200_00),
    "Office 100": (102_400, 1_800_00, 2_000_00, 2_500_00),
}
MEGHNA_PLANS: Prices = {"Starter 15": (15_360, 0, 0, 550_00), "Family 30": (30_720, 0, 0, 900_00)}
PROFILES = {
    "Monthly 1st": ProfileRules(cycle="calendar", cycle_day=1, due_days=7),
    "Monthly anniversary": ProfileRules(cycle="anniversary", due_days=7),
    "Daily 30": ProfileRules(billing_type="daily", cycle="validity", validity_days=30),
}
PACKAGES = {"Home 10": 42, "Home 20": 30, "Home 50": 19, "Office 100": 9}
HABITS = {"Monthly 1st": 64, "Monthly anniversary": 36}


@dataclass(frozen=True)
class Role:
    """An operator of the demo. `share`: how many of a hundred customers; money in minor units.

    `recharge`: what its provider puts into its fund before the first bill, at least; `runs_short`: only so much that
    the last month's renewals are not covered.
    """

    slug: str
    name: str
    owner: str
    colour: str
    share: int
    network: str
    zones: tuple[str, ...]
    recharge: int = 0
    runs_short: bool = False
    known: tuple[str, ...] = ()
    staff: dict[str, str] = field(default_factory=dict)

    def place(self, plans: Prices, *, newcomers: bool = False) -> Place:
        """Where its customers live and what they buy: those taken over, or those who come later."""
        slug, known = (f"{self.slug}-new", ()) if newcomers else (self.slug, self.known)
        weights = PACKAGES if set(PACKAGES) == set(plans) else dict.fromkeys(plans, 1)
        prices = {name: plan[3] for name, plan in plans.items()}
        return Place(slug, self.network, self.zones, weights, HABITS, prices, known)


PADMA = Role(
    "padma", "Padma Broadband", "Shirin Chowdhury", "#0b7285", 30, "10.21",
    ("Mirpur-10", "Mirpur-11", "Kazipara", "Shewrapara", "Pallabi"),
    known=("demo-padma", "demo-walled"),
    staff={"collector": "Rafiq Miah", "accountant": "Nasrin Akter", "noc": "Tanvir Hasan", "manager": "Sadia Rahman"},
)  # fmt: skip
NORTH = Role(
    "north", "North Link", "Kamal Hossain", "#1864ab", 28, "10.22", ("Uttara 4", "Uttara 7", "Uttara 11", "Tongi"),
    recharge=1_500_000_00, known=("demo-north",),
)  # fmt: skip
RIVERSIDE = Role(
    "riverside", "Riverside Fibre", "Laila Begum", "#2b8a3e", 14, "10.23", ("Ashulia", "Birulia", "Savar Bazar"),
    recharge=300_000_00, known=("demo-riverside",),
)  # fmt: skip
RIVAL = Role(
    "rival", "Rival Online", "Selim Khan", "#a61e4d", 10, "10.24", ("Mohammadpur", "Adabor", "Shyamoli"),
    recharge=150_000_00,
)  # fmt: skip
SURMA = Role(
    "surma", "Surma Net", "Jamal Talukder", "#e67700", 8, "10.25", ("Zindabazar", "Ambarkhana", "Subid Bazar"),
    runs_short=True,
)  # fmt: skip
KARNAPHULI = Role(
    "karnaphuli", "Karnaphuli Cable & Net", "Farhana Das", "#5f3dc4", 6, "10.26",
    ("Halishahar", "Agrabad", "Chawkbazar"), recharge=120_000_00,
)  # fmt: skip
MEGHNA = Role(
    "meghna", "Meghna Online", "Monir Sheikh", "#364fc7", 4, "10.27", ("Chandpur Sadar", "Hajiganj"),
    known=("demo-meghna",),
)  # fmt: skip

RESELLERS = (NORTH, RIVAL, SURMA, KARNAPHULI)
