"""The command `backfill`: plan, create by Airflow, follow, and verify date by date."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

import typer

from countinghouse.backfills.outcome import DateRun, Outcome
from countinghouse.backfills.request import Reprocess, Request, conf_of, requested
from countinghouse.cli import cli_output
from countinghouse.errors import CountinghouseError
from countinghouse.names import dates_between
from countinghouse.settings import Settings, load

if TYPE_CHECKING:
    from countinghouse.backfills.in_airflow import AirflowBackfills, Backfill
    from countinghouse.backfills.plan import BackfillPlan, PlannedDate

_NAMED = 10


def backfill(
    dag: str = typer.Argument(help="ingest_<system> or rebuild_<domain>."),
    first: str = typer.Option(None, "--from", help="First date, YYYY-MM-DD."),
    last: str = typer.Option(None, "--to", help="Last date, YYYY-MM-DD."),
    reprocess: Reprocess = typer.Option(
        Reprocess.NONE, help="Also run dates whose last run failed, or has ended at all."
    ),
    conf: str = typer.Option(None, help="A JSON object that Airflow shows with each run."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only print the plan."),
    cancel: bool = typer.Option(False, "--cancel", help="End the DAG's active backfill."),
    watch: bool = typer.Option(False, "--watch", help="Follow the DAG's newest backfill."),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
) -> None:
    """Run dates of a DAG through Airflow, and tell exactly which of them succeeded.

    The exit code is 0 only if all dates asked for have succeeded.
    """
    from countinghouse.backfills.in_airflow import AirflowBackfills

    settings = load()
    if cancel:
        _cancel(AirflowBackfills(settings), dag)
        return
    if watch:
        airflow = AirflowBackfills(settings)
        _watch(settings, airflow, dag)
        return
    today = datetime.now(UTC).date().isoformat()
    request, said = requested(dag, first, last, reprocess, today=today), conf_of(conf)
    airflow = AirflowBackfills(settings)
    _plan(settings, airflow, request)
    if dry_run:
        return
    if not yes:
        typer.confirm("create it?", abort=True)
    _finish(settings, airflow, request, airflow.create(request, said))


def _plan(settings: Settings, airflow: "AirflowBackfills", request: Request) -> None:
    from countinghouse.backfills import follow
    from countinghouse.backfills import plan as module

    follow.refuse_paused(airflow, request.dag_id)
    follow.refuse_second(airflow, request.dag_id)
    standing = airflow.standing(request.dag_id, request.dates)
    _print_plan(module.plan(settings, request, standing))
    if stuck := airflow.stuck(request.dag_id):
        # Where the date has an older run, Airflow looks at that one.
        typer.echo(
            f"{len(stuck)} cleared runs of a cancelled backfill wait for ever; end them: "
            f"countinghouse backfill {request.dag_id} --cancel"
        )


def _print_plan(plan: "BackfillPlan") -> None:
    feeds = any(one.feeds for one in plan.dates)
    columns = ["dates", "from", "to", "Airflow", *(["delivered", "landed"] if feeds else [])]
    cli_output.table(columns, _spans(plan.dates, feeds=feeds))
    if plan.tables:
        cli_output.table(
            ["table", "partitions", "first", "last"],
            [(t.table, t.partitions, t.first, t.last) for t in plan.tables],
        )
    about = (
        "no estimate: the ledger knows no such run yet"
        if plan.seconds is None
        else f"about {_duration(plan.seconds)}, as an estimate from the last such runs"
    )
    typer.echo(
        f"{plan.request.dag_id}: {len(plan.runs)} of {len(plan.dates)} dates run, "
        f"{plan.partitions} partitions; {about}"
    )


def _spans(dates: "Sequence[PlannedDate]", *, feeds: bool) -> list[tuple[Any, ...]]:
    """Neighbouring dates that have the same in store on one line."""
    rows = []
    for said, group in groupby(dates, lambda one: (one.fate, one.delivered, one.landed)):
        span = list(group)
        share = [f"{n} of {span[0].feeds} feeds" for n in said[1:]] if feeds else []
        rows.append((len(span), span[0].dt, span[-1].dt, said[0].value, *share))
    return rows


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _watch(settings: Settings, airflow: "AirflowBackfills", dag: str) -> None:
    newest = airflow.newest(dag)
    if newest is None:
        raise CountinghouseError(f"{dag} never had a backfill", remedy="give --from and --to")
    dates = dates_between(newest.first, newest.last)
    _finish(settings, airflow, Request(dag, dates, Reprocess(newest.reprocess)), newest)


def _finish(
    settings: Settings, airflow: "AirflowBackfills", request: Request, created: "Backfill"
) -> None:
    """Follow a backfill to its end and tell what became of it; the exit code says the same."""
    from countinghouse.backfills import follow

    try:
        with _progress(len(request.dates)) as seen:
            found = follow.follow(airflow, request, created, seen)
    except KeyboardInterrupt:
        dag = request.dag_id
        typer.echo(
            f"\nit goes on in Airflow; watch it: countinghouse backfill {dag} --watch\n"
            f"end it: countinghouse backfill {dag} --cancel",
            err=True,
        )
        raise typer.Exit(130) from None
    _print_changes(settings, request, created)
    _print_outcome(request, found)
    if not found.ok:
        raise typer.Exit(1)


@contextlib.contextmanager
def _progress(total: int) -> "Iterator[Callable[[Sequence[DateRun]], None]]":
    """A bar on a terminal, else a line whenever another date has ended."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(stderr=True)) as progress:
            task = progress.add_task("", total=total)

            def shown(runs: Sequence[DateRun]) -> None:
                ended = sum(run.ended for run in runs)
                progress.update(task, completed=ended, description=_said(runs))

            yield shown
        return
    before = ""

    def told(runs: Sequence[DateRun]) -> None:
        nonlocal before
        if (now := _said(runs)) != before:
            typer.echo(
                f"{datetime.now(UTC):%T} {sum(r.ended for r in runs)} of {total}: {now}", err=True
            )
            before = now

    yield told


def _said(runs: Sequence[DateRun]) -> str:
    states = [run.state or "not run" for run in runs]
    return ", ".join(f"{states.count(state)} {state}" for state in sorted(set(states)))


def _print_changes(settings: Settings, request: Request, created: "Backfill") -> None:
    from countinghouse.ledger import open_ledger
    from countinghouse.questions.changes import published_since

    with open_ledger(settings).connect() as connection:
        found = published_since(connection, created.created_at, f"{request.dag_id}/")
    if not found:
        typer.echo("nothing that is published has changed")
        return
    cli_output.table(
        ["table", "partitions", "what", "before", "now", "change"],
        [
            (change.table, change.partitions, name, before, after, after - before)
            for change in found
            for name, (before, after) in {"rows": change.rows, **change.money}.items()
        ],
    )


def _print_outcome(request: Request, found: Outcome) -> None:
    dag = request.dag_id
    typer.echo(
        f"{dag}: {len(found.succeeded)} of {len(request.dates)} dates succeeded, "
        f"{len(found.kept)} had succeeded before"
    )
    failed = request.command("--reprocess failed")
    problems = [
        ("failed", found.failed, f"countinghouse airflow dags list-runs {dag}; then {failed}"),
        ("failed before and were left alone", found.kept_failed, failed),
        ("skipped: a run of them had not ended", found.skipped, _after_skipped(request)),
        ("not ended", found.unfinished, f"countinghouse backfill {dag} --watch"),
        ("unknown to Airflow", found.unknown, request.command()),
        ("run without having been asked for", found.extra, "countinghouse airflow dags details"),
    ]
    for what, dates, remedy in problems:
        if dates:
            typer.echo(f"error: {len(dates)} {what}: {_named(dates)}", err=True)
            typer.echo(f"  what to do: {remedy}", err=True)


def _after_skipped(request: Request) -> str:
    return (
        f"when they have ended: {request.command('--reprocess failed')}; runs of a cancelled "
        f"backfill never end: countinghouse backfill {request.dag_id} --cancel first"
    )


def _named(dates: Sequence[str]) -> str:
    more = f" and {len(dates) - _NAMED} more" if len(dates) > _NAMED else ""
    return ", ".join(dates[:_NAMED]) + more


def _cancel(airflow: "AirflowBackfills", dag: str) -> None:
    airflow.paused(dag)
    newest = airflow.newest(dag)
    active = newest if newest is not None and newest.active else None
    if active:
        airflow.cancel(active)
    stuck = airflow.end_stuck(dag)
    if active is None and not stuck:
        raise CountinghouseError(
            f"{dag} has no active backfill", remedy="countinghouse status shows what runs"
        )
    if active:
        runs = airflow.runs(active.backfill_id)
        left = [run.dt for run in runs if run.state == "running"]
        typer.echo(f"cancelled: {dag} from {active.first} to {active.last}")
        if left:
            typer.echo(f"already running, and go on to their end: {_named(left)}")
        request = Request(dag, dates_between(active.first, active.last))
        typer.echo(f"to run the rest after all: {request.command('--reprocess failed')}")
    if stuck:
        typer.echo(f"{stuck} runs that waited for a cancelled backfill are failed now")


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command()(backfill)
