"""A project of four models over one feed, with the real macros and configuration."""

import shutil
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from countinghouse import engine_session
from countinghouse.dbt import dbt_build
from countinghouse.dbt.dbt_graph import load_graph
from countinghouse.planning.model_graph import Column, Graph, Shape
from countinghouse.planning.pinning import RunDate
from countinghouse.publishing import branch

MODELS = Path(__file__).parent / "models"
RAW = tuple(
    Column(name, kind)
    for name, kind in {
        "order_id": "bigint",
        "amount": "decimal(18,2)",
        "email": "string",
        "ordered_at": "timestamp",
        "note": "string",
        "_business_date": "string",
        "_extra": "map<string,string>",
        "_delivery": "bigint",
        "_delivery_version": "int",
        "_delivery_sequence": "int",
        "_source_file": "string",
        "_row_number": "bigint",
        "dt": "string",
    }.items()
)


def with_project(settings: Any, root: Path) -> Any:
    """The settings with a copy of the small project under `root`, for a test to change."""
    shutil.copytree(settings.project / "dbt_project", root / "dbt_project", ignore=_no_models)
    shutil.copytree(MODELS, root / "dbt_project" / "models")
    return settings.model_copy(update={"project": root})


def _no_models(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if name in ("models", "target", "logs")}


@pytest.fixture(scope="session")
def small(settings: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return with_project(settings, tmp_path_factory.mktemp("project"))


@dataclass
class Attempt:
    """A branch with a session of its own, as a claim has them."""

    settings: Any
    session: Any
    session_id: str
    root: Path
    schema: str
    pins: Mapping[str, Mapping[str, Path]] = field(default_factory=dict)

    @property
    def graph(self) -> Graph:
        return load_graph(self.settings)

    def land(self, dt: str, rows: str) -> Path:
        """Write a raw partition; `rows` are SQL rows (order_id, amount, _row_number)."""
        folder = self.root / "raw.shop__orders" / f"dt={dt}"
        self.session.sql(
            "select cast(o as bigint) as order_id, cast(a as decimal(18,2)) as amount, "
            "'a@example.com' as email, timestamp '2026-01-01 10:00:00' as ordered_at, "
            f"'{dt}' as _business_date, map('k', 'v') as _extra, 1L as _delivery, "
            "1 as _delivery_version, 'orders.csv' as _source_file, "
            "cast(n as bigint) as _row_number "
            f"from values {rows} as t(o, a, n)"
        ).coalesce(1).write.parquet(str(folder))
        return folder

    def branch(
        self, dts: list[str], built: list[str], pins: Mapping[str, Mapping[str, Path]]
    ) -> None:
        shapes = {m.name: m.shape for m in self.graph.models}
        columns = {m.name: m.columns for m in self.graph.models} | {"raw.shop__orders": RAW}
        branch.create(
            self.session,
            schema=self.schema,
            attempt_root=self.root,
            run_dates={
                name: [RunDate("all" if shapes[name] is Shape.WHOLE else dt) for dt in dts]
                for name in built
            },
            pins=pins,
            columns={name: columns[name] for name in columns if name not in built},
        )
        self.pins = pins

    def run(self, *select: str) -> dict[str, dbt_build.NodeResult]:
        results = dbt_build.run_models(
            self.settings,
            branch=self.schema,
            attempt_root=self.root,
            session_id=self.session_id,
            select=select,
            pins=self.pins,
        )
        return {result.name: result for result in results}

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.session.sql(query.format(b=self.schema)).collect()]


@pytest.fixture
def attempt(installation: Any, small: Any, tmp_path: Path) -> Iterator[Attempt]:
    session_id = engine_session.new_session_id()
    session = engine_session.open_session(small, session_id)
    schema = branch.branch_schema(uuid.uuid4().hex[:12])
    yield Attempt(small, session, session_id, tmp_path, schema)
    other = engine_session.open_session(small)
    branch.drop(other, schema)
    other.stop()
