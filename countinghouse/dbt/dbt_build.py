"""dbt in this process: the models of a plan in their branch, unit tests, documentation."""

import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from countinghouse import names
from countinghouse.contracts import load_contracts
from countinghouse.dbt.dbt_failures import failing_dates, sample
from countinghouse.dbt.dbt_graph import load_graph, personal_columns
from countinghouse.dbt.dbt_manifest import invoke, packed_manifest
from countinghouse.dbt.dbt_session import raise_if_closed, statements_in
from countinghouse.errors import CountinghouseError
from countinghouse.landing.columns import raw_columns
from countinghouse.planning.model_graph import Model, Shape
from countinghouse.publishing import branch as branches
from countinghouse.settings import Settings

_THREADS = 2


@dataclass(frozen=True)
class NodeResult:
    """What became of a model or test.

    `status` is dbt's, or `not_run` for a test whose relations are not in the branch. `failed_dts`
    are the dates that a failing test names; None when its rows have no date.
    """

    name: str
    kind: str
    status: str
    failures: int = 0
    message: str = ""
    attached_model: str = ""
    failed_dts: tuple[str, ...] | None = None
    # Up to three of the rows that a failing test returns, personal values masked
    sample: str = ""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Built or passed; a warning is no failure."""
        return self.status in ("success", "pass", "warn")


def run_models(
    settings: Settings,
    *,
    branch: str,
    attempt_root: Path,
    session_id: str,
    select: Iterable[str],
    pins: Mapping[str, Mapping[str, Path]],
) -> list[NodeResult]:
    """Build the selected models (`schema.table`) in the branch, each before its tests.

    A model that is built shows its published partitions of `pins` as well. A failing test skips
    what depends on its model. Every statement runs in the session; raises Fenced when that was
    closed meanwhile.
    """
    models = {model.name: model for model in load_graph(settings).models}
    chosen = set(select)
    for name in sorted(chosen - models.keys()):
        raise CountinghouseError(f"no model {name}", remedy="countinghouse lineage")
    selected = {models[name].table for name in chosen}
    with statements_in(settings, session_id) as session:
        known = {row.tableName for row in session.sql(f"show tables in {branch}").collect()}
        manifest = _unpacked(settings)
        _move(manifest, branch, attempt_root, pins)
        by_id = {model.unique_id: model for model in models.values()}
        not_run = _keep_tests(manifest, by_id, selected, known | selected)
        words = ["build", "--select", *sorted(selected), f"--threads={_THREADS}"]
        results = _invoke(settings, session, words, manifest)
        return [*_described(settings, session, branch, results), *not_run]


def run_unit_tests(
    settings: Settings, *, session_id: str, scratch: Path, select: Iterable[str] = ()
) -> list[NodeResult]:
    """Run the project's unit tests, or those of some models, in a branch without any rows."""
    schema = branches.branch_schema(f"unit_{session_id}")
    selected = [names.table(name).partition(".")[2] for name in select]
    with statements_in(settings, session_id) as session:
        models = load_graph(settings).models
        contracts = load_contracts(settings.project).values()
        branches.create(
            session,
            schema=schema,
            attempt_root=scratch,
            run_dates={},
            pins={},
            columns={model.name: model.columns for model in models}
            | {f"{m.name}__previous": m.columns for m in models if m.shape is Shape.HISTORY}
            | {contract.feed.raw: raw_columns(contract) for contract in contracts},
        )
        try:
            manifest = _unpacked(settings)
            _move(manifest, schema, scratch, pins={})
            words = ["test", "--select", *(selected or ["*"]), "--resource-type=unit_test"]
            results = _invoke(settings, session, [*words, f"--threads={_THREADS}"], manifest)
            return list(_described(settings, session, schema, results))
        finally:
            branches.drop(session, schema)


def generate_docs(settings: Settings, *, session_id: str) -> Path:
    """Write the documentation of the published tables as one page; returns its file."""
    page = settings.home / "docs" / "dbt" / "index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    with statements_in(settings, session_id), _scratch(settings) as target:
        result = invoke(settings, ["docs", "generate", "--static"], target)
        if not result.success:
            raise CountinghouseError(f"dbt docs failed: {result.exception}")
        fresh = page.with_suffix(".new")
        shutil.move(target / "static_index.html", fresh)
        fresh.replace(page)
    return page


@contextmanager
def _scratch(settings: Settings) -> Iterator[Path]:
    settings.run.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.run, prefix="dbt-") as folder:
        yield Path(folder)


def _unpacked(settings: Settings) -> Any:
    packed = packed_manifest(settings)
    from dbt.contracts.graph.manifest import Manifest
    from dbt.parser.manifest import extended_mashumuro_decoder

    return Manifest.from_msgpack(packed, decoder=extended_mashumuro_decoder)


def _move(
    manifest: Any, branch: str, attempt_root: Path, pins: Mapping[str, Mapping[str, Path]]
) -> None:
    """Move every relation of the manifest from its published schema into the branch."""
    for node in manifest.nodes.values():
        if node.resource_type == "model":
            pinned = pins.get(f"{node.schema}.{node.alias}", {})
            node.config["pins"] = {dt: str(place) for dt, place in pinned.items()}
            node.schema, node.relation_name = branch, f"{branch}.{node.alias}"
            node.config["attempt_root"] = str(attempt_root)
    for source in manifest.sources.values():
        source.schema, source.relation_name = branch, f"{branch}.{source.identifier}"


def _keep_tests(
    manifest: Any,
    models: Mapping[str, Model],
    selected: Collection[str],
    known: Collection[str],
) -> list[NodeResult]:
    """Take out the tests of other models, and those that read what is not in the branch."""
    manifest.unit_tests.clear()
    not_run = []
    for key, test in list(manifest.nodes.items()):
        if test.resource_type != "test":
            continue
        reads = {_table(manifest, parent) for parent in test.depends_on_nodes}
        missing, model = sorted(reads.difference(known)), models.get(test.attached_node)
        if missing or reads.isdisjoint(selected):
            del manifest.nodes[key]
        if missing and model and model.table in selected:
            message = f"not in the branch: {', '.join(missing)}"
            not_run.append(
                NodeResult(test.name, "test", "not_run", 0, message, attached_model=model.name)
            )
        if model and model.shape is Shape.DAILY:
            test.config["daily_model"] = model.table
    return not_run


def _table(manifest: Any, key: str) -> str:
    node = manifest.nodes.get(key)
    return str(node.alias if node else manifest.sources[key].identifier)


def _invoke(settings: Settings, session: Any, words: list[str], manifest: Any) -> list[Any]:
    with _scratch(settings) as target:
        # Half a second a run for files that are read by nobody: the results are returned.
        done = invoke(settings, [*words, "--no-write-json"], target, manifest=manifest)
    if done.exception and not isinstance(done.exception, Exception):
        # dbt catches even the signals that end a task.
        raise done.exception
    if done.result is None:
        raise_if_closed(session)
        raise CountinghouseError(f"dbt did not run: {done.exception}")
    results = [r for r in done.result.results if r.node.resource_type != "operation"]
    if any(result.status == "error" for result in results):
        raise_if_closed(session)
    return results


def _described(
    settings: Settings, session: Any, branch: str, results: Iterable[Any]
) -> Iterator[NodeResult]:
    published = {model.unique_id: model.name for model in load_graph(settings).models}
    pii, closed = personal_columns(settings), _closed(settings)
    for result in results:
        node = result.node
        attached = published.get(getattr(node, "attached_node", None) or "", "")
        found = NodeResult(
            name=published.get(node.unique_id, node.name),
            kind=str(node.resource_type),
            status=str(result.status),
            failures=result.failures or 0,
            message=" ".join(str(result.message or "").split()),
            attached_model=attached,
            seconds=result.execution_time,
        )
        if found.kind == "test" and found.status in ("fail", "warn"):
            dates = failing_dates(session, node.compiled_code, branch, attached)
            rows = "" if attached in closed else sample(session, node.compiled_code, pii)
            message = f"{attached}: {node.name}: {found.failures} rows"
            found = replace(found, failed_dts=dates, message=message, sample=rows)
        yield found


def _closed(settings: Settings) -> frozenset[str]:
    """Models that read a feed whose rows no message may show at all."""
    contracts = load_contracts(settings.project).values()
    private = {c.feed.raw for c in contracts if not c.keeps_raw_text}
    models = load_graph(settings).models
    return frozenset(m.name for m in models if any(edge.parent in private for edge in m.edges))
