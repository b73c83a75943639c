"""Which dates are worth a run of their own."""

# A first cumulative file touches decades of dates. One wake-up builds everything stale, so
# past a month of them more runs would only say "already built".
MOST_WAKE_UPS = 31


def wake_ups(dt: str, touched: list[str]) -> list[str]:
    """The partitions to announce: the own day, and the newest touched dates."""
    return sorted({dt, *sorted(set(touched), reverse=True)[:MOST_WAKE_UPS]})
