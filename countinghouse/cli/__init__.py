"""The command line `countinghouse`."""

import typer

from countinghouse.cli import (
    cli_backfill,
    cli_contracts,
    cli_data,
    cli_ledger,
    cli_quarantine,
    cli_questions,
    cli_reveal,
    cli_services,
    cli_status,
    cli_verify,
)
from countinghouse.errors import BadName, CountinghouseError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A batch data warehouse whose correctness claims are executable.",
)
_SERVICES, _DATA = (cli_services, cli_status), (cli_data, cli_backfill, cli_quarantine)
for commands in (
    *_SERVICES,
    *_DATA,
    cli_questions,
    cli_ledger,
    cli_contracts,
    cli_reveal,
    cli_verify,
):
    commands.register(app)


def main() -> None:
    """Run a command: exit code 0 is fine, 1 failed, refused or blocked, 2 wrong usage."""
    try:
        app()
    except CountinghouseError as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(2 if isinstance(error, BadName) else 1) from None
