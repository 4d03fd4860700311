"""`assay sql`: the exact queries behind an experiment's results."""

from __future__ import annotations

from pathlib import Path

import click

from assay.cli.source import DATA, URL
from assay.errors import NotFound

_DIALECTS = ("duckdb", "postgres", "clickhouse", "spark", "bigquery", "snowflake")


@click.command()
@click.argument("experiment")
@click.option("--dialect", type=click.Choice(_DIALECTS), help="Default: that of the tables, duckdb for Assay's own.")
@click.option("--sources", type=click.Path(path_type=Path), help="A file that describes tables.  [ASSAY_SOURCES]")
@DATA
@URL
def sql(experiment: str, dialect: str | None, sources: Path | None, data: Path | None, url: str | None) -> None:
    """Print the SQL that is run for the results of EXPERIMENT, over Assay's tables or over your own."""
    from assay.app.settings import Settings
    from assay.app.sources import sources_of, sql_of
    from assay.cli.source import known_experiments

    known = known_experiments(data, url)
    found = next((item for item in known if item.key == experiment), None)
    if found is None:
        raise NotFound("started experiment", experiment, known=[item.key for item in known])
    path = sources or (Path(text) if (text := Settings.from_environment().sources) else None)
    described = sources_of(path) if path is not None else None
    if dialect is None:
        scheme = described.url.partition("://")[0] if described is not None else "duckdb"
        dialect = {"postgresql": "postgres", "sc": "spark", "clickhouses": "clickhouse"}.get(scheme, scheme or "duckdb")
    for words, text in sql_of(found, dialect, described):
        click.echo(f"-- {words}\n{text};\n")
