"""The module as a real browser gets it from a live server: every vector, and the client in pages of another origin."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.dashboard.browser import browsing, opened
from tests.http.conftest import LiveServer
from tests.js.conftest import HERE, SPEC
from tests.js.test_client import Checkout

pytestmark = [pytest.mark.browser, pytest.mark.slow]
EXAMPLE = HERE.parents[1] / "examples" / "page.html"
_CHECK = """async ([url, check, conditions, decisions]) => {
  const module = await import(`${url}/assay.js`);
  const ours = await import(URL.createObjectURL(new Blob([check], {type: 'text/javascript'})));
  return ours.check(module, JSON.parse(conditions), JSON.parse(decisions));
}"""
_VISIT = """async url => {
  const { Assay } = await import(`${url}/assay.js`);
  window.problems = [];
  window.assay = new Assay({ url, unit: 'visitor', onError: message => problems.push(message), flushSeconds: 600 });
  return [await assay.ready(), assay.variant('checkout'), problems];
}"""
_LEAVE = "assay.track('buy', { eventId: 'order-1' })"
_UNSENT = "JSON.parse(localStorage.getItem(Object.keys(localStorage).find(key => key.endsWith(':events'))) ?? '[]')"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as found:
        yield found


@pytest.fixture
def checkout(live: LiveServer) -> Checkout:
    return Checkout(live.url)


def elsewhere(checkout: Checkout) -> str:
    """A page of another origin: `localhost` and `127.0.0.1` are one machine and two of them."""
    return checkout.url.replace("127.0.0.1", "localhost") + "/health"


def told(complaints: list[str]) -> list[str]:
    """What the console says beside the icon that the page at /health does not have."""
    return [text for text in complaints if "404 (Not Found)" not in text]


def cut(page: Page) -> None:
    """From now on the server is not there for this page, but for the module itself."""
    page.context.route("**/api/v1/**", lambda route: route.abort())


def test_every_vector(browser: Browser, live: LiveServer) -> None:
    files = (HERE / "check.mjs", SPEC / "conditions.json", SPEC / "decisions.json")
    with opened(browser, f"{live.url}/health") as (page, complaints):
        answer = page.evaluate(_CHECK, [live.url, *(path.read_text() for path in files)])
        assert answer["wrong"] == []
        assert min(answer["asked"][:2]) > 600
        assert told(complaints) == []


def test_a_page_that_is_left_sends_what_it_has(browser: Browser, checkout: Checkout) -> None:
    variant = checkout.assigned("visitor", {})[0]
    with opened(browser, elsewhere(checkout)) as (page, complaints):
        assert page.evaluate(_VISIT, checkout.url) == [True, variant, []]
        page.evaluate(_LEAVE)
        page.goto("about:blank")
        assert checkout.counted(1, 1) == {"units": {variant: 1}, "bought": 1}
        page.goto(elsewhere(checkout))
        assert page.evaluate(_UNSENT) == []
        assert told(complaints) == []


def test_a_page_without_its_server_has_the_last_snapshot_and_its_events_arrive_later(
    browser: Browser, checkout: Checkout
) -> None:
    variant = checkout.assigned("visitor", {})[0]
    with opened(browser, elsewhere(checkout)) as (page, _):
        page.evaluate(_VISIT, checkout.url)
        cut(page)
        page.goto(elsewhere(checkout))
        assert page.evaluate(_VISIT, checkout.url) == [True, variant, ["the server does not answer"]]
        page.evaluate(_LEAVE)
        page.goto(elsewhere(checkout))
        assert len(page.evaluate(_UNSENT)) == 2
        page.context.unroute_all()
        page.evaluate(_VISIT, checkout.url)
        assert page.evaluate("assay.flush()") is True
        assert page.evaluate(_UNSENT) == []
        assert checkout.counted(1, 1) == {"units": {variant: 1}, "bought": 1}


def test_the_example_page_shows_a_variant_and_counts_a_purchase(browser: Browser, checkout: Checkout) -> None:
    """Opened as a file, as its comment says."""
    with opened(browser, f"{EXAMPLE.as_uri()}?server={checkout.url}") as (page, complaints):
        expect(page.locator("#buy")).to_be_enabled()
        unit = page.locator("#why").inner_text().split()[0]
        variant, _, config = checkout.assigned(unit, {})
        expect(page.locator("#why")).to_have_text(f"{unit} has {variant} (assigned).")
        expect(page.locator("#buy")).to_have_css(
            "background-color", {"blue": "rgb(0, 0, 255)", "green": "rgb(0, 128, 0)"}[config["colour"]]
        )
        page.click("#buy")
        assert checkout.counted(1, 1) == {"units": {variant: 1}, "bought": 1}
        page.click("#other")
        expect(page.locator("#why")).not_to_contain_text(unit)
        page.goto("about:blank")
        assert sum(checkout.counted(2, 1)["units"].values()) == 2
        assert complaints == []
