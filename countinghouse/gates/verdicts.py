"""What dbt's tests say of each partition that a run has built."""

from collections.abc import Iterable, Sequence
from typing import Any

from countinghouse.dbt.dbt_build import NodeResult
from countinghouse.planning.model_graph import Graph, Shape
from countinghouse.planning.planner import Input, Partition, Plan
from countinghouse.publishing.publication import Batch, Verdict
from countinghouse.runs.report import Blocked

# Inputs that stand for many partitions of their table.
_WHOLE_TABLE = ("chain", "as_of")


def judge(
    batch: Batch, results: Sequence[NodeResult], graph: Graph
) -> tuple[dict[Partition, Verdict], list[Blocked]]:
    """Verdict per built partition: its own tests, and that nothing it read is blocked."""
    found: dict[Partition, Verdict] = {}
    blocked: list[Blocked] = []
    stopped: set[Partition] = set()
    for version in batch.versions:
        partition = (version.table, version.dt)
        tests = [r for r in results if r.kind == "test" and r.attached_model == version.table]
        # The parts of a dimension are one state: all pass or none.
        whole = graph.by_name[version.table].shape is Shape.HISTORY
        failures = [t for t in tests if not t.ok and (whole or _names(t, version.dt))]
        broken = [i for i in version.inputs if _reads_stopped(i, stopped)]
        if failures or broken:
            stopped.add(partition)
        blocked += [Blocked(*partition, t.name, t.failures, t.message, t.sample) for t in failures]
        found[partition] = Verdict(
            passed=not failures and not broken,
            results=[_gate_result(t, version.dt) for t in tests],
            failures=[f"{t.name}: {t.failures} rows. {t.message}" for t in failures]
            + [f"reads {i.table} {i.dt}, which is blocked" for i in broken],
        )
    return found, blocked


def unbuilt(results: Iterable[NodeResult], plan: Plan) -> list[Blocked]:
    """Models that failed to build; which of their dates is to blame is not known."""
    found = []
    for result in results:
        if result.kind == "model" and result.status == "error":
            dts = plan.builds[result.name]
            span = f"{dts[0]}..{dts[-1]}"
            found.append(Blocked(result.name, span, "builds", 0, result.message))
    return found


def _reads_stopped(item: Input, stopped: set[Partition]) -> bool:
    return any(
        table == item.table and (dt == item.dt or item.role in _WHOLE_TABLE)
        for table, dt in stopped
    )


def _names(test: NodeResult, dt: str) -> bool:
    """Whether a test that found something found it, for all that is known, on that date."""
    return test.failed_dts is None or dt in test.failed_dts


def _gate_result(test: NodeResult, dt: str) -> dict[str, Any]:
    return {
        "gate": "dbt",
        "rule": test.name,
        "severity": "warn" if test.status == "warn" else "block",
        "passed": test.status == "pass"
        or (test.status in ("fail", "warn") and not _names(test, dt)),
        "observed": {
            "failures": test.failures,
            "message": test.message[:500],
            **({"sample": test.sample[:500]} if test.sample else {}),
        },
    }
