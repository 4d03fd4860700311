"""What user agents say, in our words."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import MutableMapping
from typing import cast

import pytest

from assay.adapters.user_agents import UserAgents

AGENTS = UserAgents()
KHTML = "AppleWebKit/537.36 (KHTML, like Gecko)"
WINDOWS = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {KHTML}"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
IPAD = "Mozilla/5.0 (iPad; CPU OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"

BROWSERS = [
    # desktops
    (f"{WINDOWS} Chrome/120.0.0.0 Safari/537.36", "desktop | Windows 10 | Chrome 120.0"),
    ("Mozilla/5.0 (Windows NT 10.0; rv:133.0) Gecko/20100101 Firefox/133.0", "desktop | Windows 10 | Firefox 133.0"),
    (f"{WINDOWS} Chrome/131.0.0.0 Safari/537.36 Edg/131.0.2903.86", "desktop | Windows 10 | Edge 131.0"),
    (f"{WINDOWS} Chrome/130.0.0.0 Safari/537.36 OPR/115.0.0.0", "desktop | Windows 10 | Opera 115.0"),
    (f"{WINDOWS} Chrome/130.0.0.0 Safari/537.36 Vivaldi/7.0.3495.27", "desktop | Windows 10 | Vivaldi 7.0"),
    (
        "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; Tablet PC 2.0; rv:11.0) like Gecko",
        "desktop | Windows 10 | Internet Explorer 11.0",
    ),
    (
        f"Mozilla/5.0 (Windows NT 6.3; Win64) {KHTML} Chrome/109.0.0.0 Safari/537.36",
        "desktop | Windows 8.1 | Chrome 109.0",
    ),
    (f"{MAC}/605.1.15 (KHTML, like Gecko) Version/17.1 Safari/605.1.15", "desktop | macOS 10.15 | Safari 17.1"),
    (f"{MAC}/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36", "desktop | macOS 10.15 | Chrome 131.0"),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:133.0) Gecko/20100101 Firefox/133.0",
        "desktop | macOS 10.15 | Firefox 133.0",
    ),
    (
        f"{MAC}/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0",
        "desktop | macOS 10.15 | Edge 131.0",
    ),
    (f"Mozilla/5.0 (X11; Linux x86_64) {KHTML} Chrome/131.0.0.0 Safari/537.36", "desktop | Linux | Chrome 131.0"),
    (
        "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
        "desktop | Linux | Firefox 133.0",
    ),
    (
        "Mozilla/5.0 (X11; FreeBSD amd64; rv:133.0) Gecko/20100101 Firefox/133.0",
        "desktop | FreeBSD | Firefox 133.0",
    ),
    (
        f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {KHTML} Chrome/131.0.0.0 Safari/537.36",
        "desktop | ChromeOS 14541.0 | Chrome 131.0",
    ),
    # phones
    (
        f"Mozilla/5.0 (Linux; Android 10; K) {KHTML} Chrome/131.0.0.0 Mobile Safari/537.36",
        "mobile | Android 10 | Chrome 131.0",
    ),
    (
        f"Mozilla/5.0 (Linux; Android 14; SM-S921B) {KHTML} SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36",
        "mobile | Android 14 | Samsung Internet 27.0",
    ),
    ("Mozilla/5.0 (Android 14; Mobile; rv:133.0) Gecko/133.0 Firefox/133.0", "mobile | Android 14 | Firefox 133.0"),
    (
        f"Mozilla/5.0 (Linux; Android 10; K) {KHTML} Chrome/131.0.0.0 Mobile Safari/537.36 EdgA/131.0.0.0",
        "mobile | Android 10 | Edge 131.0",
    ),
    (
        f"Mozilla/5.0 (Linux; Android 10; K) {KHTML} Chrome/130.0.0.0 Mobile Safari/537.36 OPR/86.0.0.0",
        "mobile | Android 10 | Opera 86.0",
    ),
    (
        f"Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/AP2A; wv) {KHTML} Version/4.0 Chrome/131.0.0.0 "
        "Mobile Safari/537.36",
        "mobile | Android 14 | Android WebView 131.0",
    ),
    (
        f"Mozilla/5.0 (Linux; Android 9; CUBOT NOTE 20) {KHTML} Chrome/99.0.0.0 Mobile Safari/537.36",
        "mobile | Android 9 | Chrome 99.0",
    ),
    (f"{IPHONE} Version/17.7 Mobile/15E148 Safari/604.1", "mobile | iOS 17.7 | Safari 17.7"),
    (f"{IPHONE} CriOS/131.0.6778.73 Mobile/15E148 Safari/604.1", "mobile | iOS 17.7 | Chrome 131.0"),
    (f"{IPHONE} FxiOS/133.0 Mobile/15E148 Safari/605.1.15", "mobile | iOS 17.7 | Firefox 133.0"),
    (f"{IPHONE} Version/17.0 EdgiOS/131.0.2903.68 Mobile/15E148 Safari/605.1.15", "mobile | iOS 17.7 | Edge 131.0"),
    (f"{IPHONE} Mobile/15E148", "mobile | iOS 17.7 | iOS WebView"),
    (
        "Mozilla/5.0 (Mobile; Nokia_8110_4G; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5",
        "mobile | KaiOS 2.5 | Firefox 48.0",
    ),
    # tablets
    (f"{IPAD} Version/17.1 Mobile/15E148 Safari/604.1", "tablet | iOS 17.1 | Safari 17.1"),
    (f"{IPAD} CriOS/131.0.6778.73 Mobile/15E148 Safari/604.1", "tablet | iOS 17.1 | Chrome 131.0"),
    (
        f"Mozilla/5.0 (Linux; Android 10; K) {KHTML} Chrome/131.0.0.0 Safari/537.36",
        "tablet | Android 10 | Chrome 131.0",
    ),
    (
        f"Mozilla/5.0 (Linux; Android 13; SM-X900) {KHTML} Chrome/131.0.0.0 Mobile Safari/537.36",
        "tablet | Android 13 | Chrome 131.0",
    ),
    ("Mozilla/5.0 (Android 14; Tablet; rv:133.0) Gecko/133.0 Firefox/133.0", "tablet | Android 14 | Firefox 133.0"),
    (
        "Mozilla/5.0 (Linux; U; en-us; KFTHWI Build/JDQ39) AppleWebKit/535.19 (KHTML, like Gecko) "
        "Silk/3.13 Safari/535.19 Silk-Accelerated=true",
        "tablet | Android | Amazon Silk 3.13",
    ),
    # televisions
    (f"Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) {KHTML} 94.0.4606.31/7.0 TV Safari/537.36", "smart_tv | Tizen 7.0 |"),
    (
        f"Mozilla/5.0 (SMART-TV; Linux; Tizen 6.5) {KHTML} SamsungBrowser/4.0 Chrome/85.0.4183.93 TV Safari/537.36",
        "smart_tv | Tizen 6.5 | Samsung Internet 4.0",
    ),
    (
        f"Mozilla/5.0 (Web0S; Linux/SmartTV) {KHTML} Chrome/94.0.4606.128 Safari/537.36 WebAppManager",
        "smart_tv | webOS | Chrome 94.0",
    ),
    (
        f"Mozilla/5.0 (Linux; Android 12; Chromecast) {KHTML} Chrome/114.0.0.0 Safari/537.36 CrKey/1.56.500000",
        "smart_tv | Android 12 | Chrome 114.0",
    ),
    (
        f"Mozilla/5.0 (X11; Linux armv7l) {KHTML} Chrome/114.0.0.0 Safari/537.36 CrKey/1.56.500000",
        "smart_tv | Linux | Chrome 114.0",
    ),
    (
        f"Mozilla/5.0 (Linux; Android 11; BRAVIA 4K VH2 Build/RTM1) {KHTML} Chrome/107.0.0.0 Safari/537.36",
        "smart_tv | Android 11 | Chrome 107.0",
    ),
    (
        f"Mozilla/5.0 (Linux; Android 9; AFTMM Build/PS7633) {KHTML} Silk/112.4.1 like "
        "Chrome/112.0.5615.213 Safari/537.36",
        "smart_tv | Android 9 | Amazon Silk 112.4",
    ),
    ("Roku/DVP-12.5 (12.5.0.4178-46)", "smart_tv | Roku OS 12.5 |"),
    ("AppleTV11,1/17.1", "smart_tv | tvOS |"),
    # on the body, in the house
    (
        f"Mozilla/5.0 (Linux; Android 11; SAMSUNG SM-R890) {KHTML} SamsungBrowser/14.0 "
        "Chrome/92.0.4515.166 Mobile Safari/537.36",
        "wearable | Android 11 | Samsung Internet 14.0",
    ),
    ("atc/1.0 watchOS/10.1 model/Watch6,2 hwp/t8006 build/21S71 (6; dt:191)", "wearable | watchOS 10.1 |"),
    (
        f"Mozilla/5.0 (X11; Linux x86_64; Quest 3) {KHTML} OculusBrowser/32.0.0.0 Chrome/122.0.0.0 VR Safari/537.36",
        "wearable | Android | Oculus Browser 32.0",
    ),
    (f"Mozilla/5.0 (Fuchsia) {KHTML} Chrome/114.0.0.0 Safari/537.36 CrKey/1.56.500000", "iot | Fuchsia | Chrome 114.0"),
    ("ESP32HTTPClient", "iot | |"),
    # consoles have no device type of ours
    (
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox One) {KHTML} Chrome/131.0.0.0 "
        "Safari/537.36 Edg/131.0.0.0",
        "| Windows 10 | Edge 131.0",
    ),
    (
        "Mozilla/5.0 (PlayStation; PlayStation 5/2.26) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/13.0 Safari/605.1.15",
        "| | Safari 13.0",
    ),
    # apps and scripts
    ("MyShop/5.2.1 (iPhone; iOS 17.1; Scale/3.00)", "mobile | iOS 17.1 |"),
    ("Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8 Build/UQ1A.240205.004)", "mobile | Android 14 |"),
    ("curl/8.5.0", "| | curl 8.5"),
]

BOTS = [
    ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Googlebot"),
    ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "bingbot"),
    (f"Mozilla/5.0 {KHTML[:-1]}; compatible; GPTBot/1.2; +https://openai.com/gptbot)", "GPTBot"),
    (f"Mozilla/5.0 {KHTML[:-1]}; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)", "ClaudeBot"),
    (f"Mozilla/5.0 {KHTML}; compatible; ChatGPT-User/1.0; +https://openai.com/bot", "ChatGPT-User"),
    ("Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)", "AhrefsBot"),
    ("meta-externalagent/1.1 (+https://developers.facebook.com/docs/sharing/webmasters/crawler)", "meta-externalagent"),
    ("Mediapartners-Google", "Mediapartners-Google"),
    ("AnotherBot/1.2 (+https://example.org)", "AnotherBot"),
]


def in_words(user_agent: str) -> str:
    said = AGENTS.describe(user_agent)
    assert "bot" not in said
    assert all(said.values())
    parts = (("device_type",), ("os", "os_version"), ("browser", "browser_version"))
    return " | ".join(" ".join(said[name] for name in part if name in said) for part in parts)


@pytest.mark.parametrize(("user_agent", "expected"), BROWSERS)
def test_what_browsers_say(user_agent: str, expected: str) -> None:
    assert in_words(user_agent).split() == expected.split()


@pytest.mark.parametrize(("user_agent", "name"), BOTS)
def test_bots_have_a_name_and_no_browser(user_agent: str, name: str) -> None:
    said = AGENTS.describe(user_agent)
    assert said["bot"] == name
    assert not {"browser", "browser_version"} & said.keys()


def test_a_bot_that_looks_like_a_phone_says_so() -> None:
    chrome = f"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X) {KHTML} Chrome/131.0.6778.139 Mobile Safari/537.36"
    googlebot = f"{chrome} (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
    expected = {"device_type": "mobile", "os": "Android", "os_version": "6.0", "bot": "Googlebot"}
    assert AGENTS.describe(googlebot) == expected
    headless = f"Mozilla/5.0 (X11; Linux x86_64) {KHTML} HeadlessChrome/120.0.6099.28 Safari/537.36"
    assert AGENTS.describe(headless) == {"device_type": "desktop", "os": "Linux", "bot": "HeadlessChrome"}


@pytest.mark.parametrize(
    "text", ["", " ", "-", "null", "🦊🚀", "\ud800\udfff", "\x00\n\r", "%", "(" * 5_000, "Mozilla/5.0"]
)
def test_what_says_nothing_gives_nothing(text: str) -> None:
    assert AGENTS.describe(text) == {}


def test_no_text_raises_and_no_answer_is_long() -> None:
    source = random.Random(7)
    pieces = [*(text for text, _ in BROWSERS + BOTS), "\ud800", "🦊", "é" * 50, "\x00", "-bot" * 300, "a-" * 600]
    for _ in range(300):
        text = "".join(
            piece[source.randrange(len(piece)) :][: source.randrange(1, 80)] for piece in source.choices(pieces, k=12)
        )
        assert all(0 < len(value) <= 100 for value in AGENTS.describe(text).values())


def test_only_the_beginning_of_a_text_is_read() -> None:
    chrome = BROWSERS[0][0]
    assert in_words(chrome.ljust(1_000_000, "x")) == in_words(chrome)
    assert AGENTS.describe(" " * 1_000 + chrome) == {}


def test_answers_are_kept_but_not_for_ever_and_nobody_changes_them() -> None:
    agents = UserAgents()
    first = agents.describe("curl/8.5.0")
    assert agents.describe("curl/8.5.0") is first
    with pytest.raises(TypeError):
        cast("MutableMapping[str, str]", first)["browser"] = "wget"
    for number in range(4_096):
        agents.describe(f"curl/9.{number}")
    again = agents.describe("curl/8.5.0")
    assert again is not first
    assert again == first


def test_the_rules_are_loaded_with_the_first_question() -> None:
    script = (
        "import sys; from assay.adapters.user_agents import UserAgents; agents = UserAgents();"
        "before = 'ua_parser' in sys.modules; agents.describe('curl/8.5.0'); print(before, 'ua_parser' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["False", "True"]
