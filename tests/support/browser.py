"""Headless Chromium for tests that open pages; they are skipped where it is not installed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.required import missing, require_module

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
)


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser of Playwright's synchronous interface."""
    playwright = require_module("playwright.sync_api")
    if not CHROMIUM.exists():
        missing(f"{CHROMIUM} is not installed; `apt-get install chromium` brings it")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()
