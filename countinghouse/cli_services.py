"""Commands `up`, `down`, `status`, `logs` and `doctor`."""

import typer

from countinghouse import settings as settings_module
from countinghouse.errors import CountinghouseError
from countinghouse.services import control


def up(
    airflow: bool = typer.Option(True, help="Also start Airflow."),
) -> None:
    """Start PostgreSQL, the engine and Airflow, and wait until they are healthy."""
    settings = settings_module.load()
    started = control.up(settings, with_airflow=airflow)
    typer.echo("countinghouse is up" if started else "countinghouse was up already")
    status()


def down() -> None:
    """Stop everything that belongs to this installation."""
    stopped = control.down(settings_module.load())
    typer.echo("countinghouse is down" if stopped else "nothing was running")


def status() -> None:
    """Print every component with its health; the exit code is 1 when one is unhealthy."""
    found = control.status(settings_module.load())
    for one in found:
        ports = " ".join(map(str, one.ports))
        typer.echo(
            f"{one.name:<16}{one.state:<20}{one.pid or '':<9}{one.uptime_seconds:>9.0f} s  {ports}"
        )
    if not all(one.healthy for one in found):
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    for command in (up, down, status):
        app.command()(command)


def main() -> None:
    """Only these commands: `python -m countinghouse.cli_services`."""
    app = typer.Typer(no_args_is_help=True)
    register(app)
    try:
        app()
    except CountinghouseError as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
