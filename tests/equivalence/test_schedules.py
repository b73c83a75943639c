"""Schedules over the real models end as clean rebuilds, and a model that cheats is found."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from equivalence.duck_models import DuckModels
from equivalence.equal import end_as_one_rebuild
from equivalence.in_memory import InMemory
from equivalence.runs import in_memory, real_models
from equivalence.steps import Build, Deliver, Step
from models.duck import PROJECT

from countinghouse.dbt.dbt_graph import load_graph
from countinghouse.planning.model_graph import Edge, Graph, Reads
from countinghouse.settings import Settings

ITEMS, DAY, NEXT = "shop.order_items", "2026-02-01", "2026-02-02"
TEA = ("o1", "1", "tea", "2", "3.00", "0.00", "0.00", "EUR", f"{DAY} 10:00:00")
RICE = ("o1", "1", "rice", "2", "3.00", "0.00", "0.00", "EUR", f"{DAY} 10:00:00")
OTHER = ("o2", "1", "tea", "2", "3.00", "0.00", "0.00", "EUR", f"{NEXT} 10:00:00")

# As `rpt_sales_daily`, but for the number of lines.
COUNTED = """
    select
        source_system, department, currency, order_count, cast({lines} as bigint) as line_count,
        list_value, loyalty_discount, coupon_match_discount, manufacturer_discount, sales_value,
        customer_paid, dt
    from {{{{ ref('rpt_sales_daily') }}}}
    where dt in (select dt from {{{{ run_dates() }}}})
"""
CHEATS = {
    "all that is there": "(select sum(line_count) from {{ ref('rpt_sales_daily') }})",
    "the clock": "epoch_us(get_current_timestamp())",
}


@pytest.fixture(scope="module")
def models(settings: Settings) -> DuckModels:
    return real_models(settings)


def test_five_schedules_over_the_real_models_end_as_one_clean_rebuild(models: DuckModels) -> None:
    report = in_memory(models, 5, start=0)

    assert not report.difference, str(report)
    assert report.equal == 5
    assert report.partitions > 50


@pytest.mark.parametrize(
    "corrected",
    [
        pytest.param([Deliver(ITEMS, DAY, (TEA,), 1)], id="the first sequence loses a row"),
        pytest.param(
            [Deliver(ITEMS, DAY, (RICE,), 1), Deliver(ITEMS, DAY, (TEA,), 2)],
            id="sequences change places",
        ),
        pytest.param([Deliver(ITEMS, DAY, (OTHER, TEA), 1)], id="another order of rows"),
    ],
)
def test_corrected_sequences_of_a_day_end_as_one_clean_rebuild(
    models: DuckModels, corrected: list[Step]
) -> None:
    first = [Deliver(ITEMS, DAY, (TEA, OTHER), 1), Deliver(ITEMS, DAY, (RICE,), 2)]

    assert end_as_one_rebuild(InMemory(models), [*first, Build(), *corrected, Build()])


@pytest.mark.parametrize("read", CHEATS)
def test_a_model_that_reads_what_no_plan_records_is_found(settings: Settings, read: str) -> None:
    graph = load_graph(settings)
    honest = graph.by_name["marts.rpt_sales_daily"]
    edges = (Edge(honest.name, Reads.SAME),)
    cheating = replace(honest, name="marts.rpt_cheating", edges=edges)
    text = COUNTED.format(lines=CHEATS[read])

    told = found(Graph((*graph.models, cheating)), settings, {"rpt_cheating": text})

    assert "partitions differ from a clean rebuild" in told
    assert "  marts.rpt_cheating 2026-0" in told
    assert "only in the schedule: ('shop', " in told
    assert "deliver shop.order_items" in told.splitlines()[0]


def test_a_history_that_forgets_is_found(settings: Settings) -> None:
    text = next(PROJECT.glob("models/**/dim_products.sql")).read_text()
    forgetful = text.replace("from previous\n\n", "from previous where false\n\n")
    assert forgetful != text

    told = found(load_graph(settings), settings, {"dim_products": forgetful})

    assert "  marts.dim_products " in told
    assert "only in the rebuild:  ('" in told


def test_the_command_follows_schedules_and_counts(settings: Settings) -> None:
    """In full: `countinghouse verify equivalence`."""
    words = ["verify", "equivalence", "--schedules", "2", "--seed", "7"]
    words += ["--engine", "0", "--airflow", "0"]
    done = subprocess.run(
        [sys.executable, "-m", "countinghouse.cli", *words], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "equivalence: 2 of 2 schedules equal to a clean rebuild | steps " in done.stdout


def found(graph: Graph, settings: Settings, texts: Mapping[str, str]) -> str:
    """What is told of the schedule that finds it."""
    feeds: Sequence[str] = (ITEMS, "shop.products")
    report = in_memory(real_models(settings, feeds, graph=graph, texts=texts), 50, start=0)
    assert report.equal < 50
    return report.difference
