"""Ids under a key: the same each time, and told to nobody without it."""

from __future__ import annotations

import hashlib
import hmac

from hypothesis import given
from hypothesis import strategies as st

from assay.service.privacy import StoredUnits

KEY = b"a key of many letters"


@given(st.text(min_size=1))
def test_it_is_half_of_hmac_sha256(unit: str) -> None:
    expected = hmac.new(KEY, unit.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:32]
    assert StoredUnits(KEY).of(unit) == expected


def test_without_a_key_or_an_id_nothing_changes() -> None:
    assert StoredUnits().of("u") == "u"
    assert StoredUnits(KEY).of("") == ""
    assert StoredUnits().in_properties({"user_id": "u"}) == {"user_id": "u"}


def test_the_key_is_not_shown() -> None:
    assert "letters" not in repr(StoredUnits(KEY))


def test_the_id_among_the_properties_is_hidden_too() -> None:
    hidden = StoredUnits(KEY)
    assert hidden.in_properties({"user_id": "u", "a": 1}) == {"user_id": hidden.of("u"), "a": 1}
    assert hidden.in_properties({"user_id": 5}) == {"user_id": 5}
