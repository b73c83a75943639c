"""Commands `ledger backup | restore | migrate | rebuild | catch-up`."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from countinghouse.settings import load

if TYPE_CHECKING:
    from countinghouse.ledger.recovery import Recovered

FILE = typer.Argument(help="The backup file.")


def backup(path: Path = FILE) -> None:
    """Write the ledger to a file."""
    from countinghouse.ledger import backup as module

    typer.echo(f"{path}: {module.backup(load(), path)} bytes")


def restore(
    path: Path = FILE,
    force: bool = typer.Option(False, "--force", help="Replace a ledger that is not empty."),
) -> None:
    """Replace the ledger by a backup, then add what storage knows since."""
    from countinghouse.ledger import backup as module

    _end(module.restore(load(), path, force=force))


def migrate() -> None:
    """Bring the ledger to the newest schema; every command does so by itself."""
    from countinghouse.ledger import open_ledger

    open_ledger(load())
    typer.echo("the ledger is at the newest schema")


def rebuild() -> None:
    """Fill an empty ledger from archive, pointer log and manifests."""
    from countinghouse.publishing import catalog

    _end(catalog.rebuild_ledger(load()))


def catch_up() -> None:
    """Add deliveries and publication sets that storage knows and the ledger does not."""
    from countinghouse.publishing import catalog

    _end(catalog.catch_up(load()))


def _end(found: "Recovered") -> None:
    typer.echo(f"from storage: {found.deliveries} deliveries, {found.sets} publication sets")
    for problem in found.problems:
        typer.echo(problem, err=True)
    typer.echo("next: countinghouse reconcile")
    if found.problems:
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add these commands to the command line as `ledger ...`."""
    ledger = typer.Typer(no_args_is_help=True, help="Backup, restore and rebuild the ledger.")
    for command in (backup, restore, migrate, rebuild, catch_up):
        ledger.command()(command)
    app.add_typer(ledger, name="ledger")
