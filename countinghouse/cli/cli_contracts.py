"""Commands about declarations: `contract infer` and `contract check`; neither needs an engine."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from countinghouse.cli import cli_output
from countinghouse.settings import load

if TYPE_CHECKING:
    from countinghouse.contracts import Contract
    from countinghouse.landing.file_check import FileCheck

contract = typer.Typer(no_args_is_help=True, help="Infer the declaration of a feed, or check it.")
_SHOWN = 8


@contract.command()
def infer(
    files: list[Path] = typer.Argument(help="Files of one feed: CSV, JSON lines, JSON, Parquet."),
    system: str = typer.Option("", help="Source system; default: the folder of the first file."),
    feed: str = typer.Option("", help="Feed; default: the name of the first file."),
    output: Path = typer.Option(None, help="Write to this file, which must not exist."),
) -> None:
    """Print a declaration under which the files land; what a person must decide is marked."""
    from countinghouse.inference.infer import infer as inferred

    found = inferred(files, system=system, feed=feed)
    text = found.yaml()
    if output is None:
        typer.echo(text, nl=False)
    else:
        _write(output, text)
    questions = text.count("# decide:")
    typer.echo(
        f"{found.feed}: {found.table.rows} rows, {len(found.columns)} columns, "
        f"{found.expected_bad} rows would be quarantined, {questions} questions to decide",
        err=True,
    )


def _write(output: Path, text: str) -> None:
    from countinghouse.errors import CountinghouseError

    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise CountinghouseError(
            f"{output} is there already", remedy="name a file that is not"
        ) from None


@contract.command()
def check(
    name: str = typer.Argument(None, metavar="[SYSTEM.FEED]", help="One feed; default: all."),
    file: Path = typer.Option(None, "--file", help="Read this file under the contract, too."),
) -> None:
    """Read all declarations; the first mistake is named with file, line, feed and field."""
    from countinghouse.contracts import load_contracts
    from countinghouse.errors import BadName
    from countinghouse.names import Feed

    if file is not None and not name:
        raise BadName("--file is read under one contract", remedy="name its SYSTEM.FEED, too")
    declared = load_contracts(load().project)
    if name and str(Feed.parse(name)) not in declared:
        raise BadName(f"{name} is not declared", remedy=f"use one of {', '.join(sorted(declared))}")
    selected = [declared[name]] if name else list(declared.values())
    cli_output.table(
        ["feed", "kind", "format", "keys", "columns", "declared in"], map(_row, selected)
    )
    typer.echo(f"contracts: {len(selected)}, all of them right")
    if file is not None:
        _check_file(file, selected[0])


def _row(declared: "Contract") -> tuple[str, str, str, str, int, str]:
    return (
        str(declared.feed),
        declared.kind,
        declared.format.type,
        ", ".join(declared.keys),
        len(declared.columns),
        f"{declared.path.name}:{declared.line}",
    )


def _check_file(file: Path, declared: "Contract") -> None:
    from countinghouse.landing.file_check import check_file

    _print_check(found := check_file(file, declared))
    if found.broken:
        raise typer.Exit(1)


def _print_check(found: "FileCheck") -> None:
    typer.echo(f"{found.path.name}: {found.rows} rows, {found.bad_rows} bad")
    if found.bad:
        cli_output.table(["reason", "rows"], found.bad.most_common())
    if found.undeclared:
        more = len(found.undeclared) - _SHOWN
        shown = ", ".join(found.undeclared[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
        typer.echo(f"columns that are not declared: {shown}")
    if found.broken:
        typer.echo(f"its delivery would be refused: {found.broken}", err=True)
    else:
        typer.echo("types and dates are judged when it is landed")


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.add_typer(contract, name="contract")
