"""How the browser is started, by tests and by who takes pictures."""

from __future__ import annotations

import shutil

from playwright.sync_api import Browser, Playwright

# Without them Chromium looks its vendor's hosts up at every start.
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


def launch(playwright: Playwright) -> Browser:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    return playwright.chromium.launch(executable_path=path, args=list(FLAGS))
