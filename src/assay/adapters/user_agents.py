"""What a browser's User-Agent header says about device, system and browser, read with the rules of `ua-parser`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ua_parser import OS, Parser, Result, UserAgent

_READ_CHARACTERS = 1_000
_KEPT_ANSWERS = 4_096
_LONGEST_VALUE = 100

_SYSTEMS = {
    "ATV OS X": "tvOS",
    "Chrome OS": "ChromeOS",
    "Chromecast Fuchsia": "Fuchsia",
    "Mac OS": "macOS",
    "Mac OS X": "macOS",
    "Roku": "Roku OS",
    "WatchOS": "watchOS",
    "Web0S": "webOS",
    **dict.fromkeys(
        (
            *("Arch Linux", "CentOS", "Chromecast Linux", "Debian", "Fedora", "Gentoo", "Kubuntu", "Linux Mint"),
            *("Mageia", "Mandriva", "Red Hat", "Slackware", "SUSE", "Ubuntu"),
        ),
        "Linux",
    ),
}
_NO_VERSION = frozenset({"Linux", "Fuchsia"})
_DESKTOPS = frozenset({"Windows", "macOS", "Linux", "ChromeOS", "FreeBSD", "NetBSD", "OpenBSD", "Solaris"})
_BROWSERS = {
    "Android": "Android Browser",
    "Chrome Mobile": "Chrome",
    "Chrome Mobile iOS": "Chrome",
    "Chrome Mobile WebView": "Android WebView",
    "Edge Mobile": "Edge",
    "Edge Mobile Webview": "Edge",
    "Firefox iOS": "Firefox",
    "Firefox Mobile": "Firefox",
    "IE": "Internet Explorer",
    "IE Mobile": "Internet Explorer",
    "Mobile Safari": "Safari",
    "Mobile Safari UI/WKWebView": "iOS WebView",
    "Opera Mobile": "Opera",
    "Opera Touch": "Opera",
}
_ENGINE_ONLY = frozenset({"Android Browser", "iOS WebView"})
"""What the rules also say of apps that draw no pages."""
_NO_BROWSERS = frozenset({"Apple Watch App", "Roku"})

_AUTOMATED = re.compile(
    r"\b((?:(?!cubot)[\w-]{0,40}(?:bot|crawler|spider)\b)|GoogleOther|Google-InspectionTool|Mediapartners-Google"
    r"|HeadlessChrome|Chrome-Lighthouse)",
    re.ASCII | re.IGNORECASE,
)
_PRODUCT = re.compile(r"(?:^|compatible; )(?!Mozilla)([A-Za-z][\w.-]*)", re.ASCII)
_NO_NAME = re.compile(r"(?:.*/)?(?:ro)?bot|crawler|spider", re.IGNORECASE)
_ANDROID_VERSION = re.compile(r"Android (\d+(?:\.\d+)?)", re.ASCII)

_DEVICES = (
    ("tablet", r"\biPad\b"),
    ("mobile", r"\b(?:iPhone|iPod)\b"),
    ("wearable", r"watchOS|\bWatch\d|Apple Watch|Wear OS|\bSM-R\d{3}|OculusBrowser"),
    (
        "iot",
        r"DeviceType/SmartSpeaker|\bFuchsia\b|AudioAccessory|HomePod|\bESP(?:32|8266)|Arduino|\bTesla/|QtCarBrowser",
    ),
    (
        "smart_tv",
        r"\bTV\b|SMART-?TV|HbbTV|Apple ?TV|Android ?TV|Google ?TV|webOS\.TV|Web0S|NetCast|CrKey|Chromecast|BRAVIA"
        r"|\bAFT[A-Z0-9]{1,6}\b|\bRoku|VIDAA|Viera|PhilipsTV|MiTV|MIBOX",
    ),
    (None, r"\b(?:PlayStation|Xbox|Nintendo)\b"),
    (
        "tablet",
        r"\bTablet\b(?! PC)|PlayBook|\bKindle\b|\bKF[A-Z]{2,5}\b|\bSM-[TXP]\d{3}|\bNexus (?:7|9|10)\b|\bTB-?[X\d]",
    ),
    ("mobile", r"\bMobi(?:le)?\b|Windows Phone|Opera Mini|BlackBerry|BB10|KAIOS|Symbian|\bMIDP"),
    ("tablet", r"\bAndroid\b.*\bAppleWebKit\b"),  # Chrome on a phone says Mobile, on a tablet it does not
    ("mobile", r"\bAndroid\b"),
)
"""The first that is found counts; the ones without a name are devices that none of our words describes."""
_DEVICE = tuple((kind, re.compile(pattern, re.ASCII | re.IGNORECASE)) for kind, pattern in _DEVICES)


class UserAgents:
    """The UserAgents port. The rules, some 30 MB, are loaded with the first question."""

    def __init__(self) -> None:
        self._known = lru_cache(_KEPT_ANSWERS)(self._read)

    def describe(self, user_agent: str) -> Mapping[str, str]:
        """What is known of `device_type`, `os`, `os_version`, `browser`, `browser_version` and `bot`; read-only.

        device_type: desktop, mobile, tablet, smart_tv, wearable or iot; game consoles have none. A bot has its name
        and no browser. Versions have at most two parts. Only the first 1,000 characters are read. Browsers hide some
        of the truth: Windows 11 says 10, macOS stays at 10.15, Chrome on Android often says 10, and an iPad that
        asks for desktop pages says it is a Mac.
        """
        return self._known(user_agent[:_READ_CHARACTERS])

    @cached_property
    def _parser(self) -> Parser:
        from ua_parser import BestAvailableResolver, Parser, load_lazy_builtins

        return Parser(BestAvailableResolver(load_lazy_builtins()))

    def _read(self, text: str) -> Mapping[str, str]:
        text = text.encode("utf-8", "replace").decode("utf-8")
        found = self._parser.parse(text)
        name, os_version = _system(found.os, text)
        bot = _bot(found, text)
        browser, browser_version = (None, None) if bot else _browser(found.user_agent, text)
        said = {
            "device_type": _device_type(text, name),
            "os": name,
            "os_version": os_version,
            "browser": browser,
            "browser_version": browser_version,
            "bot": bot,
        }
        return MappingProxyType({key: value[:_LONGEST_VALUE] for key, value in said.items() if value})


def _system(found: OS | None, text: str) -> tuple[str | None, str | None]:
    if found is None or found.family == "Other":
        return None, None
    if found.family.startswith("Chromecast") and (android := _ANDROID_VERSION.search(text)):
        return "Android", android[1]
    name = _SYSTEMS.get(found.family, found.family)
    return name, None if name in _NO_VERSION else _version(found.major, found.minor)


def _browser(found: UserAgent | None, text: str) -> tuple[str | None, str | None]:
    if found is None or found.family in _NO_BROWSERS:
        return None, None
    name = _BROWSERS.get(found.family, found.family)
    if name in _ENGINE_ONLY and "AppleWebKit" not in text:
        return None, None
    if name == "Safari" and not found.major:  # a TV's own browser or an app on its engine: Safari always has a version
        return None, None
    return name, _version(found.major, found.minor)


def _bot(found: Result, text: str) -> str | None:
    """The bot's name: by the rules, or where they have only a general word, as it calls itself."""
    automated = _AUTOMATED.search(text)
    if (found.device is None or found.device.brand != "Spider") and automated is None:
        return None
    family = found.user_agent.family if found.user_agent else ""
    if automated and family in _BROWSERS.keys() | _BROWSERS.values():
        return automated[1]
    if family and not _NO_NAME.fullmatch(family):
        return family
    product = _PRODUCT.search(text)
    return product[1] if product else automated[1] if automated else "unnamed"


def _device_type(text: str, system: str | None) -> str | None:
    for kind, pattern in _DEVICE:
        if pattern.search(text):
            return kind
    return "desktop" if system in _DESKTOPS else None


def _version(major: str | None, minor: str | None) -> str | None:
    return f"{major}.{minor}" if major and minor else major
