"""The pages in a real browser: both widths, both schemes, the keyboard, and the live part."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Page, Request, Route, WebSocket, expect

from tests.dashboard.browser import Site, browsing, opened, serving
from tests.dashboard.samples import GROWING, HOSTILE, analysed, even, gallery, headlines, looks, reading_of

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PATHS = ("/", *(f"/experiments/{key}" for key in ("headlines", "skewed", "buttons", "young", "silent", "hostile")))
_CLIPPED = """() => [...document.querySelectorAll('main p, main th, main td, main li, main h1, main h2, main dd')]
  .filter(e => getComputedStyle(e.closest('thead') ?? e).position !== 'absolute' && e.getClientRects().length)
  .filter(e => { const r = e.getBoundingClientRect(); return r.right > innerWidth + 0.5 || r.left < -0.5; })
  .map(e => e.textContent.trim().slice(0, 60))"""
_CONTRAST = """() => {
  const channel = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = css => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = css; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const ground = e => { for (; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor);
    if (c[3] === 255) return c; } return [255, 255, 255, 255]; };
  const found = [];
  for (const e of document.querySelectorAll('body *:not(script):not(style):not(svg *)')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || !e.getClientRects().length) continue;
    const [a, b] = [light(rgba(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) found.push(e.className + ': ' + e.textContent.trim().slice(0, 40));
  }
  return found; }"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as found:
        yield found


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with serving(gallery()) as found:
        yield found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 768, 1440])
@pytest.mark.parametrize("path", PATHS)
def test_pages_fit_their_window_and_can_be_read(
    browser: Browser, site: Site, path: str, width: int, scheme: str
) -> None:
    with opened(browser, site.url + path, width=width, scheme=scheme) as (page, complaints):
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(_CLIPPED) == []
        assert page.evaluate(_CONTRAST) == []
        assert complaints == []


def test_hostile_names_do_nothing(browser: Browser, site: Site) -> None:
    with opened(browser, f"{site.url}/experiments/hostile") as (page, complaints):
        assert page.title() == f"{HOSTILE} · Assay"
        expect(page.locator("h1")).to_have_text(HOSTILE)
        assert complaints == []


def test_the_keyboard_reaches_everything_in_order(browser: Browser, site: Site) -> None:
    with opened(browser, f"{site.url}/experiments/headlines") as (page, _):
        reached = []
        for _ in range(9):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.textContent.trim()"))
        assert reached[0] == "Skip to content"
        assert reached[1:5] == ["Assay", "Experiments", "API", "Experiments"]
        assert reached[5].startswith("Config of Ten things")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none"


def test_the_skip_link_leads_to_the_content(browser: Browser, site: Site) -> None:
    with opened(browser, f"{site.url}/") as (page, _):
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_in_viewport()
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "content"


def test_the_list_leads_to_the_page(browser: Browser, site: Site) -> None:
    with opened(browser, site.url, width=390) as (page, _):
        page.locator("li.entry", has_text="Click rate is 8.10").click()
        expect(page.locator("h1")).to_have_text("Which headline makes readers open the story?")


def test_a_new_result_appears_and_leaves_the_reader_in_peace(browser: Browser) -> None:
    experiment = headlines()
    with (
        serving(reading_of([(experiment, looks(experiment, GROWING[:4]))])) as site,
        opened(browser, f"{site.url}/experiments/headlines") as (page, complaints),
    ):
        expect(page.locator("#connection")).to_have_text("Live")
        summary = page.locator("summary").first
        summary.focus()
        page.keyboard.press("Enter")
        page.evaluate("kept = document.querySelector('details'); row = document.querySelector('tbody tr')")
        expect(page.locator("#live")).to_contain_text("Keep it running")

        site.reading.results.save(analysed(experiment, even(experiment, 6_000)))
        site.notices.publish("headlines")

        expect(page.locator(".sentence")).to_contain_text("Ship “They moved")
        expect(page.locator(".facts").first).to_contain_text("24,000 units")
        expect(page.locator("tr.winner")).to_have_count(1)
        assert page.evaluate("document.querySelector('details') === kept && kept.open")
        assert page.evaluate("document.querySelector('tbody tr') === row")
        assert page.evaluate("document.activeElement.nodeName") == "SUMMARY"
        assert page.evaluate("document.querySelector('.assay-chart .line').namespaceURI.endsWith('svg')")
        assert complaints == []


def test_the_first_result_replaces_the_waiting(browser: Browser) -> None:
    experiment = headlines()
    with (
        serving(reading_of([(experiment, [])])) as site,
        opened(browser, f"{site.url}/experiments/headlines") as (page, complaints),
    ):
        expect(page.locator("#connection")).to_have_text("Live")
        expect(page.locator("#live")).to_contain_text("Waiting for data")
        site.reading.results.save(analysed(experiment, even(experiment, 6_000)))
        site.notices.publish("headlines")
        expect(page.locator("table.results tbody")).to_have_count(4)
        expect(page.locator("#live")).not_to_contain_text("Waiting for data")
        assert complaints == []


def test_it_reconnects_and_catches_up(browser: Browser) -> None:
    experiment = headlines()
    reading = reading_of([(experiment, looks(experiment, GROWING[:4]))])
    with ExitStack() as stack:
        first = stack.enter_context(ExitStack())
        url = first.enter_context(serving(reading)).url
        page, _ = stack.enter_context(opened(browser, f"{url}/experiments/headlines"))
        expect(page.locator("#connection")).to_have_text("Live")
        first.close()
        expect(page.locator("#connection")).to_have_text("Reconnecting…")
        reading.results.save(analysed(experiment, even(experiment, 6_000)))
        stack.enter_context(serving(reading, port=int(url.rpartition(":")[2])))
        expect(page.locator("#connection")).to_have_text("Live", timeout=30_000)
        expect(page.locator(".facts").first).to_contain_text("24,000 units")


def test_a_result_that_came_before_the_connection_is_not_missed(browser: Browser) -> None:
    experiment = headlines()
    reading = reading_of([(experiment, looks(experiment, GROWING[:4]))])

    def late(route: Route) -> None:
        # The page is made already, the script that connects is not there yet; nobody is told of this result.
        reading.results.save(analysed(experiment, even(experiment, 6_000)))
        route.continue_()

    with serving(reading) as site, opened(browser, f"{site.url}/") as (page, complaints):
        page.route("**/static/live.js*", late)
        page.goto(f"{site.url}/experiments/headlines")
        expect(page.locator(".facts").first).to_contain_text("24,000 units")
        assert complaints == []


def look(page: Page, *, away: bool) -> None:
    """Look away from the tab, or back at it."""
    page.evaluate(
        "away => { Object.defineProperty(document, 'hidden', {value: away, configurable: true});"
        " document.dispatchEvent(new Event('visibilitychange')); }",
        away,
    )


def test_a_hidden_tab_fetches_nothing_and_catches_up_when_looked_at(browser: Browser) -> None:
    experiment = headlines()
    reading = reading_of([(experiment, looks(experiment, GROWING[:4]))])
    sockets: list[WebSocket] = []
    fetched: list[Request] = []
    with serving(reading) as site, opened(browser, f"{site.url}/") as (page, _):
        page.on("websocket", lambda socket: sockets.append(socket))
        page.on("request", lambda request: fetched.append(request) if request.url.endswith("/live") else None)
        page.goto(f"{site.url}/experiments/headlines", wait_until="networkidle")
        expect(page.locator("#connection")).to_have_text("Live")
        before = len(fetched)

        look(page, away=True)
        reading.results.save(analysed(experiment, even(experiment, 6_000)))
        with sockets[0].expect_event("framereceived"):
            site.notices.publish("headlines")
        page.evaluate("new Promise(resolve => setTimeout(resolve, 50))")
        assert len(fetched) == before
        expect(page.locator(".facts").first).not_to_contain_text("24,000 units")

        look(page, away=False)
        expect(page.locator(".facts").first).to_contain_text("24,000 units")
        assert len(fetched) == before + 1


def test_a_failed_fetch_is_tried_again(browser: Browser) -> None:
    experiment = headlines()
    reading = reading_of([(experiment, looks(experiment, GROWING[:4]))])
    failures = [503, 503]
    with serving(reading) as site, opened(browser, f"{site.url}/experiments/headlines") as (page, _):
        expect(page.locator("#connection")).to_have_text("Live")
        page.wait_for_load_state("networkidle")
        page.route("**/live", lambda route: route.fulfill(status=failures.pop()) if failures else route.continue_())
        reading.results.save(analysed(experiment, even(experiment, 6_000)))
        site.notices.publish("headlines")
        expect(page.locator(".facts").first).to_contain_text("24,000 units", timeout=30_000)
        assert failures == []


def test_a_final_result_needs_no_connection(browser: Browser, site: Site) -> None:
    with opened(browser, f"{site.url}/experiments/buttons") as (page, _):
        sockets: list[str] = []
        page.on("websocket", lambda socket: sockets.append(socket.url))
        page.reload(wait_until="networkidle")
        assert sockets == []
        expect(page.locator("#connection")).to_be_hidden()
