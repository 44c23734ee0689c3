"""One town for all tests of pages that only look."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.identity.services import claim_host
from backhaul.operators.functions import rows
from conftest import clean
from tests.builders import PASSWORD, acting
from tests.cast import Cast
from tests.web.town import Town, build_town

HOST = "padma.example"


@pytest.fixture(scope="module")
def town(server: EmbeddedPostgres) -> Iterator[Town]:
    yield build_town()
    clean(server)


def signed_in(name: str, isp: str = "padma") -> Client:
    """A browser in which that person has signed in; an exception in a view becomes a 500, as in production."""
    client = Client(raise_request_exception=False)
    answer = client.post("/sign-in/", {"username": f"{name}@{isp}", "password": PASSWORD})
    assert answer.status_code == 303, answer.content
    return client


def jobs_of(cast: Cast, name: str) -> list[dict[str, Any]]:
    """What the jobs of that name that wait, or waited, were told."""
    with acting(cast.padma):
        found = rows(
            "SELECT args::text AS args FROM public.procrastinate_jobs WHERE task_name = %s ORDER BY id", [name]
        )
    return [json.loads(row["args"]) for row in found]


@pytest.fixture
def padma(cast: Cast) -> Iterator[Cast]:
    """The cast, where Padma has a host name of its own."""
    claim_host(host=HOST, isp_id=cast.padma.isp_id, operator_id=cast.padma.isp_id)
    yield cast


def sign_in(name: str, password: str = PASSWORD, *, client: Client | None = None, **place: str) -> Any:
    """What the sign-in answers; `place`: HTTP_HOST, REMOTE_ADDR."""
    return (client or Client()).post("/sign-in/", {"username": name, "password": password}, **place)  # type: ignore[arg-type]


def is_in(answer: Any) -> bool:
    return bool(answer.status_code == 303 and answer.headers["Location"] == "/")


def digest_of(page: str) -> dict[str, str]:
    """What stands for all that a preview shows, as its form sends it back."""
    return dict(re.findall(r'name="(digest)" value="(\w+)"', page))
