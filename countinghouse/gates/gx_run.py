"""Great Expectations on a frame of the engine: rules in, counts out, never a value of a row."""

import functools
import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

# Read when Great Expectations is imported, which is why it is imported inside functions.
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
Expectation = Any
_COUNTS = ("element_count", "unexpected_count", "missing_count", "observed_value")
_HOLDS = {"result_format": "BOOLEAN_ONLY"}
# Values of rows may be personal: counts are enough, quarantine and raw hold the rows.
_COUNTED = {"result_format": "BASIC", "partial_unexpected_count": 0}
_QUOTED = re.compile(r"'[^']*'")
_NUMBERS = (bool, int, float, type(None))
# Rules that hold for a batch exactly when they hold for each of its dates.
_BY_ROW = ("ColumnMapExpectation", "ColumnPairMapExpectation", "MulticolumnMapExpectation")


@dataclass(frozen=True)
class Outcome:
    """What came of one rule; `error` says why it could not be evaluated."""

    rule: str
    passed: bool
    observed: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""


def evaluate(frame: Any, rules: Sequence[Expectation], *, counted: bool = True) -> list[Outcome]:
    """Evaluate each rule on a frame, in their order. A rule without a result has not passed.

    Without `counted` a rule that is broken row by row does not say by how many.
    """
    numbered = dict(enumerate(rules))
    # Whether rules hold for all rows takes one query; what breaks them, one query for each.
    found = _validated(frame, {n: r for n, r in numbered.items() if holds_by_row(r)}, _HOLDS)
    known = {n for n, result in found.items() if result.success or not counted}
    found |= _validated(frame, {n: r for n, r in numbered.items() if n not in known}, _COUNTED)
    return [_outcome(rule, found.get(n)) for n, rule in numbered.items()]


def holds_by_row(rule: Expectation) -> bool:
    """Whether a batch passes exactly when each of its rows does."""
    names = {base.__name__ for base in type(rule).__mro__}
    return bool(names & set(_BY_ROW)) and float(getattr(rule, "mostly", 1)) == 1


def describe(rule: Expectation) -> str:
    """The rule as a sentence of its own, or by its name and columns."""
    if rule.description:
        return str(rule.description)
    columns = [
        str(value)
        for key in ("column", "column_A", "column_B", "column_list")
        if (value := getattr(rule, key, None))
    ]
    return f"{rule.expectation_type} {' '.join(columns)}".strip()


def _validated(
    frame: Any, rules: Mapping[int, Expectation], result_format: Mapping[str, Any]
) -> dict[int, Any]:
    import great_expectations as gx

    if not rules:
        return {}
    suite = gx.ExpectationSuite(name="rules")
    for n, rule in rules.items():
        # The same rule may stand in two suites: the number tells their results apart.
        copy = rule.copy(deep=True)
        copy.id, copy.meta = None, {"rule": str(n)}
        suite.expectations.append(copy)
    with _engine_of(frame):
        asset = _context().data_sources.add_or_update_spark("engine", persist=False)
        batches = asset.add_dataframe_asset("batch").add_batch_definition_whole_dataframe("whole")
        batch = batches.get_batch({"dataframe": frame})
        result = batch.validate(suite, result_format=dict(result_format))
    return {
        int(each.expectation_config.meta["rule"]): each
        for each in result.results
        if each.expectation_config is not None
    }


def _outcome(rule: Expectation, result: Any) -> Outcome:
    name = describe(rule)
    if result is None:
        return Outcome(name, False, error="was not evaluated")
    error = _exception(result.exception_info)
    said = result.result or {}
    observed = {key: said[key] for key in _COUNTS if isinstance(said.get(key, ""), _NUMBERS)}
    return Outcome(name, bool(result.success) and not error, observed, error)


def _exception(info: Any) -> str:
    """What an evaluation raised, without quoted texts: they may be values of rows."""
    if not info:
        return ""
    nested = [info] if "raised_exception" in info else list(info.values())
    for each in nested:
        if each.get("raised_exception"):
            message = _QUOTED.sub("'...'", str(each.get("exception_message")))
            return f"could not be evaluated: {message[:200]}"
    return ""


def new_context() -> Any:
    """A context of its own, in memory and silent."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    # They tell of every temporary folder; their import has set levels of their own.
    for name in ("great_expectations", ProgressBarsConfig.__module__):
        logging.getLogger(name).setLevel(logging.WARNING)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


@functools.cache
def _context() -> Any:
    return new_context()


@contextmanager
def _engine_of(frame: Any) -> Iterator[None]:
    """Have it use the frame's session; left alone it may start a Spark of its own."""
    from great_expectations.execution_engine import SparkDFExecutionEngine as Engine

    stock = Engine.__dict__["get_or_create_spark_session"]
    Engine.get_or_create_spark_session = staticmethod(lambda spark_config=None: frame.sparkSession)
    try:
        yield
    finally:
        Engine.get_or_create_spark_session = stock
