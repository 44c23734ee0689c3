"""Logins through a real FreeRADIUS: who gets in, with what, and who is told why not (SPEC §5, deliver 8)."""

from __future__ import annotations

from tests.network.conftest import Network, add_login
from tests.network.radius import Radius


def test_an_active_login_gets_its_rate_and_pool(network: Network, radius: Radius) -> None:
    login = add_login(network)
    reply = radius.login("rina")
    print(reply.raw, radius.log.read_text())
    assert reply.code == "Access-Accept"
    assert reply["Mikrotik-Rate-Limit"] == "10240k/20480k"
    assert reply["Framed-Pool"] == "clients"
    assert reply["Session-Timeout"] == "86400"
    assert 270 <= int(reply["Acct-Interim-Interval"]) <= 330
    assert "Message-Authenticator" in reply
    assert bytes.fromhex(reply["Class"][2:]).decode().startswith(f"{network.isp.isp_id}:{login}:1:")
