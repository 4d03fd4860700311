"""`assay`: one command for everything."""

from __future__ import annotations

import sys

import click

from assay.cli.analyze import analyze
from assay.cli.assign import assign, assign_sql
from assay.cli.demo import demo
from assay.cli.doctor import doctor
from assay.cli.explain import explain
from assay.cli.forget import forget
from assay.cli.import_history import import_history
from assay.cli.plan import plan
from assay.cli.serve import serve
from assay.cli.sql import sql
from assay.errors import AssayError
from assay.version import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="assay")
def cli() -> None:
    """Assay: an experimentation platform you run yourself."""


cli.add_command(serve)
cli.add_command(demo)
cli.add_command(doctor)
cli.add_command(analyze)
cli.add_command(plan)
cli.add_command(sql)
cli.add_command(explain)
cli.add_command(assign)
cli.add_command(assign_sql)
cli.add_command(import_history)
cli.add_command(forget)


def main() -> None:
    """Run the command line; an error raised on purpose becomes one line on stderr and exit code 2."""
    try:
        cli()
    except AssayError as error:
        click.echo(f"assay: {error}", err=True)
        sys.exit(2)
