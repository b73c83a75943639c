"""Commands `quarantine list | show | replay`: rows that broke their contract."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from countinghouse import names
from countinghouse.cli import cli_output
from countinghouse.cli.cli_data import new_run_id, show_progress
from countinghouse.errors import CountinghouseError
from countinghouse.settings import Settings, load

if TYPE_CHECKING:
    from countinghouse.contracts import Contract

FEED = typer.Argument(help="system.feed, or its raw or quarantine table.")
DATE = typer.Option(None, "--date", help="Only this date of delivery, YYYY-MM-DD.")
JSON = typer.Option(False, "--json", help="Print JSON.")


def list_(json: bool = JSON) -> None:
    """Quarantined rows by feed: dates, reasons, age in days since acceptance, owner."""
    from countinghouse.contracts import load_contracts
    from countinghouse.ledger import open_ledger
    from countinghouse.questions import quarantined as module

    settings = load()
    owners = {c.feed.quarantine: c.owner for c in load_contracts(settings.project).values()}
    with open_ledger(settings).connect() as connection:
        found = module.quarantined(connection, owners, datetime.now(UTC))
        reasons = {one.table: module.reasons(settings, connection, one.table) for one in found}
    if json:
        cli_output.as_json(
            [cli_output.plain(one) | {"reasons": reasons[one.table]} for one in found]
        )
        return
    if found:
        cli_output.table(
            ["table", "rows", "dates", "first", "last", "oldest (days)", "owner", "reasons"],
            [(q.table, q.rows, q.dates, q.first, q.last, q.age_days, q.owner,
              "\n".join(f"{reason} ({n})" for reason, n in reasons[q.table].most_common()))
             for q in found],
        )  # fmt: skip
    typer.echo(f"quarantined rows: {sum(one.rows for one in found)}")


def show(
    feed: str = FEED,
    date: str = DATE,
    reason: str = typer.Option("", help="Only rows with this reason, as `list` prints it."),
    limit: int = typer.Option(20, min=1, help="Print at most so many rows."),
    json: bool = JSON,
) -> None:
    """Quarantined rows with reason, file and number; their text where the feed has no PII."""
    from countinghouse.ledger import open_ledger
    from countinghouse.questions import quarantined as module

    settings, table = load(), module.table_of(feed)
    date = date and names.date(date)
    with open_ledger(settings).connect() as connection:
        by_date = module.dates(connection, table)
        found = module.rows(settings, connection, table, dt=date, reason=reason, limit=limit)
    if json:
        cli_output.as_json(found)
        return
    if found:
        cli_output.table(
            ["dt", "reason", "file", "row", "delivery", "as delivered"],
            [(r.dt, r.reason, r.file, r.row_number, r.delivery, _shown(r.raw)) for r in found],
        )
    total = sum(rows for dt, rows in by_date.items() if date in (None, dt))
    of = "" if reason else f" of {total}"
    typer.echo(f"{len(found)}{of} rows of {table}")


def replay(feed: str = FEED, date: str = DATE) -> None:
    """Land the archived bytes of dates with quarantined rows under the contract as it is now."""
    from countinghouse.runs import replay as module

    show_progress()
    settings = load()
    contract = _contract(settings, feed)
    report, found = module.replay(
        settings, contract, date and names.date(date), run_id=new_run_id()
    )
    cli_output.table(
        ["dt", "landed before", "now", "quarantined before", "now"],
        [(r.dt, r.before.landed, r.after.landed, r.before.quarantined, r.after.quarantined)
         for r in found],
    )  # fmt: skip
    typer.echo(report.summary())
    if any(r.before.landed != r.after.landed for r in found):
        typer.echo("bring what reads it up to date: countinghouse build all")
    if report.failed:
        raise typer.Exit(1)


def _shown(raw: str | None) -> str:
    """The text without its line end; what a terminal would obey is escaped."""
    return names.printable((raw or "").rstrip("\r\n"))


def _contract(settings: Settings, word: str) -> "Contract":
    from countinghouse.contracts import load_contracts
    from countinghouse.questions import quarantined as module

    table = module.table_of(word)
    for contract in load_contracts(settings.project).values():
        if contract.feed.quarantine == table:
            return contract
    raise CountinghouseError(
        f"no feed {word!r} is declared", remedy="countinghouse quarantine list names them"
    )


def register(app: typer.Typer) -> None:
    """Add these commands to the command line as `quarantine ...`."""
    quarantine = typer.Typer(no_args_is_help=True, help="Rows that broke their contract.")
    quarantine.command("list")(list_)
    quarantine.command()(show)
    quarantine.command()(replay)
    app.add_typer(quarantine, name="quarantine")
