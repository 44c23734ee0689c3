"""What everybody may fetch of a brand: its pictures, and the proof that a host name leads to this server."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse

from backhaul.common.errors import NotFound
from backhaul.identity.hosts import proof_of
from backhaul.identity.queries import get_isp
from backhaul.operators.branding import Picture, get_picture
from backhaul.operators.scope import unit_of_work
from backhaul.web.console.access import PUBLIC
from backhaul.web.console.where import host_of


def picture(request: HttpRequest, isp: int, operator: int, digest: str) -> HttpResponse:
    """GET brand/<isp>/<operator>/<digest>.png: what is in it stands in its address, so browsers keep it for good."""
    try:
        with unit_of_work(get_isp(isp), operator):
            content = get_picture(Picture(operator, digest))
    except NotFound as refusal:
        raise Http404 from refusal
    answer = HttpResponse(content, content_type="image/png")
    answer["Cache-Control"] = "public, max-age=31536000, immutable"
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


picture.permission = PUBLIC  # type: ignore[attr-defined]


def proof(request: HttpRequest, claim: str) -> HttpResponse:
    """GET .well-known/backhaul-host/<claim>/: the claim's token, where the request came by the claimed host name."""
    token = proof_of(claim, host_of(request))
    if token is None:
        raise Http404
    return HttpResponse(token, content_type="text/plain", headers={"Cache-Control": "no-store"})


proof.permission = PUBLIC  # type: ignore[attr-defined]
