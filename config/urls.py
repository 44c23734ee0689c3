"""All addresses of the server."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from backhaul.web.brand import brand_stylesheet


def healthz(request: HttpRequest) -> HttpResponse:
    """200 when this process serves and its database answers."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok", content_type="text/plain")


urlpatterns = [
    path("healthz", healthz),
    path("brand/<str:colour>.css", brand_stylesheet, name="brand-stylesheet"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("", include("backhaul.web.console.urls")),
]
