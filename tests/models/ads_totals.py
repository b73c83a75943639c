"""Totals of the public files of advertising: what their READMEs say, and what Python counts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import cut_ads
from models.readme_totals import Total

MICROS = 1_000_000

# The README writes a sum of doubles; the exact sum is the one that rounds to it.
EXACT_VALUE = "74802.97158721083751036"

ADWORDS = (
    Total(
        "318,250 rows, key (date, id) unique, impressions 12,683,602, clicks 273,919",
        "select count(*), count(distinct concat(dt, ' ', keyword_id)), sum(impressions), "
        "sum(clicks) from marts.fct_keyword_performance_daily where source_system = 'adwords'",
        (318250, 318250, 12683602, 273919),
    ),
    Total(
        "16 rows have clicks > impressions",
        "select count(*), count_if(clicks > impressions) "
        "from marts.fct_keyword_performance_daily "
        "where source_system = 'adwords' and is_click_anomaly",
        (16, 16),
    ),
    Total(
        "903 keywords over one year, the text of three of them, no cost",
        "select count(distinct keyword_id), count(distinct keyword_text), min(dt), max(dt), "
        "count(distinct dt), count(spend_micros) "
        "from marts.fct_keyword_performance_daily where source_system = 'adwords'",
        (903, 3, "2012-04-01", "2013-03-31", 365, 0),
    ),
    Total(
        "keywords have 321 to 365 days",
        "select min(days), max(days) from (select keyword_id, count(*) as days "
        "from marts.fct_keyword_performance_daily where source_system = 'adwords' "
        "group by keyword_id)",
        (321, 365),
    ),
)

CHANNEL_PATHS = (
    Total(
        "10,000 rows, conversions 19,785, null paths 68,602",
        "select sum(record_count), sum(conversions), sum(lost) from marts.fct_channel_paths",
        (10000, 19785, 68602),
    ),
    Total(
        "value 74,802.97158721084",
        "select cast(sum(conversion_value) as string), "
        "cast(cast(sum(conversion_value) as decimal(28, 11)) as string) "
        "from marts.fct_channel_paths",
        (EXACT_VALUE[:23], "74802.97158721084"),
    ),
    Total(
        "twelve channels, 5,408 different paths",
        "select count(*), count(distinct first_channel), count(distinct last_channel) "
        "from marts.fct_channel_paths",
        (5408, 12, 12),
    ),
)


@dataclass(frozen=True)
class Report:
    """How a public file states its metrics: columns that add up, and the size of a unit."""

    feed: str
    spend: str
    # Micros in one unit of `spend`.
    unit: int
    impressions: tuple[str, ...] = ("impressions",)
    clicks: tuple[str, ...] = ("clicks",)
    conversions: str = ""
    # By the value of a column, or of the whole report; "" for unknown.
    currency: Mapping[str, str] | str = ""
    currency_column: str = ""


AD_REPORTS: Mapping[str, Report] = {
    "amazon_ads": Report("advertised_product_report", "cost", MICROS, currency="USD"),
    "apple_search": Report(
        "ad_report",
        "local_spend_amount",
        MICROS,
        clicks=("taps",),
        conversions="conversions",
        currency="USD",
    ),
    "facebook_ads": Report("basic_ad", "spend", MICROS, clicks=("inline_link_clicks",)),
    "google_ads": Report("ad_stats", "cost_micros", 1, conversions="conversions", currency="USD"),
    "linkedin_ads": Report(
        "ad_analytics_by_creative",
        "cost_in_local_currency",
        MICROS,
        conversions="external_website_conversions",
    ),
    "microsoft_ads": Report(
        "ad_performance_daily_report",
        "spend",
        MICROS,
        conversions="conversions_qualified",
        currency="USD",
    ),
    # The report's advertiser is not among the advertisers.
    "pinterest_ads": Report(
        "pin_promotion_report",
        "spend_in_micro_dollar",
        1,
        impressions=("impression_1", "impression_2"),
        clicks=("clickthrough_1", "clickthrough_2"),
        conversions="total_conversions",
    ),
    "reddit_ads": Report("ad_report", "spend", 1, currency="USD"),
    "snapchat_ads": Report(
        "ad_hourly_report", "spend", 1, clicks=("swipes",), conversions="conversion_purchases"
    ),
    # Advertiser 2 says CAN, 3 and 4 are not among the advertisers.
    "tiktok_ads": Report(
        "ad_report_hourly",
        "spend",
        MICROS,
        conversions="conversion",
        currency={"1": "USD"},
        currency_column="ad_id",
    ),
    "twitter_ads": Report("promoted_tweet_report", "billed_charge_local_micro", 1, currency="USD"),
}


@dataclass(frozen=True)
class Counted:
    """Totals of a report; spend in micros by currency, "" for an unknown one."""

    impressions: int
    clicks: int
    conversions: Decimal
    spend: Mapping[str, int]


def counted(system: str) -> Counted:
    """The totals of a platform's ad report, from its public file alone."""
    report = AD_REPORTS[system]
    (contract,) = (c for c in cut_ads.contracts() if str(c.feed) == f"{system}.{report.feed}")
    rows = cut_ads.rows_of(cut_ads.file_of(contract))
    spend: Counter[str] = Counter()
    for row in rows:
        micros = Decimal(row[report.spend] or 0) * report.unit
        assert micros == int(micros), row
        spend[_currency(report, row)] += int(micros)
    return Counted(
        impressions=int(_total(rows, report.impressions)),
        clicks=int(_total(rows, report.clicks)),
        conversions=_total(rows, (report.conversions,) if report.conversions else ()),
        spend=spend,
    )


def mart_query(system: str) -> str:
    """The same figures from the mart, one row per currency."""
    return (
        "select coalesce(currency, ''), coalesce(sum(impressions), 0), coalesce(sum(clicks), 0), "
        "coalesce(sum(conversions), 0), coalesce(sum(spend_micros), 0) "
        f"from marts.fct_ad_performance_daily where source_system = '{system}' "
        "group by coalesce(currency, '')"
    )


def summed(rows: Sequence[Sequence[object]]) -> Counted:
    """Rows of `mart_query` as totals."""
    return Counted(
        impressions=sum(int(str(row[1])) for row in rows),
        clicks=sum(int(str(row[2])) for row in rows),
        conversions=sum((Decimal(str(row[3])) for row in rows), Decimal(0)),
        spend=Counter({str(row[0]): int(str(row[4])) for row in rows}),
    )


def _currency(report: Report, row: Mapping[str, str]) -> str:
    if isinstance(report.currency, str):
        return report.currency
    return report.currency.get(row[report.currency_column], "")


def _total(rows: Sequence[Mapping[str, str]], columns: Sequence[str]) -> Decimal:
    return sum((Decimal(row[column] or 0) for row in rows for column in columns), Decimal(0))
