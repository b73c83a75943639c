"""The planner's graph of a project."""

import copy
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from countinghouse.dbt.dbt_graph import graph_of, load_checks, load_graph
from countinghouse.dbt.dbt_manifest import load_manifest
from countinghouse.errors import ContractError
from countinghouse.planning import planner
from countinghouse.planning.model_graph import Column, Edge, Model, Reads, Shape
from countinghouse.planning.planner import Plan
from countinghouse.runs.build import build

STG = "model.countinghouse.stg_shop__orders"
TRAILING = "model.countinghouse.rpt_trailing"
TOTAL = "model.countinghouse.rpt_total"
CHECKED = "model.countinghouse.fct_checked"
ORDERS = "source.countinghouse.shop.orders"


@pytest.fixture
def manifest(small: Any) -> Any:
    return copy.deepcopy(load_manifest(small))


def models(manifest: Any) -> dict[str, Model]:
    return {model.table: model for model in graph_of(manifest).models}


def test_parents_come_before_children(small: Any) -> None:
    order = [model.name for model in load_graph(small).models]

    assert order.index("staging.stg_shop__orders") < order.index("marts.rpt_trailing")


def test_a_model_has_the_columns_of_its_contract(manifest: Any) -> None:
    model = models(manifest)["stg_shop__orders"]

    assert model.columns[0] == Column("order_id", "bigint", "The shop's number of the order.")
    assert model.columns[-1].name == "dt"
    assert model.money == {"amount_minor": "currency"}
    assert (model.folder, model.layer, model.comment[:6]) == ("shop", "staging", "Orders")


def test_where_a_row_came_from_is_no_part_of_the_content(manifest: Any) -> None:
    before = models(manifest)["stg_shop__orders"]
    manifest["nodes"][STG]["columns"]["order_id"]["config"]["meta"]["place"] = True
    model = models(manifest)["stg_shop__orders"]

    assert [c.name for c in before.columns if c not in before.content] == ["dt"]
    assert [c.name for c in model.columns if c not in model.content] == ["order_id", "dt"]


@pytest.mark.parametrize(
    ("kind", "daily", "whole"),
    [
        ("event", Reads.SLICES, Reads.WHOLE),
        ("cumulative", Reads.SLICES, Reads.WHOLE),
        ("full_snapshot", Reads.CHANGES, Reads.LATEST),
    ],
)
def test_a_feed_is_read_by_its_kind(manifest: Any, kind: str, daily: Reads, whole: Reads) -> None:
    manifest["sources"][ORDERS]["config"]["meta"]["landing"]["kind"] = kind
    assert models(manifest)["stg_shop__orders"].edges == (Edge("raw.shop__orders", daily),)

    node = manifest["nodes"][STG]
    node["config"]["partition_by"] = []
    del node["columns"]["dt"]
    del manifest["nodes"][TRAILING]
    assert models(manifest)["stg_shop__orders"].edges == (Edge("raw.shop__orders", whole),)


def test_a_window_is_the_longest_history_that_is_asked_for(manifest: Any) -> None:
    read = "{{ history('stg_shop__orders', %d) }}"
    manifest["nodes"][TRAILING]["raw_code"] = (
        f"{read % 2} {read % 28} {read % 6} {{{{ ref('stg_shop__orders') }}}}"
    )

    edges = models(manifest)["rpt_trailing"].edges

    assert edges == (Edge("staging.stg_shop__orders", Reads.WINDOW, 28),)


def test_an_unpartitioned_model_reads_all_of_its_parents(manifest: Any) -> None:
    model = models(manifest)["rpt_total"]

    assert model.shape is Shape.WHOLE
    assert model.edges == (Edge("staging.stg_shop__orders", Reads.WHOLE),)


def as_history(manifest: Any) -> None:
    meta = manifest["nodes"][STG]["config"]["meta"]
    meta["history"] = {"changes": "stg_shop__orders__rejected"}
    manifest["nodes"][STG]["raw_code"] = "{{ ref('stg_shop__orders__rejected') }}"
    manifest["nodes"][STG]["depends_on"]["nodes"] = [f"{STG}__rejected"]
    for child in (TOTAL, CHECKED):
        manifest["nodes"][child]["raw_code"] = "{{ as_of('stg_shop__orders') }}"


def test_a_dimension_with_history_is_read_as_of_a_date(manifest: Any) -> None:
    as_history(manifest)
    manifest["nodes"][TRAILING]["raw_code"] = "{{ as_of('stg_shop__orders') }}"

    found = models(manifest)

    assert found["rpt_trailing"].edges == (Edge("staging.stg_shop__orders", Reads.AS_OF),)
    assert found["stg_shop__orders"].shape is Shape.HISTORY
    assert found["stg_shop__orders"].edges == (
        Edge("staging.stg_shop__orders__rejected", Reads.SAME),
    )


@pytest.mark.parametrize(
    ("read", "history"),
    [
        ("ref('stg_shop__orders')", True),
        ("history('stg_shop__orders', 2)", True),
        ("as_of('stg_shop__orders')", False),
        ("history('rpt_total', 2)", False),
    ],
)
def test_a_read_that_does_not_fit_its_parent_is_refused(
    manifest: Any, read: str, history: bool
) -> None:
    if history:
        as_history(manifest)
    manifest["nodes"][TRAILING]["raw_code"] = f"{{{{ {read} }}}}"
    manifest["nodes"][TRAILING]["depends_on"]["nodes"] = []

    with pytest.raises(ContractError, match=r"rpt_trailing\.sql: (ref|history|as_of)\("):
        graph_of(manifest)


def test_a_read_hidden_in_a_macro_is_refused(manifest: Any) -> None:
    manifest["nodes"][TRAILING]["depends_on"]["nodes"].append(f"{STG}__rejected")

    with pytest.raises(ContractError, match="through a macro"):
        graph_of(manifest)


def test_a_source_is_read_in_staging_only(manifest: Any) -> None:
    manifest["nodes"][TRAILING]["raw_code"] = "{{ source('shop', 'orders') }}"
    manifest["nodes"][TRAILING]["depends_on"]["nodes"] = []

    with pytest.raises(ContractError, match="outside of staging"):
        graph_of(manifest)


def drop_currency(node: Any) -> None:
    del node["columns"]["currency"]


def drop_type(node: Any) -> None:
    node["columns"]["email"]["data_type"] = None


def drop_dt(node: Any) -> None:
    del node["columns"]["dt"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop_currency, "amount_minor has no currency"),
        (drop_type, "email has no data_type"),
        (drop_dt, "does not end with dt"),
    ],
)
def test_a_contract_that_publication_cannot_keep_is_refused(
    manifest: Any, change: Callable[[Any], None], message: str
) -> None:
    change(manifest["nodes"][STG])

    with pytest.raises(ContractError, match=message):
        graph_of(manifest)


@pytest.mark.parametrize("kind", ["incremental", "view", "ephemeral", "materialized_view"])
def test_fault_21_a_model_that_would_not_be_written_to_a_new_directory_is_refused(
    manifest: Any, kind: str
) -> None:
    config = manifest["nodes"][TRAILING]["config"]
    config |= {"materialized": kind, "incremental_strategy": "insert_overwrite"}

    with pytest.raises(ContractError, match=rf"rpt_trailing\.sql: it is materialized as {kind}"):
        graph_of(manifest)


def test_fault_34_two_models_of_one_table_name_are_refused_in_whichever_schemas(
    manifest: Any,
) -> None:
    manifest["nodes"][TRAILING]["alias"] = "stg_shop__orders"

    with pytest.raises(ContractError, match=r"rpt_trailing\.sql: its alias is stg_shop__orders"):
        graph_of(manifest)


def test_only_what_decides_the_content_is_in_the_fingerprint(manifest: Any) -> None:
    before = models(manifest)["stg_shop__orders"].fingerprint

    node = manifest["nodes"][STG]
    node["description"] = "Another text."
    node["columns"]["email"]["description"] = "Another text."
    node["raw_code"] += "\n-- a comment\n"
    macro = manifest["macros"]["macro.countinghouse.add_pinned_partitions"]
    macro["macro_sql"] += "select 1"
    assert models(manifest)["stg_shop__orders"].fingerprint == before

    for change in (
        lambda: node.update(raw_code=node["raw_code"].replace("= 1", "= 2")),
        lambda: node["columns"]["email"].update(data_type="binary"),
        lambda: manifest["macros"]["macro.countinghouse.winner_rank"].update(macro_sql="1"),
    ):
        change()
        after = models(manifest)["stg_shop__orders"].fingerprint
        assert after != before
        before = after


def test_a_tests_relations_are_known_beside_those_of_its_model(small: Any) -> None:
    rejected = ("staging.stg_shop__orders__rejected",)

    assert load_checks(small) == {
        "staging.stg_shop__orders": rejected,
        "marts.fct_checked": rejected,
    }


def test_a_build_takes_along_what_its_tests_read(
    installation: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen: list[str] = []

    def plan(_: Any, __: Any, models: Iterable[Model], **___: Any) -> Plan:
        chosen.extend(model.name for model in models)
        return Plan({})

    monkeypatch.setattr(planner, "plan", plan)
    build(installation, ["stg_shop__order_items"], run_id="chosen")
    rejected = "staging.stg_shop__order_items__rejected"
    assert sorted(chosen) == ["staging.stg_shop__order_items", rejected]


def test_the_real_project_can_be_planned(settings: Any) -> None:
    graph = load_graph(settings)

    assert graph.by_name["marts.dim_products"].shape is Shape.HISTORY
    assert Edge("raw.completejourney__products", Reads.CHANGES) in (
        graph.by_name["staging.stg_completejourney__products"].edges
    )
    assert all(column.comment for model in graph.models for column in model.columns)
    assert all(model.comment for model in graph.models)
