"""An ISP with a reseller, a router and FreeRADIUS in front of them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings

from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.common import clock
from backhaul.identity.models import IspDirectory
from backhaul.network import services
from backhaul.network.radius.server import Database
from backhaul.operators.functions import rows
from backhaul.operators.scope import acting_for_child, founding_unit, unit_of_work
from backhaul.operators.services import add_operator
from tests.cast import CELL
from tests.network.radius import SECRET, Radius, running


def radius_database() -> Database:
    """The test database as FreeRADIUS reaches it."""
    target = settings.DATABASES["default"]
    return {
        "host": str(target["HOST"]),
        "port": int(str(target["PORT"])),
        "dbname": str(target["NAME"]),
        "user": "backhaul_radius",
        "password": settings.HOME.secret("role_radius"),
    }


@pytest.fixture(scope="session")
def radius(server: EmbeddedPostgres) -> Iterator[Radius]:
    """FreeRADIUS on the test database."""
    with (
        tempfile.TemporaryDirectory(prefix="backhaul-radius-") as home,
        running(Path(home), radius_database()) as found,
    ):
        yield found


@dataclass
class Network:
    """Padma and its reseller North, one router of Padma's at 127.0.0.1, two pools."""

    isp: IspDirectory
    north: int
    pool: tuple[int, int]
    nas_id: int


def found_isp(slug: str) -> IspDirectory:
    """An ISP with nothing below it."""
    with founding_unit(CELL):
        isp_id = add_operator(slug=slug, name=slug.title(), kind="isp")
    return IspDirectory.objects.create(isp_id=isp_id, slug=slug, cell=CELL)


@pytest.fixture
def network(db: EmbeddedPostgres) -> Network:
    isp = found_isp("padma")
    with unit_of_work(isp):
        north = add_operator(slug="north", name="North", kind="reseller")
        pool = services.add_pool(name="clients", network="100.64.0.0/22")
        nas = services.register_nas(
            name="core",
            source_address="127.0.0.1",
            secret=SECRET,
            change_of_authorization_address="127.0.0.1",
            at=clock.now(),
        )
    return Network(isp, north, (isp.isp_id, pool), nas)


def add_login(network: Network, username: str = "rina", *, child: bool = False, **settings: Any) -> int:
    """A login of Padma's (or of North's), open at 10/20 Mbit/s in the pool unless told otherwise; returns its id."""
    given: dict[str, Any] = {
        "password": "secret-1",
        "subscription_id": 7,
        "down_kbps": 20480,
        "up_kbps": 10240,
        "pool": network.pool,
    }
    with unit_of_work(network.isp):
        if not child:
            return services.provision_login(
                operator_id=network.isp.isp_id, isp_id=network.isp.isp_id, username=username, **{**given, **settings}
            )
        with acting_for_child(network.north):
            return services.provision_login(
                operator_id=network.north, isp_id=network.isp.isp_id, username=username, **{**given, **settings}
            )


def as_admin(server: EmbeddedPostgres, statement: str, *parameters: object) -> None:
    """What no role of the product may do, or what another context does: written straight into the cell."""
    url = server.admin_url.rsplit("/", 1)[0] + "/backhaul"
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"SET search_path = {CELL}, public, ext".encode())
        admin.execute(statement, parameters)


def found(network: Network, query: str, *parameters: object) -> list[dict[str, object]]:
    """Rows that the ISP (acting as the application role) reads."""
    with unit_of_work(network.isp):
        return rows(query, list(parameters))
