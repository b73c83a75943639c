"""Commands that change what is published: `land`, `build`, `rollback`, `gc` and their kind."""

import getpass
import logging
import sys
import time
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from countinghouse import names
from countinghouse.cli import cli_output
from countinghouse.cli.cli_questions import PARTITION, TABLE
from countinghouse.settings import Settings, load

if TYPE_CHECKING:
    from countinghouse.runs.report import RunReport

SELECTION = typer.Argument(help="Tables, layers or domains, or `all`.")


def land(
    systems: list[str] = typer.Argument(None, help="Source systems; default: all declared."),
    readmit: bool = typer.Option(
        False, "--readmit", help="Also land what was refused, under the contract as it is now."
    ),
) -> None:
    """Accept what lies in the landing folder and publish it as raw tables."""
    show_progress()
    settings = load()
    systems = systems or _systems(settings)
    if readmit:
        _readmit(settings, systems)
    end_with(_land(settings, systems, new_run_id()))


def extract(
    systems: list[str] = typer.Argument(None, help="Source systems; default: all declared."),
    dt: str = typer.Option(None, "--date", help="The day to deliver; default: yesterday (UTC)."),
) -> None:
    """Take the deliveries of a day out of the databases that feeds declare; again: replace them."""
    from countinghouse.deliveries import extract as module
    from countinghouse.runs import ingest

    settings = load()
    dt = names.date(dt or module.yesterday())
    declared = ingest.contracts_of(settings, systems or _systems(settings))
    for contract in (one for one in declared if one.extract):
        typer.echo(module.extract(settings, contract, dt))


def _readmit(settings: Settings, systems: list[str]) -> None:
    from countinghouse import deliveries
    from countinghouse.ledger import open_ledger
    from countinghouse.runs import ingest

    for contract in ingest.contracts_of(settings, systems):
        for delivery in deliveries.readmit_refused(open_ledger(settings), settings, contract.feed):
            typer.echo(f"readmitted: {delivery}")


def build(
    selection: list[str] = SELECTION,
    first: str = typer.Option(None, "--from", help="First date of daily tables, YYYY-MM-DD."),
    last: str = typer.Option(None, "--to", help="Last date of daily tables, YYYY-MM-DD."),
    force: bool = typer.Option(False, "--force", help="Also build what is current."),
    no_land: bool = typer.Option(
        False, "--no-land", help="From what is published: neither land nor build what it reads."
    ),
) -> None:
    """Land what its feeds have delivered, then build the selection and all that it is made of.

    Only stale partitions are built. The exit code is 1 when a gate kept something back.
    """
    names.selection(selection)
    given = [date for date in (first, last) if date is not None]
    if given:
        # Refused before anything is landed; an empty one is a mistake and not all dates.
        names.dates_between(given[0], given[-1])
    show_progress()
    from countinghouse.dbt.dbt_graph import load_checks, load_graph
    from countinghouse.planning import staleness
    from countinghouse.runs import build as build_module

    settings, run_id = load(), new_run_id()
    graph = load_graph(settings)
    models = staleness.selected(graph, selection)
    report = None
    if not no_land:
        models = staleness.with_ancestors(graph, models)
        models = staleness.with_checked(graph, models, load_checks(settings))
        sources = {edge.parent for model in models for edge in model.edges}
        report = _land(settings, _systems(settings, sources), run_id)
    selected = [model.name for model in models]
    built = build_module.build(settings, selected, first, last, run_id=run_id, force=force)
    if report is not None:
        report.add(built)
    end_with(report or built)


def _systems(settings: Settings, sources: set[str] | None = None) -> list[str]:
    """Declared systems, or those of the raw tables `sources`."""
    from countinghouse.contracts import load_contracts

    contracts = load_contracts(settings.project).values()
    return sorted({c.system for c in contracts if sources is None or c.feed.raw in sources})


def _land(settings: Settings, systems: list[str], run_id: str) -> "RunReport":
    from countinghouse.runs import ingest
    from countinghouse.runs import land as land_module

    problems = ingest.accept(settings, systems)
    report = land_module.land(settings, ingest.contracts_of(settings, systems), run_id=run_id)
    report.refused += problems
    return report


def rollback(
    table: str = TABLE,
    dt: str = PARTITION,
    to: str = typer.Option(None, help="A version that `history` prints; default: the one before."),
    reason: str = typer.Option(..., help="Why; kept with the hold."),
    owner: str = typer.Option(getpass.getuser, help="Who answers for it."),
) -> None:
    """Publish an earlier version of a partition again, and hold it until `release`."""
    from countinghouse.ledger.holds import Hold
    from countinghouse.publishing import rollback as module

    done = module.rollback(load(), table, dt, to=to, hold=Hold(reason, owner))
    typer.echo(f"{table} {dt}: {done.before} replaced by {done.now}, {done.rows} rows")
    typer.echo(f"held for {owner} until: countinghouse release {table} {dt}")


def release(table: str = TABLE, dt: str = PARTITION) -> None:
    """End the hold of a partition that was rolled back: the next build brings it up to date."""
    from countinghouse.notifier import command_for
    from countinghouse.publishing import rollback as module

    module.release(load(), table, dt)
    typer.echo(f"{table} {dt} is released; bring it up to date: {command_for(table, dt)}")


def gc(
    delete: bool = typer.Option(False, "--delete", help="Delete; without it they are listed."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Collect versions, leftovers and branches that nothing needs any more."""
    from countinghouse.publishing import gc as module

    found = module.collect(load(), dry_run=not delete)
    if json:
        cli_output.as_json(found)
        return
    if found:
        cli_output.table(["kind", "name", "bytes"], [(g.kind, g.name, g.bytes) for g in found])
    done = "deleted" if delete else "to delete (nothing was: give --delete)"
    typer.echo(f"{len(found)} {done}, {sum(g.bytes for g in found)} bytes")


def reconcile(
    quick: bool = typer.Option(False, "--quick", help="Do not ask the metastore."),
    every: int = typer.Option(0, help="Go on, every so many seconds."),
) -> None:
    """Finish what crashed and make the metastore say what the ledger says."""
    from countinghouse.publishing import reconcile as module

    while True:
        try:
            for line in module.reconcile(load(), full=not quick):
                typer.echo(f"{datetime.now(UTC):%F %T} {line}")
        except Exception as error:
            if not every:
                raise
            # Said in the log; the next round tries again.
            typer.echo(f"{datetime.now(UTC):%F %T} {type(error).__name__}: {error}", err=True)
        if not every:
            return
        time.sleep(every)


def rebuild_catalog() -> None:
    """Register every published table in the metastore anew, from the ledger."""
    from countinghouse.publishing import catalog

    done = catalog.rebuild_catalog(load())
    typer.echo(f"{done.tables} tables and {done.partitions} partitions registered")
    for problem in done.problems:
        typer.echo(problem, err=True)
    if done.problems:
        raise typer.Exit(1)


def new_run_id() -> str:
    """An id for a run that a person started."""
    return f"cli-{uuid.uuid4().hex[:8]}"


def show_progress() -> None:
    """Say on stderr what the run does, with the time."""
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("countinghouse").setLevel(logging.INFO)


def end_with(report: "RunReport") -> None:
    """Print what a run did; exit with 1 if somebody has to look."""
    typer.echo(report.summary())
    if report.failed:
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    for command in (extract, land, build, rollback, release, gc, reconcile, rebuild_catalog):
        app.command()(command)
