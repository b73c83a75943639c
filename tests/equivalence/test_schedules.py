"""Random schedules over the real models end as clean rebuilds; models that cheat are found."""

from dataclasses import replace

import pytest
from equivalence.duck_models import DuckModels
from equivalence.runs import in_memory, real_models

from countinghouse.planning.model_graph import Graph
from countinghouse.settings import Settings

DAILY = "rpt_sales_daily"
# As `rpt_sales_daily`, but for the number of lines.
COUNTED = """
    select
        source_system, department, currency, cast(1 as bigint) as order_count,
        {lines} as line_count, list_value, loyalty_discount, coupon_match_discount,
        manufacturer_discount, sales_value, customer_paid, runs.dt
    from {{{{ ref('rpt_sales_daily') }}}} as sales
    inner join {{{{ run_dates() }}}} as runs on {read}
"""
CHEATS = {
    "all dates before": COUNTED.format(lines="line_count", read="sales.dt <= runs.dt"),
    "the clock": COUNTED.format(lines="cast(epoch_us(now()) as bigint)", read="sales.dt = runs.dt"),
    "the run": COUNTED.format(
        lines="(select count(*) from {{ run_dates() }})", read="sales.dt = runs.dt"
    ),
}


@pytest.fixture(scope="module")
def models(settings: Settings) -> DuckModels:
    return real_models(settings)


def test_five_schedules_over_the_real_models_end_as_one_clean_rebuild(models: DuckModels) -> None:
    report = in_memory(models, 5, start=0)

    assert not report.difference, str(report)
    assert report.equal == 5
    assert report.partitions > 100


@pytest.mark.parametrize("cheat", CHEATS)
def test_a_model_that_reads_what_no_plan_records_is_found(models: DuckModels, cheat: str) -> None:
    honest = next(model for model in models.models if model.table == DAILY)
    broken = replace(
        honest,
        name="marts.rpt_cheating",
        edges=tuple(replace(honest.edges[0], parent=honest.name) for _ in range(1)),
    )
    print(Graph((broken,)))
