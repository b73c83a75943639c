"""Gates: a date becomes visible only if every rule was evaluated and no blocking one failed.

The contract gives a default suite; a module `expectations/<schema>/<table>.py` adds to it.
"""

import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from countinghouse import names
from countinghouse.contracts import Contract
from countinghouse.currencies import EXPONENTS
from countinghouse.errors import CountinghouseError
from countinghouse.gates import gx_run
from countinghouse.gates.gx_run import Expectation, Outcome
from countinghouse.landing.columns import raw_columns
from countinghouse.landing.result import LandedBatch, LandedDate
from countinghouse.publishing.publication import Verdict

BLOCK, WARN = "block", "warn"
DELIVERY_ACCEPTED = "delivery accepted"
_ROWS = "as many rows as landed"


@dataclass(frozen=True)
class Suite:
    """The rules of a table: `block` keeps a date invisible, `warn` only tells."""

    table: str
    block: tuple[Expectation, ...]
    warn: tuple[Expectation, ...] = ()

    def __add__(self, other: "Suite") -> "Suite":
        return Suite(self.table, self.block + other.block, self.warn + other.warn)


@dataclass(frozen=True)
class GateResult:
    """What came of one rule for one date, or for `first..last` of a batch when all passed."""

    dt: str
    gate: str
    rule: str
    severity: str
    passed: bool
    observed: Mapping[str, Any]

    def row(self) -> dict[str, Any]:
        """Columns of `ops.gate_results` but for the attempt and the table."""
        return dict(vars(self)) | {"observed": dict(self.observed)}

    def __str__(self) -> str:
        counts = ", ".join(f"{key} {value}" for key, value in self.observed.items())
        return f"{self.rule} ({counts})" if counts else self.rule


def default_suite(contract: Contract) -> Suite:
    """What the contract alone promises of every row of the feed's raw table."""
    import great_expectations.expectations as gxe

    required = [*contract.keys, *(c.name for c in contract.columns if not c.nullable)]
    rules: list[Expectation] = [
        gxe.ExpectColumnValuesToNotBeNull(column=name, description=f"{name} is there")
        for name in dict.fromkeys([*required, "_business_date", "_delivery", "_row_number"])
    ]
    codes = {column.name: list(column.allowed) for column in contract.columns if column.allowed}
    codes |= {
        money.currency_column: list(EXPONENTS)
        for money in contract.money
        if money.currency_column and money.currency_column not in codes and money.exponent is None
    }
    rules += [
        gxe.ExpectColumnValuesToBeInSet(
            column=name, value_set=values, description=f"{name} is a declared value"
        )
        for name, values in codes.items()
        if contract.column(name).parsed.name == "string"
    ]
    return Suite(contract.feed.raw, tuple(rules))


def declared_suite(project: Path, table: str) -> Suite:
    """The rules of `expectations/<schema>/<table>.py` in the project; none without that file."""
    schema, _, name = names.table(table).partition(".")
    path = project / "expectations" / schema / f"{name}.py"
    if not path.is_file():
        return Suite(table, ())
    spec = importlib.util.spec_from_file_location(f"expectations.{schema}.{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = {key: value for key, value in vars(module).items() if key in ("TABLE", "BLOCK", "WARN")}
    if set(found) != {"TABLE", "BLOCK", "WARN"} or found["TABLE"] != table:
        raise CountinghouseError(
            f"{path}: needs TABLE = {table!r}, BLOCK and WARN",
            remedy="see an existing module of expectations/",
        )
    return Suite(table, tuple(found["BLOCK"]), tuple(found["WARN"]))


def run_suite(
    frame: Any, suite: Suite, dts: Sequence[str], *, expected_rows: Mapping[str, int]
) -> dict[str, Verdict]:
    """The verdict on each date of a frame (`all`: a table without partitions).

    `expected_rows` says how many rows each date must have; one without its number fails, as do a
    suite without rules and a rule that could not be evaluated.
    """
    results: dict[str, list[GateResult]] = {dt: [] for dt in dts}
    if not suite.block:
        for dt in dts:
            results[dt].append(GateResult(dt, "gx", "the suite has rules", BLOCK, False, {}))
    for dt, result in _count_rows(frame, dts, expected_rows):
        results[dt].append(result)
    # Rules say nothing about no rows; without any, Great Expectations passes them all.
    filled = [dt for dt in dts if expected_rows.get(dt)]
    for severity, rules in ((BLOCK, suite.block), (WARN, suite.warn)):
        for dt, result in _evaluate(frame, rules, filled, severity):
            results[dt].append(result)
    return {dt: _verdict(found) for dt, found in results.items()}


def audit_raw(
    session: Any,
    contract: Contract,
    batch: LandedBatch,
    attempt_root: Path,
    *,
    project: Path | None = None,
) -> dict[tuple[str, str], Verdict]:
    """The verdict on the raw and the quarantine partition of every landed date."""
    if not batch.landed:
        return {}
    table = contract.feed.raw
    suite = default_suite(contract) + declared_suite(project or _project(contract), table)
    schema = ", ".join(f"`{column.name}` {column.type}" for column in raw_columns(contract))
    frame = session.read.schema(schema).parquet(str(attempt_root / table))
    expected = {dt: batch.dates[dt].raw.rows for dt in batch.landed}
    verdicts = run_suite(frame, suite, batch.landed, expected_rows=expected)
    found: dict[tuple[str, str], Verdict] = {}
    for dt, verdict in verdicts.items():
        landing = [result.row() for result in landing_results(contract, batch.dates[dt])]
        results = [*landing, *verdict.results]
        found[table, dt] = Verdict(verdict.passed, results, verdict.failures)
        # What could not land is told together with what could.
        found[contract.feed.quarantine, dt] = Verdict(verdict.passed, (), verdict.failures)
    return found


def landing_results(contract: Contract, landed: LandedDate) -> list[GateResult]:
    """What landing itself has checked; a date that fails a blocking one of them was refused."""
    bad = sum(landed.quarantined.values())
    figures = {"rows_in": landed.rows_in, "landed": landed.raw.rows, "quarantined": bad}

    def result(rule: str, severity: str, passed: bool, observed: Mapping[str, Any]) -> GateResult:
        return GateResult(landed.dt, "landing", rule, severity, passed, observed)

    share = f"at most {contract.refuse_above:.2%} of the rows are bad"
    return [
        result("rows and money in = landed + quarantined", BLOCK, not landed.refused, figures),
        result(share, BLOCK, not landed.refused, figures | landed.quarantined),
        result("no undeclared columns", WARN, not landed.undeclared, {"n": len(landed.undeclared)}),
        result("no rounded values", WARN, not landed.rounded, landed.rounded),
    ]


def refusal(dt: str, reason: str) -> GateResult:
    """The result of a delivery that was refused; `reason` holds counts, no value of a row."""
    return GateResult(dt, "landing", DELIVERY_ACCEPTED, BLOCK, False, {"reason": reason})


def _project(contract: Contract) -> Path:
    for folder in contract.path.resolve().parents:
        if folder.name == "dbt_project":
            return folder.parent
    return contract.path.parent


def _count_rows(
    frame: Any, dts: Sequence[str], expected: Mapping[str, int]
) -> Iterable[tuple[str, GateResult]]:
    if list(dts) == [names.WHOLE]:
        counts = {names.WHOLE: frame.count()}
    else:
        counts = {row["dt"]: row["count"] for row in frame.groupBy("dt").count().collect()}
    for dt in dts:
        rows, wanted = counts.get(dt, 0), expected.get(dt)
        observed = {"rows": rows, "expected": wanted}
        yield dt, GateResult(dt, "gx", _ROWS, BLOCK, rows == wanted, observed)


def _evaluate(
    frame: Any, rules: Sequence[Expectation], dts: Sequence[str], severity: str
) -> Iterable[tuple[str, GateResult]]:
    """Rules that hold row by row are tried on all dates at once, the others date by date.

    A share or an average of a batch would depend on which dates happen to be built together.
    """
    by_row = [rule for rule in rules if gx_run.holds_by_row(rule)]
    by_date = [rule for rule in rules if not gx_run.holds_by_row(rule)]
    yield from _halved(frame, by_row, dts, severity)
    for dt in dts:
        for outcome in gx_run.evaluate(_of_dates(frame, [dt]), by_date):
            yield dt, _result(dt, outcome, severity)


def _halved(
    frame: Any, rules: Sequence[Expectation], dts: Sequence[str], severity: str
) -> Iterable[tuple[str, GateResult]]:
    if not rules or not dts:
        return
    outcomes = gx_run.evaluate(_of_dates(frame, dts), rules, counted=len(dts) == 1)
    span = dts[0] if len(dts) == 1 else f"{min(dts)}..{max(dts)}"
    failed = []
    for rule, outcome in zip(rules, outcomes, strict=True):
        # What cannot be evaluated fails for every date; looking closer would not tell more.
        if outcome.passed or outcome.error or len(dts) == 1:
            for dt in dts:
                yield dt, _result(span, outcome, severity)
        else:
            failed.append(rule)
    middle = len(dts) // 2
    if failed:
        yield from _halved(frame, failed, dts[:middle], severity)
        yield from _halved(frame, failed, dts[middle:], severity)


def _of_dates(frame: Any, dts: Sequence[str]) -> Any:
    return frame if list(dts) == [names.WHOLE] else frame.where(frame["dt"].isin(list(dts)))


def _result(span: str, outcome: Outcome, severity: str) -> GateResult:
    observed = dict(outcome.observed)
    if outcome.error:
        observed["error"] = outcome.error
    return GateResult(span, "gx", outcome.rule, severity, outcome.passed, observed)


def _verdict(results: Sequence[GateResult]) -> Verdict:
    failures = [str(r) for r in results if r.severity == BLOCK and not r.passed]
    return Verdict(not failures, [r.row() for r in results], failures)
