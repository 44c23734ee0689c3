"""The demo's customers: who they are, and how they pay."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from backhaul.common.money import format_minor

RADIUS_PASSWORD = "demo-1234"
COLUMNS = (
    "name", "mobile", "username", "password", "connection_type", "package", "billing_profile", "zone", "address", "mac",
    "static_ip", "joined_on", "custom_price", "opening_due",
)  # fmt: skip
FIRST = (
    "Abdul", "Afsana", "Arif", "Ayesha", "Babul", "Farhana", "Hasan", "Imran", "Jamal", "Jannatul", "Kamal", "Karim",
    "Laila", "Mahfuz", "Mitu", "Monir", "Nasrin", "Nusrat", "Rafiq", "Rahim", "Rina", "Rupa", "Sabbir", "Sadia",
    "Selim", "Shahin", "Shirin", "Sumon", "Tanvir", "Yasmin",
)  # fmt: skip
LAST = (
    "Ahmed", "Akter", "Ali", "Begum", "Biswas", "Chowdhury", "Das", "Haque", "Hossain", "Islam", "Khan", "Khatun",
    "Miah", "Mondal", "Rahman", "Roy", "Sarker", "Sheikh", "Sikder", "Talukder",
)  # fmt: skip
BANGLA_FIRST = (
    "আরিফ", "আয়েশা", "ইমরান", "করিম", "জান্নাতুল", "তানভীর", "নাসরিন", "ফারহানা", "বাবুল", "মিতু", "রফিক", "রহিম", "রিনা",
    "রূপা", "লায়লা", "শাহীন", "শিরীন", "সাদিয়া", "সুমন", "হাসান",
)  # fmt: skip
BANGLA_LAST = (
    "আক্তার", "আলী", "আহমেদ", "ইসলাম", "খাতুন", "খান", "চৌধুরী", "দাস", "বেগম", "মিয়া", "রহমান", "রায়", "সরকার", "হক", "হোসেন",
)  # fmt: skip
CONNECTIONS = {"pppoe": 86, "hotspot": 8, "other": 2}
PACES = {"prompt": 52, "usual": 27, "late": 9, "in parts": 4, "never": 4, "ahead": 4}
METHODS = {"cash": 55, "mobile_wallet": 34, "bank": 11}


@dataclass(frozen=True)
class Place:
    """What an operator's customers have in common; `network`: the first half of their static addresses."""

    slug: str
    network: str
    zones: tuple[str, ...]
    packages: dict[str, int]
    profiles: dict[str, int]
    prices: dict[str, int]
    known: tuple[str, ...] = ()


@dataclass(frozen=True)
class Person:
    """A customer to come: the cells of an import row, and the package by name."""

    cells: dict[str, str]

    @property
    def package(self) -> str:
        return self.cells["package"]


def invent(place: Place, count: int, before: date) -> list[Person]:
    """`count` customers who joined before a day; the first are the place's well-known ones. Always the same."""
    return [_person(place, number, before) for number in range(1, count + 1)]


def as_csv(people: list[Person]) -> bytes:
    """The file that an operator brings from its old system."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(person.cells for person in people)
    return text.getvalue().encode()


def pace_of(code: str, known: dict[str, str]) -> str:
    """How a customer of that id pays."""
    return known.get(code) or pick(Random(f"pace {code}"), PACES)


def pick(dice: Random, weights: dict[str, int]) -> str:
    """One of the keys, as often as its weight says."""
    return dice.choices(list(weights), list(weights.values()))[0]


def _person(place: Place, number: int, before: date) -> Person:
    dice = Random(f"{place.slug} {number}")
    known = number <= len(place.known)
    username = place.known[number - 1] if known else f"{place.slug}{number:04d}"
    package = pick(dice, place.packages)
    office = "Office" in package
    price = place.prices[package]
    return Person(
        {
            "name": _name(dice),
            "mobile": f"01{dice.choice('3456789')}{dice.randrange(10**8):08d}",
            "username": username,
            "password": RADIUS_PASSWORD if known else "".join(dice.choices("abcdefghjkmnpqrstuvwxyz23456789", k=8)),
            "connection_type": "pppoe" if known else "static_ip" if office else pick(dice, CONNECTIONS),
            "package": package,
            "billing_profile": "Monthly 1st" if known else pick(dice, place.profiles),
            "zone": dice.choice(place.zones),
            "address": f"House {dice.randint(1, 90)}, Road {dice.randint(1, 22)}",
            "mac": _mac(dice) if dice.random() < 0.4 and not known else "",
            "static_ip": f"{place.network}.{number // 250 % 250}.{number % 250 + 1}" if office and not known else "",
            "joined_on": str(before - timedelta(days=dice.randint(20, 700))),
            "custom_price": format_minor(price - 50_00) if dice.random() < 0.06 else "",
            "opening_due": format_minor(price * dice.randint(1, 2)) if dice.random() < 0.25 and not known else "",
        }
    )


def _name(dice: Random) -> str:
    if dice.random() < 0.3:
        return f"{dice.choice(BANGLA_FIRST)} {dice.choice(BANGLA_LAST)}"
    return f"{dice.choice(FIRST)} {dice.choice(LAST)}"


def _mac(dice: Random) -> str:
    return ":".join(f"{dice.randrange(256):02X}" for _ in range(6))
