"""Settings → Brand, host names, and what everybody sees of them: nobody else's, and nothing that was not looked at."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from io import BytesIO
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.wsgi import get_wsgi_application
from django.db import connections
from django.test import Client, override_settings
from PIL import Image

from backhaul.common import clock
from backhaul.identity.hosts import start_claim
from backhaul.identity.mails import send_waiting_mails
from backhaul.identity.models import HostClaim, Mail
from backhaul.identity.queries import find_host
from backhaul.identity.services import claim_host, set_email
from backhaul.operators.branding import OwnBrand, brand_of, set_brand
from tests.builders import PASSWORD, acting
from tests.cast import Cast
from tests.printed import text_of
from tests.web.conftest import is_in, sign_in, signed_in
from tests.web.town import Town, build_town

PAGE = "/settings/brand/"
WORDS = {
    "display_name": "Riverside Net", "legal_name": "Riverside Limited", "colour": "#aa3300", "support_phone": "০১৭১১",
    "support_email": "help@riverside.example", "address": "2 Quay\nKhulna", "vat_number": "BIN-9",
    "licence_number": "", "sender_name": "Riverside Desk", "reply_to": "desk@riverside.example",
    "document_footer": "Pay at the quay",
}  # fmt: skip


def picture(name: str = "logo.png", size: tuple[int, int] = (300, 100)) -> SimpleUploadedFile:
    written = BytesIO()
    Image.new("RGB", size, (10, 90, 160)).save(written, "PNG")
    return SimpleUploadedFile(name, written.getvalue(), "image/png")


def save(client: Client, **more: Any) -> Any:
    return client.post(PAGE, WORDS | more)


def logo_in(page: str) -> str:
    return page.split('class="bh-mark" src="')[1].split('"', maxsplit=1)[0]


def test_a_brand_is_saved_and_the_console_the_sign_in_page_and_papers_bear_it(db: object) -> None:
    town = build_town()
    cast = town.cast
    with acting(cast.padma):
        set_brand(OwnBrand(display_name="Padma Net", isp_information="Licence holder: Padma Networks, ISP-7"))
    client = signed_in("riverside")
    assert save(client, logo=picture()).status_code == 303
    page = client.get(PAGE).content.decode()
    assert "Licence holder: Padma Networks, ISP-7" in page
    assert 'name="isp_information"' not in page
    assert "/brand/aa3300.css" in page
    assert "01711" in page
    claim_host(host="my.riverside.example", isp_id=cast.padma.isp_id, operator_id=cast.riverside)
    door = Client().get("/sign-in/", HTTP_HOST="my.riverside.example").content.decode()
    assert "Riverside Net" in door
    shown = Client().get(logo_in(page), HTTP_HOST="my.riverside.example")
    assert shown.headers["Content-Type"] == "image/png"
    assert "immutable" in shown.headers["Cache-Control"]
    bill = client.get(f"/bills/{town.ids['bill']}/pdf/").content
    words = text_of(bill)
    for said in ("Riverside Net", "Riverside Limited", "2 Quay, Khulna", "BIN-9", "Pay at the quay", "Padma Networks"):
        assert said in words, said
    screen = client.get(f"/bills/{town.ids['bill']}/").content.decode()  # which is printed, too
    assert screen.index("2 Quay<br>Khulna") < screen.index("Billed to") < screen.index("Pay at the quay")
    assert 'class="bh-logo"' in screen and "BIN-9" in screen
    receipt = text_of(client.get(f"/payments/{town.ids['payment']}/pdf/").content)
    assert "Riverside Net" in receipt
    assert "Licence holder" in receipt


def test_what_comes_from_above_is_said_so(cast: Cast) -> None:
    with acting(cast.padma):
        set_brand(OwnBrand(display_name="Padma Net", colour="#123456", support_phone="16200"))
    seen = {"display_name": "Padma Net", "support_phone": "16200", "logo": picture()}
    assert signed_in("padma").post(PAGE, seen).status_code == 303
    page = signed_in("riverside").get(PAGE).content.decode()
    assert "No host name yet" in page and 'alt="The logo as it is now"' in page
    assert "From your provider Padma Net: 16200" in page
    assert "The pictures are from your provider Padma Net." in page
    assert f"/brand/{cast.padma.isp_id}/{cast.padma.isp_id}/" in page


def test_nobody_changes_or_sees_the_brand_of_another(cast: Cast) -> None:
    assert save(signed_in("riverside"), logo=picture()).status_code == 303
    for seat in ("rival", "north", "padma", "meghna"):
        client = signed_in(seat, "meghna" if seat == "meghna" else "padma")
        assert "Riverside Net" not in client.get(PAGE).content.decode()
        assert client.post(f"{PAGE}pictures/remove/", {}).status_code == 303
    with acting(cast.padma, cast.riverside):
        assert brand_of().logo is not None
    with acting(cast.padma, cast.north):
        assert brand_of().legal_name == ""


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        (
            "logo",
            SimpleUploadedFile("logo.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/png"),
            "no picture",
        ),
        ("mark", SimpleUploadedFile("mark.png", b"\x89PNG" + b"\0" * 1_100_000, "image/png"), "at most 1 MB"),
        ("sender_name", "Desk\r\nBcc: all@riverside.example", "one line"),
        ("reply_to", "desk@riverside.example\r\nBcc: all@riverside.example", "one line"),
        ("colour", "#12", "six hexadecimal"),
    ],
)
def test_what_is_refused_stands_beside_its_field_and_nothing_is_saved(
    cast: Cast, field: str, value: Any, says: str
) -> None:
    answer = save(signed_in("riverside"), **{field: value})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert says in page.split(f'id="id_{field}_error"')[1][:400]
    with acting(cast.padma, cast.riverside):
        assert brand_of().display_name == "Riverside"


def test_only_the_isp_says_what_everybody_prints(cast: Cast) -> None:
    assert save(signed_in("riverside"), isp_information="Under nobody").status_code == 303
    assert signed_in("padma").post(PAGE, {"display_name": "Padma", "isp_information": "Under 7"}).status_code == 303
    with acting(cast.padma, cast.riverside):
        assert brand_of().isp_information == "Under 7"


# --- mails ------------------------------------------------------------------------------------------------------------


def test_mails_bear_the_sender_of_the_operator_and_answers_go_to_it(cast: Cast) -> None:
    assert save(signed_in("riverside")).status_code == 303
    set_email(user_id=cast.owners["riverside"], email="owner@mail.example")
    with override_settings(EMAIL_HOST="mail.example", EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend"):
        mail.outbox = []
        Client().post("/sign-in/forgot/", {"username": "riverside@padma"}, HTTP_HOST="localhost")
        assert Mail.objects.get().sender_name == "Riverside Desk"
        send_waiting_mails(clock.now())
    sent = mail.outbox[0].message()
    assert sent["From"].startswith("Riverside Desk <")
    assert sent["Reply-To"] == "desk@riverside.example"
    assert "riverside.example" not in sent["From"].partition("<")[2]


# --- host names -------------------------------------------------------------------------------------------------------


def test_at_a_host_name_the_isps_people_sign_in_and_each_gets_the_own_console(cast: Cast) -> None:
    claim_host(host="my.riverside.example", isp_id=cast.padma.isp_id, operator_id=cast.riverside)
    place: dict[str, Any] = {"HTTP_HOST": "my.riverside.example"}
    client = Client()
    assert is_in(sign_in("north", client=client, **place))
    assert "North" in client.get("/", **place).content.decode().split("bh-brand")[1][:400]
    assert not is_in(sign_in("meghna", **place))
    assert is_in(sign_in("meghna@meghna", **place))
    unknown = Client().get("/sign-in/", HTTP_HOST="nobodys.example").content.decode()
    assert "Backhaul" in unknown
    assert "Riverside" not in unknown
    assert not is_in(sign_in("north", HTTP_HOST="nobodys.example"))


class Quiet(WSGIRequestHandler):
    def log_message(self, *_said: Any) -> None:
        return


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The server itself, reached by every name in .example; asked as it would be by the outside."""
    application = get_wsgi_application()

    def answered(environ: Any, start: Any) -> Any:
        answer = [b"".join(application(environ, start))]
        connections.close_all()
        return answer

    asked = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *rest, **more: asked("127.0.0.1" if str(host).endswith(".example") else host, *rest, **more),
    )
    server = make_server("127.0.0.1", 0, answered, handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    with override_settings(HOST_CHECK_PLACES=(("http", server.server_port),), HOST_CHECK_PRIVATE=True):
        yield
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_claim_is_checked_then_used_then_given_up(cast: Cast, served: None) -> None:
    client = signed_in("riverside")
    claimed = client.post(f"{PAGE}hosts/claim/", {"host": "Bill.Riverside.example"})
    at = f"{PAGE}hosts/bill.riverside.example/"
    assert claimed.headers["Location"] == at
    assert "CNAME" in client.get(at).content.decode()
    assert find_host("bill.riverside.example") is None
    assert client.post(at).headers["Location"] == PAGE
    found = find_host("bill.riverside.example")
    assert found is not None
    assert found.operator_id == cast.riverside
    assert not HostClaim.objects.exists()
    assert "bill.riverside.example" in client.get(PAGE).content.decode()
    assert is_in(sign_in("riverside", HTTP_HOST="bill.riverside.example"))
    assert client.post(f"{at}release/").status_code == 303
    assert find_host("bill.riverside.example") is None


def test_a_name_that_leads_elsewhere_is_not_used_and_the_page_says_why(cast: Cast) -> None:
    client = signed_in("riverside")
    client.post(f"{PAGE}hosts/claim/", {"host": "no-such-name.invalid"})
    refused = client.post(f"{PAGE}hosts/no-such-name.invalid/")
    assert refused.status_code == 200
    assert "Nobody knows this name yet" in refused.content.decode()
    assert find_host("no-such-name.invalid") is None


def test_the_proof_is_said_at_the_claimed_name_alone(cast: Cast) -> None:
    claim = start_claim("a.example", isp_id=cast.padma.isp_id, operator_id=cast.riverside, now=clock.now())
    path = f"/.well-known/backhaul-host/{claim.pk}/"
    assert Client().get(path, HTTP_HOST="a.example").content.decode() == claim.token
    assert Client().get(path, HTTP_HOST="b.example").status_code == 404


def test_the_isp_sees_the_host_names_of_its_tree_and_takes_one_away(cast: Cast) -> None:
    claim_host(host="a.example", isp_id=cast.padma.isp_id, operator_id=cast.riverside)
    for seat, isp in (("north", "padma"), ("rival", "padma"), ("meghna", "meghna")):
        client = signed_in(seat, isp)
        assert "a.example" not in client.get(PAGE).content.decode()
        assert client.post(f"{PAGE}hosts/a.example/release/").status_code == 404
        assert find_host("a.example") is not None
        taken = client.post(f"{PAGE}hosts/claim/", {"host": "a.example"})
        assert "in use already" in taken.content.decode()
    isp_client = signed_in("padma")
    page = isp_client.get(PAGE).content.decode()
    assert "a.example" in page
    assert "Riverside" in page
    assert isp_client.post(f"{PAGE}hosts/a.example/release/").status_code == 303
    assert find_host("a.example") is None


def test_who_only_looks_inside_claims_and_checks_nothing(town: Town) -> None:
    client = signed_in("padma")
    entered = {"reason": "to see", "minutes": "60", "password": PASSWORD}
    assert client.post(f"/enter/{town.cast.riverside}/", entered).status_code == 303
    assert client.post(f"{PAGE}hosts/claim/", {"host": "x.example"}).status_code == 403
    assert client.post(f"{PAGE}hosts/{town.ids['host']}/").status_code == 403
    assert not HostClaim.objects.filter(host="x.example").exists()
