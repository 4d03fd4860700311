"""`assay explain`: why a unit gets what it gets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from assay.cli.source import DATA, URL, folder_of
from assay.errors import InvalidInput


@click.command()
@click.argument("experiment")
@click.argument("unit")
@click.option(
    "--attribute",
    "-a",
    "attributes",
    multiple=True,
    metavar="NAME=VALUE",
    help="What is known of the unit. Values are read as JSON where they are, else as text: write the version 2.1 as "
    "'app=\"2.1\"'. Repeatable.",
)
@click.option("--context", metavar="JSON", help="Attributes as one JSON object.")
@DATA
@URL
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def explain(
    experiment: str,
    unit: str,
    attributes: tuple[str, ...],
    context: str | None,
    data: Path | None,
    url: str | None,
    as_json: bool,
) -> None:
    """Show every step from UNIT to its variant of EXPERIMENT: lists, holdouts, layer, audience, traffic, variant."""
    known = _known(attributes, context)
    document = _from_server(url, experiment, unit, known) if url else _from_folder(data, experiment, unit, known)
    click.echo(json.dumps(document, ensure_ascii=False, indent=2) if as_json else "\n".join(_lines(document)))


def _known(attributes: Iterable[str], context: str | None) -> dict[str, Any]:
    known: dict[str, Any] = {}
    if context is not None:
        try:
            known = json.loads(context)
        except ValueError as error:
            raise InvalidInput("--context", context, f"a JSON object ({error})") from None
        if not isinstance(known, dict):
            raise InvalidInput("--context", context, "a JSON object")
    for item in attributes:
        name, equals, text = item.partition("=")
        if not equals or not name:
            raise InvalidInput("--attribute", item, "NAME=VALUE")
        try:
            known[name] = json.loads(text)
        except ValueError:
            known[name] = text
    return known


def _from_folder(data: Path | None, experiment: str, unit: str, known: Mapping[str, Any]) -> dict[str, Any]:
    from assay.app.definitions import open_explaining
    from assay.http.changes import explanation_view

    return explanation_view(open_explaining(folder_of(data)).explain(experiment, unit, known))


def _from_server(url: str, experiment: str, unit: str, known: Mapping[str, Any]) -> dict[str, Any]:
    from assay.app.definitions import ask_server

    body = {"user_id": unit, "context": known}
    return ask_server(url, "POST", f"/api/v1/experiments/{experiment}/explain", body)


def _lines(document: Mapping[str, Any]) -> Iterable[str]:
    has = f"'{document['variant_id']}'" if document["variant_id"] is not None else "no variant"
    counted = "" if document["counted"] or document["variant_id"] is None else ", not counted"
    yield f"{document['user_id']} has {has} in {document['experiment_id']} ({document['reason']}{counted})"
    yield ""
    for step in document["steps"]:
        yield f"  {_mark(step['passed'])} {step['step']}: {step['message']}"
        conditions = step["details"].get("conditions")
        if conditions is not None:
            yield from _conditions(conditions, "      ")
    if document["probabilities"]:
        chances = ", ".join(f"{key} {chance:g}" for key, chance in document["probabilities"].items())
        yield ""
        yield f"  chances before the draw: {chances}"


def _conditions(condition: Mapping[str, Any], indent: str) -> Iterable[str]:
    given = condition.get("given", {})
    has = "; ".join(f"{name} is {json.dumps(value, ensure_ascii=False)}" for name, value in given.items())
    yield f"{indent}{_mark(condition['matched'])} {condition['condition']}" + (f"  ({has})" if has else "")
    for part in condition.get("parts", ()):
        yield from _conditions(part, indent + "  ")


def _mark(passed: bool) -> str:
    return "✓" if passed else "✗"
