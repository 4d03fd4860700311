"""Writes docs/images: the demo's pages as they look after a replay. Needs Chromium; run it after a change of a page."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from assay.cli.demo import free_port, replay, serving

IMAGES = Path(__file__).parent / "images"
BROWSER = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run"]
SHOTS = (
    ("results", "light", 1280, 1240),
    ("results-dark", "dark", 1280, 1240),
    ("results-phone", "light", 390, 1600),
)


def main() -> None:
    """Replay the demo once, then take every picture."""
    IMAGES.mkdir(exist_ok=True)
    executable = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    port = free_port(0)
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder, serving(port, Path(folder)):
        verdict = asyncio.run(replay(url, quiet=True))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=executable, args=BROWSER)
            for name, scheme, width, height in SHOTS:
                page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
                page.goto(verdict["page"])
                page.wait_for_load_state("networkidle")
                page.screenshot(path=IMAGES / f"{name}.png")
            browser.close()


if __name__ == "__main__":
    main()
