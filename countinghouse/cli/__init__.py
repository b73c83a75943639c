"""The command line `countinghouse`."""

import typer

from countinghouse.cli import cli_data, cli_ledger, cli_questions, cli_reveal, cli_services
from countinghouse.errors import BadName, CountinghouseError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A batch data warehouse whose correctness claims are executable.",
)
for commands in (cli_services, cli_data, cli_questions, cli_ledger, cli_reveal):
    commands.register(app)


def main() -> None:
    """Run a command: exit code 0 is fine, 1 failed, refused or blocked, 2 wrong usage."""
    try:
        app()
    except CountinghouseError as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(2 if isinstance(error, BadName) else 1) from None
