"""What is shown when a form's protection against forgery fails; the other error pages are Django's own handlers."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def csrf_refused(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form was opened before the sign-in or in another session: nothing was saved."""
    return render(request, "403_csrf.html", status=403)
