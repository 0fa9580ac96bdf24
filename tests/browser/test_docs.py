"""The page of the routes in a real browser, with the policy that the server sends."""

import pytest

from models.bundle import save_bundle
from serving.http.app import create_app
from tests.support.browser import chromium
from tests.support.bundles import small_bundle
from tests.support.http import TestClient

pytestmark = [pytest.mark.slow, pytest.mark.browser]
ADDRESS = "http://model.test/docs"


@pytest.fixture(scope="module")
def answer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served") / "bundle"
    save_bundle(small_bundle(), folder)
    return TestClient(create_app(folder)).get("/docs")


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_opens_without_complaint_request_or_sideways_scrolling(answer, width):
    complaints: list[str] = []
    with chromium() as browser:
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: complaints.append(request.url))
        page.route(
            "**/*",
            lambda route: route.fulfill(
                status=200, headers=dict(answer.headers), body=answer.content
            ),
        )
        page.goto(ADDRESS)
        assert [url for url in complaints if not url.startswith("data:")] == [ADDRESS]
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("getComputedStyle(document.querySelector('table')).tableLayout") == (
            "fixed"
        )
