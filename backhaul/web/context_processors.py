"""What every template may use: the frame's data and which frame to draw the page in."""

from typing import Any

from django.http import HttpRequest

from backhaul.web.shell import Brand

LAYOUTS = {"panel-body": "layouts/panel.html", "results": "layouts/results.html"}


def layout_for(request: HttpRequest) -> str:
    """The frame asked for: a whole page, the inside of the panel, or only the part that a filter replaces."""
    if request.headers.get("HX-History-Restore-Request"):
        return "layouts/console.html"
    return LAYOUTS.get(request.headers.get("HX-Target", ""), "layouts/console.html")


def frame(request: HttpRequest) -> dict[str, Any]:
    shell = getattr(request, "shell", None)
    brand = getattr(request, "brand", None) or (shell.brand if shell else Brand(name="Backhaul"))
    may = shell.may if shell else frozenset()
    return {"layout": layout_for(request), "shell": shell, "brand": brand, "may": may}
