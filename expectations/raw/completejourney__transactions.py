"""Till lines: what their contract cannot say about amounts."""

import great_expectations.expectations as gxe

TABLE = "raw.completejourney__transactions"

BLOCK = [
    gxe.ExpectColumnValuesToBeBetween(
        column=column,
        min_value=0,
        description=f"{column} is not negative",
        notes="No negative value in 75,000 lines of 2017: a discount of the other sign would be "
        "added where it is taken off.",
    )
    for column in ("quantity", "sales_value", "retail_disc", "coupon_disc", "coupon_match_disc")
]

WARN = [
    gxe.ExpectColumnPairValuesAToBeGreaterThanB(
        column_A="coupon_disc",
        column_B="coupon_match_disc",
        or_equal=True,
        description="the shop matches at most the manufacturer's coupon",
        notes="One line of 75,000 in 2017 breaks it.",
    )
]
