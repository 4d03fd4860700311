"""How many events a unit may send: a bucket of tokens each, in bounded memory."""

from __future__ import annotations

_MOST_UNITS = 100_000
_KEPT_SECONDS = 2.0


class UnitRates:
    """Lets each unit have `per_second` events a second, and as many at once after a quiet second.

    A bucket is one number: when it would be full again. Buckets that were not used for a while are full, so all are
    kept in two dictionaries, of which the older is dropped now and then. Of more than 100,000 units within seconds the
    oldest are forgotten, which lets through more than it should, never less.
    """

    def __init__(self, per_second: float) -> None:
        self.per_second = per_second
        self._token = 1 / per_second
        # One second's worth of tokens, however long a token takes.
        self._most_owed = max(1.0, self._token) + self._token * 1e-6
        self._fresh: dict[str, float] = {}
        self._old: dict[str, float] = {}
        self._turned_at = 0.0

    def take(self, unit: str, now: float) -> bool:
        """Take a token, if there is one. now: seconds that only grow."""
        full_at = self._fresh.get(unit)
        if full_at is None:
            full_at = self._old.get(unit, now)
            if len(self._fresh) >= _MOST_UNITS or now - self._turned_at > _KEPT_SECONDS + self._most_owed:
                self._old, self._fresh, self._turned_at = self._fresh, {}, now
        if full_at < now:
            full_at = now
        full_at += self._token
        if full_at - now > self._most_owed:
            return False
        self._fresh[unit] = full_at
        return True
