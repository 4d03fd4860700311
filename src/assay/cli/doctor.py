"""`assay doctor`: what is used, and whether it answers."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

import click

from assay.app.settings import Role, Settings


@click.command()
@click.option("--data", type=click.Path(path_type=Path), help="Data folder.  [ASSAY_DATA, default ./assay-data]")
@click.option(
    "--role",
    type=click.Choice([item.value for item in Role]),
    help="As a process of this role.  [ASSAY_ROLE, default all]",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def doctor(data: Path | None, role: str | None, as_json: bool) -> None:
    """Print which database, inbox, warehouse and store the settings name, and try each of them.

    Exit code 1 when one does not answer.
    """
    from assay.app.doctor import examine

    settings = Settings.from_environment()
    settings = replace(settings, data=data or settings.data, role=Role(role) if role else settings.role)
    if as_json:
        findings = list(examine(settings))
        click.echo(json.dumps({"data": str(settings.data), "parts": [asdict(item) for item in findings]}, indent=2))
    else:
        click.echo(f"data folder  {settings.data.resolve()}   role  {settings.role}")
        findings = []
        for item in examine(settings):
            findings.append(item)
            mark = "ok " if not item.problem else "NO "
            click.echo(f"{mark} {item.part:<22} {item.used}   ({item.setting}, {item.milliseconds:.0f} ms)")
            if item.problem:
                click.echo(f"    {item.problem}" + (f"\n    {item.hint}" if item.hint else ""))
    if any(item.problem for item in findings):
        sys.exit(1)
