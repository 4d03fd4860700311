"""The configs of variants, held against what their experiment says a config is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from assay.errors import InvalidInput
from assay.metadata import WEBSITE_METADATA, InvalidMetadata, WebsiteMetadata
from assay.model.experiment import Variant
from assay.service.config_schema import FIELD, read_schema
from assay.service.config_validation import Budget, check_value

MAX_CONFIG_BYTES = 256 * 1024


def check_configs(schema: Mapping[str, Any] | str | None, variants: Sequence[Variant]) -> None:
    """Raise InvalidInput for a schema that is none, and for the field of a config that does not fit.

    schema: a JSON Schema (draft 2020-12), the word `website_metadata`, or None for free configs.
    """
    if schema is None:
        return
    if isinstance(schema, str):
        if schema != WEBSITE_METADATA:
            raise InvalidInput(FIELD, schema, f"a JSON Schema as an object, or '{WEBSITE_METADATA}'")
        for i, variant in enumerate(variants):
            _check_metadata(variant.config, f"variants[{i}].config")
        return
    read = read_schema(schema)
    budget = Budget(read.patterns)
    for i, variant in enumerate(variants):
        field = f"variants[{i}].config"
        check_value(read, _as_json(variant.config, field), field, budget)


def _check_metadata(config: Mapping[str, Any], field: str) -> None:
    try:
        WebsiteMetadata.from_config(config)
    except InvalidMetadata as error:
        raise error.under(field) from None


def _as_json(config: Mapping[str, Any], field: str) -> Any:
    try:
        text = json.dumps(config, ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(field, "…", f"JSON: objects, lists, text, finite numbers ({error})") from None
    if size > MAX_CONFIG_BYTES:
        raise InvalidInput(field, f"{size:,} bytes", f"at most {MAX_CONFIG_BYTES:,} bytes where a schema is given")
    return json.loads(text)
