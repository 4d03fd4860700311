"""Patterns: what is allowed, what it becomes, and that none runs away."""

from __future__ import annotations

import pytest

from assay.errors import InvalidInput
from assay.model.patterns import check_pattern, compile_pattern, ways_of

REFUSED = [
    ("", "1 to 200"),
    ("a" * 201, "1 to 200"),
    ("(a+)+", "groups repeated by"),
    ("(a)*", "groups repeated by"),
    ("a**", "something before"),
    ("*a", "something before"),
    ("(?=a)", "something before '?'"),
    (r"(a)\1", "no "),
    (r"\p{L}", "no "),
    ("a{3,1}", "from low to high"),
    ("a{101}", "at most 100"),
    ("(a", "regular expression"),
    ("a^b", "no '^"),
    ("a*b*c*", "at most 2"),
    ("a*b*c", "begin it with '^'"),
    ("a?" * 20 + "a*", "fewer ways"),
    ("^" + "a?" * 26 + "$", "fewer ways"),
]
ALLOWED = ["a.*b", "^a.*b.*c$", r"^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}$", "colou?r", "(?:US|CA|GB)-", r"[\w.+-]+@x\.de"]


@pytest.mark.parametrize(("pattern", "accepted"), REFUSED)
def test_refused_by_name(pattern: str, accepted: str) -> None:
    with pytest.raises(InvalidInput, match=r"^audience\.value: given") as caught:
        check_pattern(pattern, "audience.value")
    assert accepted in caught.value.accepted


@pytest.mark.parametrize("pattern", ALLOWED)
def test_allowed_and_stable(pattern: str) -> None:
    canonical = check_pattern(pattern, "p")
    assert check_pattern(canonical, "p") == canonical
    compile_pattern(canonical)


def test_canonical_form() -> None:
    assert check_pattern(r"^a.(b|\s)$", "p") == r"^a[^\n](?:b|[ \t\n\r\f\v])$"


def test_ways_are_counted() -> None:
    assert ways_of("abc") == (1, 0)
    assert ways_of("a?b?") == (4, 0)
    assert ways_of("(?:a|b|c?)d{2,5}") == (16, 0)
    assert ways_of("^a*b+$") == (1, 2)
