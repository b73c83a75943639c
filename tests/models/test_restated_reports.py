"""Which rows of a restated report count, by the macro `restated`, on DuckDB."""

from duck import LANDED, Warehouse

from countinghouse.planning.pinning import RunDate

MODEL = "stg_reddit_ads__ad_report"
DAY, NEXT = "2026-03-02", "2026-03-03"
FACTS = ("account_id varchar", "ad_id varchar", "impressions bigint", "clicks bigint")
Landed = tuple[str, int, int, str]


def staged(*landed: Landed, stated_by: str | None) -> list[tuple[object, ...]]:
    """Ads and impressions of DAY; landed rows are (ad, impressions, sequence, delivery date)."""
    warehouse = Warehouse()
    warehouse.create("reddit_ads__ad_report", (*FACTS, "spend bigint", *LANDED))
    warehouse.fill(
        "reddit_ads__ad_report",
        (
            ("a", ad, impressions, 0, 0, DAY, 1, 1, sequence, "report.csv", n, delivered)
            for n, (ad, impressions, sequence, delivered) in enumerate(landed)
        ),
    )
    warehouse.build(MODEL, [RunDate(DAY, None, stated_by)])
    return warehouse.rows(f"select ad_id, impressions from {MODEL} order by ad_id")


def test_only_the_delivery_that_states_the_day_counts() -> None:
    older, newer = ("A", 1, 0, DAY), ("A", 2, 0, NEXT)
    assert staged(older, newer, stated_by=NEXT) == [("A", 2)]
    assert staged(older, newer, stated_by=DAY) == [("A", 1)]


def test_what_the_newest_delivery_leaves_out_is_withdrawn() -> None:
    assert staged(("A", 1, 0, DAY), ("B", 1, 0, DAY), ("A", 2, 0, NEXT), stated_by=NEXT) == [
        ("A", 2)
    ]


def test_of_several_deliveries_on_one_day_the_last_counts_as_a_whole() -> None:
    first, second = ("GONE", 1, 1, NEXT), ("A", 2, 2, NEXT)
    assert staged(first, second, stated_by=NEXT) == [("A", 2)]


def test_a_day_that_its_newest_delivery_withdrew_has_no_rows() -> None:
    assert staged(("A", 1, 1, NEXT), stated_by=None) == []
