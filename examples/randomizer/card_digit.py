"""A randomiser of one's own: the last digit of a loyalty card decides, so that staff at the till can tell the variant.

Install it beside Assay (`pip install examples/randomizer`) and name it in an experiment:

    "randomization": {"method": "custom", "plugin": "card_digit",
                      "options": {"attribute": "card", "digits": {"control": "02468", "green": "13579"}}}
"""

from __future__ import annotations

from collections.abc import Mapping

from assay.assignment.plugins import Draw


class CardDigit:
    """Options: `attribute`, the attribute with the card's number, and `digits`, the last digits of each variant."""

    def choose(self, draw: Draw) -> str | None:
        """The variant that has the card's last digit; nobody without a card takes part."""
        last = str(draw.attributes.get(draw.options["attribute"], ""))[-1:]
        return next((key for key, digits in draw.options["digits"].items() if last and last in digits), None)

    def probabilities(self, draw: Draw) -> Mapping[str, float]:
        """The shares of the ten digits: whoever hands out cards knows nothing of the experiment."""
        digits = draw.options["digits"]
        total = sum(map(len, digits.values()))
        return {key: len(digits.get(key, "")) / total for key in draw.weights}
