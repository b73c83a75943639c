"""Commands that only ask: `stale`, `lineage`, `history`, `diff`, `files` and `sql`."""

from typing import TYPE_CHECKING

import typer

from countinghouse.cli import cli_output
from countinghouse.settings import load

if TYPE_CHECKING:
    from countinghouse.planning.staleness import StalePartition
    from countinghouse.questions.lineage import Lineage

TABLE = typer.Argument(help="schema.table, as published.")
PARTITION = typer.Argument(help="YYYY-MM-DD, or `all` for a table without partitions.")
JSON = typer.Option(False, "--json", help="Print JSON.")
# A year of partitions with a window of a week each is no longer read by a person.
_SHOWN = 8


def stale(
    selection: list[str] = typer.Argument(None, help="Tables, layers or domains; default all."),
    why: bool = typer.Option(False, "--why", help="Show each input that differs."),
    json: bool = JSON,
) -> None:
    """Partitions that are not what their inputs and code of today would give."""
    from countinghouse.planning import staleness

    found = staleness.stale(load(), selection or ["all"])
    if json:
        cli_output.as_json(found)
        return
    if found and why:
        cli_output.table(["table", "dt", "reason", "because"], _explained_rows(found))
    elif found:
        cli_output.table(["table", "partitions", "first", "last", "reason"], _grouped_rows(found))
    typer.echo(f"stale partitions: {len(found)}")


def _grouped_rows(found: "list[StalePartition]") -> list[tuple[str, int, str, str, str]]:
    """One row per table and reason: a new feed may bring decades of partitions."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for one in found:
        grouped.setdefault((one.table, ", ".join(one.reasons)), []).append(one.dt)
    return [
        (table, len(dts), min(dts), max(dts), reason) for (table, reason), dts in grouped.items()
    ]


def _explained_rows(found: "list[StalePartition]") -> list[list[str]]:
    rows = []
    for one in found:
        row = [one.table, one.dt, ", ".join(one.reasons)]
        because = [
            f"{d.table} {d.dt} {d.role}: {d.what} ({_short(d.before)} -> {_short(d.now)})"
            for d in one.why[:_SHOWN]
        ]
        if len(one.why) > _SHOWN:
            because.append(f"and {len(one.why) - _SHOWN} more")
        rows.append([*row, "\n".join(because)])
    return rows


def _short(digest: str | None) -> str:
    return "none" if digest is None else digest if len(digest) <= 24 else digest[:12]


def lineage(table: str = TABLE, dt: str = PARTITION, json: bool = JSON) -> None:
    """What a partition was made of, down to delivered files, and what was made of it."""
    from countinghouse.questions import lineage as module

    found = module.lineage(load(), table, dt)
    if json:
        cli_output.as_json(found)
        return
    _print_lineage(found)


def _print_lineage(found: "Lineage") -> None:
    for title, links in (("made of", found.upstream), ("read by", found.downstream)):
        typer.echo(f"{title}: {len(links)} partitions")
        grouped: dict[tuple[int, str, str], list[str]] = {}
        for link in links:
            grouped.setdefault((link.depth, link.table, link.role), []).append(link.dt)
        if grouped:
            cli_output.table(
                ["steps", "table", "partitions", "first", "last", "role"],
                [(n, table, len(dts), min(dts), max(dts), role)
                 for (n, table, role), dts in sorted(grouped.items())],
            )  # fmt: skip
    typer.echo(f"delivered in: {len(found.files)} files")
    if found.files:
        cli_output.table(
            ["position", "feed", "dt", "seq", "version", "file"],
            [(f.position, f.feed, f.dt, f.seq, f.version, f.name) for f in found.files],
        )


def history(
    table: str = TABLE,
    dt: str = typer.Argument(None, help="A partition; default: all of the table."),
    json: bool = JSON,
) -> None:
    """What was published for a partition: when, by which run, rows, money, digest, holds."""
    from countinghouse.questions import history as module

    found = module.history(load(), table, dt)
    if json:
        cli_output.as_json(found)
        return
    cli_output.table(
        ["at", "dt", "epoch", "state", "rows", "money (minor units)", "by", "version"],
        [
            (
                f"{p.at:%Y-%m-%d %H:%M:%S}",
                p.dt,
                p.epoch,
                f"{p.state}: {p.reason}" if p.reason else p.state,
                p.rows,
                cli_output.money(p.money),
                f"{p.kind} {p.run_id}",
                p.version_id.partition("/")[0],
            )
            for p in found
        ],
    )


def diff(
    table: str = TABLE,
    dt: str = PARTITION,
    a: str = typer.Argument(help="A version that `history` prints."),
    b: str = typer.Argument(help="Another one."),
    json: bool = JSON,
) -> None:
    """How two versions of a partition differ: rows, money, first differing rows."""
    from countinghouse.questions import history as module

    found = module.diff(load(), table, dt, a, b)
    if json:
        cli_output.as_json(found)
        return
    sums = {"rows": found.rows, **found.money}
    cli_output.table(
        ["", a, b, "change"],
        [(name, before, after, after - before) for name, (before, after) in sums.items()],
    )
    for name, count, sample in (
        (a, found.only_in_a, found.sample_a),
        (b, found.only_in_b, found.sample_b),
    ):
        typer.echo(f"only in {name}: {count} rows")
        if sample:
            cli_output.table(found.columns, sample)


def files(
    table: str = TABLE,
    first: str = typer.Option(None, "--from", help="First partition, YYYY-MM-DD."),
    last: str = typer.Option(None, "--to", help="Last partition, YYYY-MM-DD."),
    duckdb: bool = typer.Option(False, "--duckdb", help="Print what DuckDB reads FROM."),
    json: bool = JSON,
) -> None:
    """Directories of the published partitions, for readers that open Parquet themselves."""
    from countinghouse.questions import files as module

    found = module.published_files(load(), table, first, last)
    if duckdb:
        typer.echo(module.duckdb_relation(found))
    elif json:
        cli_output.as_json(found)
    else:
        for one in found:
            typer.echo(one.directory)


def sql(
    query: str = typer.Argument(help="One SELECT, SHOW or DESCRIBE."),
    limit: int = typer.Option(100, min=1, help="Print at most so many rows."),
    json: bool = JSON,
    csv: bool = typer.Option(False, "--csv", help="Print CSV that is safe to open in Excel."),
) -> None:
    """Read published tables through the engine; nothing can be written this way."""
    from countinghouse.questions import queries

    if json and csv:
        raise typer.BadParameter("--json and --csv exclude each other")
    found = queries.sql(load(), query, limit=limit)
    if csv:
        cli_output.as_csv(found.columns, found.rows)
        if found.more:
            typer.echo(f"cut off after {limit} rows: --limit", err=True)
        return
    if json:
        cli_output.as_json([dict(zip(found.columns, row, strict=True)) for row in found.rows])
        return
    cli_output.table(found.columns, found.rows)
    typer.echo(f"{len(found.rows)} rows" + (f", and more: --limit {limit}" if found.more else ""))


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    for command in (stale, lineage, history, diff, files, sql):
        app.command()(command)
