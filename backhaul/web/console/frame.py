"""Builds the frame of a page for who asks: brand, menu, fund."""

from __future__ import annotations

from datetime import datetime
from math import ceil
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from backhaul.billing.queries import ask_held
from backhaul.funds.queries import ask_fund
from backhaul.identity.models import User
from backhaul.operators.branding import OperatorBrand, Picture, ask_brand, brand_from, brand_of
from backhaul.operators.functions import ask_together
from backhaul.operators.progress import ask_jobs
from backhaul.operators.scope import Scope
from backhaul.web.nav import actions_for, menu_for, quick_for
from backhaul.web.shell import Acting, Brand, Fund, FundState, Shell
from backhaul.web.words import named


def brand_of_scope() -> Brand:
    """The acting operator's look."""
    return _look(brand_of())


def _look(found: OperatorBrand) -> Brand:
    return Brand(
        found.display_name,
        found.colour.lstrip("#"),
        logo_url=_address(found.isp_id, found.logo),
        mark_url=_address(found.isp_id, found.mark),
        sender=found.sender,
        reply_to=found.reply_to,
    )


def _address(isp_id: int, picture: Picture | None) -> str:
    return reverse("brand-picture", args=[isp_id, picture.operator_id, picture.digest]) if picture else ""


def shell_for(request: HttpRequest, scope: Scope, user: User, now: datetime) -> Shell:
    """The frame as the acting operator's pages show it to one person."""
    asked = {"held": ask_held(), "brand": ask_brand(), "jobs": ask_jobs()}
    if scope.parent_id is not None and "funds.view" in scope.permissions:
        asked["fund"] = ask_fund(scope.operator_id)
    told = ask_together(**asked)
    held = told["held"][0]
    counts = {"bills": held["own"], "resellers": held["below"]}
    kind = "isp" if scope.parent_id is None else ("reseller" if len(scope.path) == 2 else "sub_operator")
    return Shell(
        brand=_look(brand_from(told["brand"])),
        operator_name=scope.name,
        operator_kind=named(kind, "operator"),
        user_name=user.full_name or user.name,
        user_role=scope.role_name or named(scope.role, "role"),
        currency=scope.currency,
        home_href=reverse("dashboard"),
        sign_out_href=reverse("sign-out"),
        password_href="" if scope.entry else reverse("password"),
        search_href=reverse("customers") if "customers.view" in scope.permissions else "",
        fund=_fund(told["fund"][0]) if told.get("fund") else None,
        nav=menu_for(scope.permissions, request.path, counts),
        quick=quick_for(scope.permissions, request.path),
        actions=actions_for(scope.permissions),
        may=scope.permissions,
        acting=_acting(request, scope, now),
        jobs=told["jobs"][0],
    )


def _acting(request: HttpRequest, scope: Scope, now: datetime) -> Acting | None:
    if scope.entry is None:
        return None
    step_up = f"{reverse('step-up')}?{urlencode({'next': request.get_full_path()})}"  # and back to this page
    return Acting(
        subject=scope.name,
        reason=scope.entry.reason,
        until=scope.entry.until,
        minutes_left=ceil((scope.entry.until - now).total_seconds() / 60),
        return_href=reverse("leave-operator"),
        step_up_href="" if scope.entry.stepped_up else step_up,
        changes_until=scope.entry.changes_until,
    )


def _fund(fund: dict[str, Any]) -> Fund:
    state: FundState = "low" if fund["low"] or fund["guard_step"] != "none" or fund["new_blocked_why"] else "ok"
    if fund["guard_step"] in ("holds_renewals", "disabled") or (fund["started"] and fund["available_minor"] <= 0):
        state = "blocked"
    return Fund(fund["available_minor"], reverse("funds"), state)
