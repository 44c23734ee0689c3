"""What holds for every answer of the server."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.shortcuts import render

MOST_SENT = 25 * 1024 * 1024  # all forms say a smaller size; this is what is not even put on the disk


def refuse_floods(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """What is far larger than anything kept here is not read, whoever sends it: forms are read before anybody knows
    who is signed in."""

    def answered(request: HttpRequest) -> HttpResponseBase:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length.isdecimal() and int(length) > MOST_SENT:
            return render(request, "413.html", status=413)
        return get_response(request)

    return answered


def keep_private(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """What does not say how long it may be kept is kept nowhere: that somebody has no such customer is no answer for
    whoever asks the same proxy next."""

    def answered(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    return answered


def secure_cookies(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Cookies that were set over TLS never travel without it; a server tried out without TLS keeps working."""

    def answered(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if request.is_secure():
            for cookie in response.cookies.values():
                cookie["secure"] = True
        return response

    return answered


class CompressPages(GZipMiddleware):
    """Pages travel compressed, to a tenth of their size: collectors have slow phones. What is secret in a page, its
    token against forged requests, is masked anew each time, and the length is blurred. Files are left as they are: most
    are compressed already, and a download knows how long it is."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not response.headers.get("Content-Type", "").startswith("text/html"):
            return response
        return super().process_response(request, response)
