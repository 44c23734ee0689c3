"""One town for all tests of pages that only look."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client

from backhaul.cli.embedded import EmbeddedPostgres
from conftest import clean
from tests.builders import PASSWORD
from tests.web.town import Town, build_town


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
