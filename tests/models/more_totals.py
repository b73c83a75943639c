"""Totals of the public files that come whole; see `readme_totals` and `whole_files`."""

from collections.abc import Mapping

from models.readme_totals import Total

LINES = "marts.fct_journal_lines"

AICPA_GL = (
    Total(
        "28,160 journal lines of 13,295 journals, 105 accounts, fiscal year 2007",
        "select count(*), count(distinct journal_id), count(distinct account_code), "
        f"min(fiscal_year), max(fiscal_year) from {LINES}",
        (28160, 13295, 105, 2007, 2007),
    ),
    Total(
        "13,291 of 13,295 journals balance; exactly 4 do not",
        "select count_if(balances), count_if(not balances) "
        f"from (select journal_id, min(is_balanced) as balances from {LINES} group by journal_id)",
        (13291, 4),
    ),
    Total(
        "the four: -233.57, -332,025.00, -295,500.00 and -1,713.32",
        "select count(*), count_if(currency = 'USD'), "
        + ", ".join(
            f"cast(sum(case when journal_id = '{journal}' then difference end) as string)"
            for journal in ("100011090", "100011091", "100011092", "100011093")
        )
        + " from marts.rpt_unbalanced_journals",
        (4, 4, "-233.570000", "-332025.000000", "-295500.000000", "-1713.320000"),
    ),
    Total(
        "sum of all signed lines -629,471.89",
        f"select sum(amount_signed_minor) from {LINES}",
        (-62947189,),
    ),
    Total(
        "H 14,119 lines, S 14,041 lines; total debits 463,852,232.48",
        "select count_if(debit_credit = 'credit'), count_if(debit_credit = 'debit'), "
        f"sum(case when debit_credit = 'debit' then amount_minor end) from {LINES}",
        (14119, 14041, 46385223248),
    ),
    Total(
        "currency USD 28,152, EUR 8",
        f"select count_if(currency = 'USD'), count_if(currency = 'EUR') from {LINES}",
        (28152, 8),
    ),
    Total(
        "Effective_Date is 19000101 on 23,137 lines",
        f"select count_if(effective_date is null) from {LINES}",
        (23137,),
    ),
    Total(
        "posted on 50 days of 2007 to 2009, by Entered_Date",
        f"select count(distinct dt), min(dt), max(dt) from {LINES}",
        (50, "2007-01-11", "2009-01-16"),
    ),
    Total(
        "26,590 totals of 13,295 journals, per side",
        "select count(*), count(distinct journal_id) from staging.stg_aicpa_gl__journal_totals",
        (26590, 13295),
    ),
    Total(
        "two totals lack a digit, all others are the sums of their lines",
        "select count_if(total <> amount), cast(max(abs(total - amount)) as string) from "
        "staging.stg_aicpa_gl__journal_totals as totals inner join "
        "(select journal_id, debit_credit, "
        "cast(sum(amount_minor) / 100 as decimal(18, 2)) as amount "
        f"from {LINES} group by journal_id, debit_credit) as lines "
        "on lines.journal_id = totals.journal_id and lines.debit_credit = totals.debit_credit",
        (2, "0.02"),
    ),
)

COUNTRY_CODES = (
    Total(
        "249 countries, NA is Namibia",
        "select count(*), max(case when country_code = 'NA' then country_name end) "
        "from marts.dim_countries",
        (249, "Namibia"),
    ),
    Total(
        "several currencies in one cell, two in each of eight",
        "select count(*), "
        "count_if(country_code in ('BT', 'HT', 'LS', 'NA', 'PA', 'SV', 'UY', 'VE')), "
        "max(currencies) from (select country_code, count(*) as currencies "
        "from marts.dim_country_currencies group by country_code having count(*) > 1)",
        (8, 8, 2),
    ),
    Total(
        "253 currencies of 245 countries, 155 different ones",
        "select count(*), count(distinct country_code), count(distinct currency) "
        "from marts.dim_country_currencies",
        (253, 245, 155),
    ),
    Total(
        "minor units of 0, 2, 3 (and of the UYW 4)",
        "select count_if(exponent = 0), count_if(exponent = 2), count_if(exponent = 3), "
        "count_if(exponent = 4) from marts.dim_currencies where country_count > 0",
        (16, 131, 7, 1),
    ),
)

OLIST = (
    Total(
        "103,886 payments, 99,440 orders, sum payment_value 16,008,872.12",
        "select count(*), count(distinct order_id), sum(amount_minor), "
        "min(currency), max(currency) from marts.fct_payments where source_system = 'olist'",
        (103886, 99440, 1600887212, "BRL", "BRL"),
    ),
    Total(
        "credit_card 76,795; boleto 19,784; voucher 5,775; debit_card 1,529; not_defined 3",
        "select count_if(payment_method = 'credit_card'), count_if(payment_method = 'cash_slip'), "
        "count_if(payment_method = 'voucher'), count_if(payment_method = 'debit_card'), "
        "count_if(payment_method = 'unknown'), count_if(payment_method = 'unmapped') "
        "from marts.fct_payments where source_system = 'olist'",
        (76795, 19784, 5775, 1529, 3, 0),
    ),
    Total(
        "9 payments of value 0; instalments 0 to 24; 2,961 orders split",
        "select count_if(amount_minor = 0), min(installment_count), max(installment_count), "
        "(select count(*) from (select order_id from marts.fct_payments "
        "where source_system = 'olist' group by order_id having count(*) > 1)) "
        "from marts.fct_payments where source_system = 'olist'",
        (9, 0, 24, 2961),
    ),
    Total(
        "32,951 products, 610 without category, 2 without weight",
        "select count(*), count_if(category is null), count_if(weight_g is null) "
        "from staging.stg_olist__products",
        (32951, 610, 2),
    ),
    Total(
        "3,095 sellers, 71 category names",
        "select (select count(*) from staging.stg_olist__sellers), "
        "(select count(*) from staging.stg_olist__product_category_translations)",
        (3095, 71),
    ),
)

STRIPE = (
    Total(
        "one example object for each resource",
        "select "
        "(select count(*) from staging.stg_stripe__balance_transactions), "
        "(select count(*) from staging.stg_stripe__charges), "
        "(select count(*) from staging.stg_stripe__refunds), "
        "(select count(*) from staging.stg_stripe__disputes), "
        "(select count(*) from staging.stg_stripe__payouts), "
        "(select count(*) from staging.stg_stripe__payment_intents), "
        "(select count(*) from staging.stg_stripe__payment_methods)",
        (1, 1, 1, 1, 1, 1, 1),
    ),
    Total(
        "the charge is authorised and nothing of it captured",
        "select payment_method, status, installment_count, amount_minor, currency, "
        "cast(paid_at as string) from marts.fct_payments where source_system = 'stripe'",
        ("credit_card", "authorised", 1, 0, "USD", "2009-02-13 23:31:30"),
    ),
    Total(
        "amounts of the other objects",
        "select (select net_minor from staging.stg_stripe__balance_transactions), "
        "(select amount_minor from staging.stg_stripe__refunds), "
        "(select amount_minor from staging.stg_stripe__disputes), "
        "(select amount_minor from staging.stg_stripe__payouts), "
        "(select amount_minor from staging.stg_stripe__payment_intents), "
        "(select cast(evidence_due_at as string) from staging.stg_stripe__disputes), "
        "(select billing_country from staging.stg_stripe__payment_methods)",
        (100, 100, 1000, 1100, 1099, "2024-08-14 23:59:59", "US"),
    ),
)

IMPRESSIONS = "marts.fct_recommendation_impressions"

OPEN_BANDIT = (
    Total(
        "10,000 + 10,000 rows in 7 days",
        "select count_if(policy = 'bts'), count_if(policy = 'random'), count(distinct dt), "
        f"min(dt), max(dt) from {IMPRESSIONS}",
        (10000, 10000, 7, "2019-11-24", "2019-11-30"),
    ),
    Total(
        "CTR 0.0069 (bts) and 0.0046 (random)",
        "select cast(max(case when policy = 'bts' then rate end) as string), "
        "cast(max(case when policy = 'random' then rate end) as string) from "
        "(select policy, cast(count_if(is_clicked) / count(*) as decimal(6, 4)) as rate "
        f"from {IMPRESSIONS} group by policy)",
        ("0.0069", "0.0046"),
    ),
    Total(
        "the random policy shows each of 34 items with the same probability",
        "select cast(min(inverse_propensity_weight) as string), "
        "cast(sum(inverse_propensity_weight) as string), count(distinct propensity_score) "
        f"from {IMPRESSIONS} where policy = 'random'",
        ("34.000000", "340000.000000", 1),
    ),
    Total(
        "34 items, three places",
        "select (select count(*) from marts.dim_recommendation_items), count(distinct item_id), "
        f"count(distinct position), min(position), max(position) from {IMPRESSIONS}",
        (34, 34, 3, 1, 3),
    ),
    Total(
        "34 affinities of each user, of which one is to the item shown",
        f"select min(size(item_affinities)), max(size(item_affinities)) from {IMPRESSIONS}",
        (34, 34),
    ),
)

# Rows that each file has, however often they count; see the README beside it.
LANDED: Mapping[str, int] = {
    "aicpa_gl__journal_lines": 28160,
    "aicpa_gl__journal_totals": 26590,
    "country_codes__countries": 249,
    "olist__payments": 103886,
    "olist__products": 32951,
    "olist__sellers": 3095,
    "olist__product_category_translations": 71,
    "open_bandit__impressions_bts": 10000,
    "open_bandit__impressions_random": 10000,
    "open_bandit__items": 34,
    "stripe__balance_transactions": 1,
    "stripe__charges": 1,
    "stripe__refunds": 1,
    "stripe__disputes": 1,
    "stripe__payouts": 1,
    "stripe__payment_intents": 1,
    "stripe__payment_methods": 1,
}
TOTALS = (*AICPA_GL, *COUNTRY_CODES, *OLIST, *STRIPE, *OPEN_BANDIT)
