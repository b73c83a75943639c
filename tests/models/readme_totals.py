"""Every total that the READMEs of the public files state, as a query on what it must reach."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Total:
    """A query over published tables of the whole year, or of all rates, and its only row."""

    says: str
    query: str
    expected: tuple[object, ...]


LINES = "marts.fct_order_lines where source_system = 'completejourney'"

COMPLETEJOURNEY = (
    Total(
        "75,000 lines, 47,243 baskets, 2,377 households, 20,902 products, 293 stores",
        "select count(*), count(distinct order_id), count(distinct customer_id), "
        f"count(distinct product_id), count(distinct store_id) from {LINES}",
        (75000, 47243, 2377, 20902, 293),
    ),
    Total(
        "2017-01-01 12:30:27 to 2018-01-01 03:47:38",
        "select cast(min(ordered_at) as string), cast(max(ordered_at) as string), "
        f"min(dt), max(dt), count(distinct dt) from {LINES}",
        ("2017-01-01 12:30:27", "2018-01-01 03:47:38", "2017-01-01", "2017-12-31", 364),
    ),
    Total(
        "sales 233,935.24, retail_disc 40,180.91, coupon_disc 1,356.71, coupon_match_disc 242.10",
        "select sum(sales_minor), sum(retail_discount_minor), sum(coupon_discount_minor), "
        f"sum(coupon_match_discount_minor) from {LINES}",
        (23393524, 4018091, 135671, 24210),
    ),
    Total(
        "416 lines with quantity 0, 528 with sales_value 0, largest quantity 32,623",
        "select count_if(quantity = 0), count_if(sales_minor = 0), max(cast(quantity as int)) "
        f"from {LINES}",
        # One value, 4.440892e-16, is no 0 in the file and 0.00 in cents.
        (416, 528 + 1, 32623),
    ),
    Total(
        "0 exact duplicates",
        "select count(*) from staging.stg_completejourney__transactions__rejected",
        (0,),
    ),
    Total(
        "222 lines point at a product_id that is not in products",
        f"select count_if(not is_product_known) from {LINES}",
        (222,),
    ),
    Total(
        "five products are known by their sales alone",
        "select count(*) from marts.dim_products "
        "where source_system = 'completejourney' and is_inferred",
        (5,),
    ),
    Total(
        "2,102 redemptions, all by members of the campaign, all within its dates",
        "select count(*), count_if(is_campaign_member), count_if(is_within_campaign) "
        "from marts.fct_coupon_redemptions",
        (2102, 2102, 2102),
    ),
    Total(
        "reports show the same totals",
        "select sum(line_count), cast(sum(sales_value) as string), "
        "cast(sum(loyalty_discount) as string), cast(sum(manufacturer_discount) as string), "
        "cast(sum(coupon_match_discount) as string) "
        "from marts.rpt_sales_daily where source_system = 'completejourney'",
        (75000, "233935.240000", "40180.910000", "1356.710000", "242.100000"),
    ),
    Total(
        "rows of the other files",
        "select "
        "(select count(*) from staging.stg_completejourney__campaign_descriptions), "
        "(select count(*) from staging.stg_completejourney__campaigns), "
        "(select count(*) from staging.stg_completejourney__coupons), "
        "(select count(*) from staging.stg_completejourney__coupons__rejected), "
        "(select count(*) from marts.dim_households), "
        "(select count(*) from marts.dim_products "
        "where source_system = 'completejourney' and not is_inferred)",
        (27, 6589, 116204 - 4872, 4872, 801, 92331),
    ),
)

# Of a delivery on 2026-04-13 or later; {quotes} has one row per currency and quoted day, `dt`.
ECB_FX = (
    Total(
        "6,983 days, 1999-01-04 to 2026-04-13",
        "select count(distinct dt), min(dt), max(dt), count(distinct currency) from {quotes}",
        (6983, "1999-01-04", "2026-04-13", 41),
    ),
    Total(
        "TRL ends 2004-12-31, TRY begins 2005-01-03, ROL ends 2005-06-30, RON begins 2005-07-01",
        "select max(case when currency = 'TRL' then dt end), "
        "min(case when currency = 'TRY' then dt end), "
        "max(case when currency = 'ROL' then dt end), "
        "min(case when currency = 'RON' then dt end) from {quotes}",
        ("2004-12-31", "2005-01-03", "2005-06-30", "2005-07-01"),
    ),
    Total(
        "RUB, HRK and BGN end, BRL and CNY begin",
        "select max(case when currency = 'RUB' then dt end), "
        "max(case when currency = 'HRK' then dt end), "
        "max(case when currency = 'BGN' then dt end), "
        "min(case when currency = 'BRL' then dt end), "
        "min(case when currency = 'CNY' then dt end) from {quotes}",
        ("2022-03-01", "2022-12-30", "2025-12-31", "2008-01-02", "2005-04-01"),
    ),
    Total(
        "gaps of 1 day 5,528, 2 days 23, 3 days 1,373, 4 days 22, 5 days 36",
        "select count_if(gap = 1), count_if(gap = 2), count_if(gap = 3), count_if(gap = 4), "
        "count_if(gap = 5), max(gap) from (select datediff(cast(dt as date), "
        "cast(lag(dt) over (order by dt) as date)) as gap "
        "from (select distinct dt from {quotes}))",
        (5528, 23, 1373, 22, 36, 5),
    ),
    Total(
        "ISK has a hole of years",
        "select dt, cast(gap as int) from (select dt, datediff(cast(dt as date), "
        "cast(lag(dt) over (order by dt) as date)) as gap from {quotes} where currency = 'ISK') "
        "where gap > 5",
        ("2018-02-01", 3341),
    ),
)
