"""Which operator a command line means."""

from __future__ import annotations

from backhaul.common.errors import InvalidInput, NotFound
from backhaul.identity.models import IspDirectory
from backhaul.identity.queries import get_isp_by_slug, list_isps
from backhaul.operators.queries import find_below
from backhaul.operators.scope import unit_of_work


def find_operator(name: str, isp_slug: str | None = None) -> tuple[IspDirectory, int]:
    """The ISP and id of the operator called `name` ("operator" or "isp/operator"), in the ISP `isp_slug` if given.

    Raises NotFound, and InvalidInput where several ISPs have an operator of that short name.
    """
    given, _, slug = name.rpartition("/")
    isps = [get_isp_by_slug(given or isp_slug or "")] if given or isp_slug else list_isps()
    found: list[tuple[IspDirectory, int]] = []
    for isp in isps:
        with unit_of_work(isp):
            operator_id = find_below(slug)
        if operator_id is not None:
            found.append((isp, operator_id))
    if not found:
        where = f" in {isps[0].slug}" if len(isps) == 1 else ""
        raise NotFound(f"There is no operator “{slug}”{where}.", field="operator")
    if len(found) > 1:
        choices = ", ".join(f"{isp.slug}/{slug}" for isp, _ in found)
        raise InvalidInput(f"Several ISPs have an operator “{slug}”; say which: {choices}.", field="operator")
    return found[0]
