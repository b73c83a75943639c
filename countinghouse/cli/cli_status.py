"""The command `status`: components, then what the ledger and the disk say."""

import dataclasses
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer

from countinghouse import settings as settings_module
from countinghouse.cli import cli_output
from countinghouse.errors import CountinghouseError
from countinghouse.services import control
from countinghouse.services.control import Status
from countinghouse.settings import Settings

if TYPE_CHECKING:
    from countinghouse.questions.disk import Disk
    from countinghouse.questions.expected import FeedDeliveries
    from countinghouse.questions.status import Overview

_SHOWN = 3


def status(json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """Print components, deliveries, stale partitions, holds, running attempts, failures and disk.

    The exit code is 1 when a component is unhealthy, whatever else there is to see.
    """
    settings = settings_module.load()
    found = control.status(settings)
    asked, problem, disk = _asked(settings)
    if json:
        cli_output.as_json(
            {
                "components": [dataclasses.asdict(one) for one in found],
                "ledger": dataclasses.asdict(asked) if asked else None,
                "problem": problem,
                "disk": dataclasses.asdict(disk),
            }
        )
    else:
        _print_components(found)
        if asked:
            _print_overview(asked)
        typer.echo(f"\ndisk: {_disk(disk, asked.version_bytes if asked else 0)}")
        if problem:
            typer.echo(f"\nerror: {problem}", err=True)
    if not all(one.healthy for one in found):
        raise typer.Exit(1)


def _asked(settings: Settings) -> "tuple[Overview | None, str, Disk]":
    """What the ledger says, or why it says nothing; measured meanwhile, the disk."""
    from countinghouse.questions import disk
    from countinghouse.questions import status as module

    usage = disk.DiskUsage(settings)
    try:
        return module.overview(settings), "", usage.result()
    except CountinghouseError as error:
        return None, str(error), usage.result()


def _print_components(found: list[Status]) -> None:
    typer.echo(f"{'component':<16}{'state':<22}{'pid':<9}{'for':>9}  {'restarts':>8}  ports")
    for one in found:
        since = f"{one.seconds:.0f} s" if one.seconds else ""
        ports = " ".join(map(str, one.ports))
        typer.echo(
            f"{one.name:<16}{one.state:<22}{one.pid or '':<9}{since:>9}  {one.restarts:>8}  {ports}"
        )
        if one.reason and not one.healthy:
            typer.echo(f"                {one.reason}")


def _print_overview(asked: "Overview") -> None:
    at = asked.at
    connected = {_system(f) for f in asked.deliveries if f.newest or f.refused}
    _section(
        "deliveries",
        ["feed", "newest", "accepted", "not as expected", "owner"],
        [(f.feed, f.newest, _ago(at, f.accepted_at), _concern(f), f.owner)
         for f in asked.deliveries if _system(f) in connected],
    )  # fmt: skip
    never = Counter(_system(f) for f in asked.deliveries if _system(f) not in connected)
    if never:
        typer.echo("never delivered: " + ", ".join(f"{s} ({n})" for s, n in never.items()))
    _section(
        f"stale: {sum(s.partitions for s in asked.stale)} partitions",
        ["domain or system", "tables", "partitions", "oldest"],
        [(s.name, s.tables, s.partitions, s.oldest) for s in asked.stale],
    )
    _section(
        f"held: {len(asked.holds)} partitions",
        ["table", "dt", "reason", "owner", "since"],
        [(h.table, h.dt, h.reason, h.owner, _ago(at, h.since)) for h in asked.holds],
    )
    _section(
        f"running: {len(asked.running)} attempts",
        ["kind", "scope", "since", "partitions", "run", "state"],
        [(r.kind, r.scope, _ago(at, r.since), r.partitions, r.run_id,
          "works" if r.alive else "dead: countinghouse reconcile --quick") for r in asked.running],
    )  # fmt: skip
    _section(
        f"failures of the last 7 days: {len(asked.failures)}",
        ["when", "what", "partition", "rule", "message", "run"],
        [(_ago(at, f.at), f.table, f.partition, f.rule, f.message, f.command)
         for f in asked.failures],
    )  # fmt: skip
    quarantine = asked.quarantine
    _section(
        f"quarantine: {sum(q.rows for q in quarantine)} rows",
        ["table", "rows", "dates", "oldest (days)", "owner"],
        [(q.table, q.rows, q.dates, q.age_days, q.owner) for q in quarantine],
    )


def _system(feed: "FeedDeliveries") -> str:
    return feed.feed.partition(".")[0]


def _section(title: str, columns: list[str], rows: list[tuple[Any, ...]]) -> None:
    typer.echo(f"\n{title}")
    if rows:
        cli_output.table(columns, rows)


def _concern(feed: "FeedDeliveries") -> str:
    said = [f"refused {one.dt}: {one.reason}" for one in feed.refused[-_SHOWN:]]
    if len(feed.refused) > _SHOWN:
        said.append(f"and {len(feed.refused) - _SHOWN} older refused")
    if feed.missing and feed.due:
        dates = ", ".join(feed.missing[:_SHOWN])
        more = f" and {len(feed.missing) - _SHOWN} more" if len(feed.missing) > _SHOWN else ""
        said.append(f"missing {dates}{more}, due {feed.due:%Y-%m-%d %H:%M %Z}")
    if feed.gap:
        said.append(feed.gap)
    return "\n".join(said)


def _ago(now: datetime, then: datetime | None) -> str:
    """How long ago, in the largest unit that says something."""
    if then is None:
        return "never"
    seconds = max(0, int((now - then).total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"


def _disk(disk: "Disk", version_bytes: int) -> str:
    """What is not measured in time is left open; of the warehouse the ledger knows the least."""
    sizes = {
        name: "takes too long to measure" if size is None else _bytes(size)
        for name, size in disk.folders.items()
    }
    if disk.folders["warehouse"] is None and version_bytes:
        sizes["warehouse"] = f"at least {_bytes(version_bytes)} (published and kept versions)"
    said = [f"{name} {size}" for name, size in sizes.items()]
    return ", ".join([*said, f"{_bytes(disk.free)} free"])


def _bytes(size: float) -> str:
    units = ["B", "kB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:
        size /= 1000
        units.pop(0)
    return f"{size:.0f} {units[0]}" if size >= 100 else f"{size:.3g} {units[0]}"


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command()(status)
