"""A real browser for tests: Debian's Chromium, driven by Playwright; nothing is downloaded."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

_CHROMIUM = shutil.which("chromium")
_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
needs_chromium = pytest.mark.skipif(
    _CHROMIUM is None,
    reason="no chromium: apt-get install -y --no-install-recommends chromium",
)


@contextmanager
def open_browser() -> Iterator[Any]:
    """A browser without windows, until the block ends."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=list(_ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def window(browser: Any) -> Iterator[Any]:
    """A window that fails the test for an error of a page, an alert, or a call to elsewhere."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
    opened.on("request", lambda request: complaints.extend(_elsewhere(request.url)))
    try:
        yield opened
    finally:
        opened.close()
    assert complaints == []


def _elsewhere(url: str) -> list[str]:
    here = ("http://127.0.0.1:", "http://localhost:", "data:", "blob:", "about:")
    return [] if url.startswith(here) else [url]
