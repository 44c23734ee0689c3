"""What the ISP is told about its nights, and nobody else."""

from __future__ import annotations

from datetime import timedelta

from backhaul.billing.runs import bill_isp, bill_missing_nights
from backhaul.common.clock import local_date, now
from tests.web.conftest import signed_in
from tests.web.town import build_town


def test_a_night_that_is_missing_or_was_late_is_told_to_the_isp_alone(db: object) -> None:
    isp = build_town().cast.padma
    today = local_date(now(), isp.time_zone)
    bill_isp(isp, on=today - timedelta(days=3), now=now() - timedelta(days=3))
    padma, north = signed_in("padma"), signed_in("north")
    for page in ("/", "/billing-run/"):
        assert "The night has not been billed" in padma.get(page).content.decode()
    bill_missing_nights(isp, today=today, now=now())
    shown = padma.get("/").content.decode()
    assert "The night has not been billed" not in shown
    assert "2 nights were missed and billed later" in shown
    assert "billed later" not in north.get("/").content.decode()


def test_a_reseller_rehearses_its_next_night_and_the_isp_is_led_to_its_run(db: object) -> None:
    build_town()
    riverside = signed_in("riverside")
    assert "Not rehearsed yet" in riverside.get("/next-night/").content.decode()
    shown = riverside.post("/next-night/").content.decode()
    assert "Your provider charges" in shown and "Not rehearsed yet" not in shown
    assert signed_in("padma").get("/next-night/").headers["Location"] == "/billing-run/"
    assert signed_in("collector").post("/next-night/").status_code == 403
