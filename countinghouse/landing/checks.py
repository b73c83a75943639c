"""When a delivery is refused as a whole: conservation, its own manifest, its budget."""

from collections.abc import Iterator
from decimal import Decimal, DecimalException

from countinghouse.contracts import Contract
from countinghouse.currencies import EXPONENTS
from countinghouse.landing.reader import FILE_ERROR
from countinghouse.landing.result import LandedDelivery
from countinghouse.publishing.content_digest import Money, plus


def complaints(contract: Contract, landed: LandedDelivery, rows_of_date: int) -> Iterator[str]:
    """Every reason to refuse a delivery, whose date has so many good rows; none for a good one."""
    yield from _nothing(contract, rows_of_date)
    yield from (reason for reason in landed.quarantined if reason.startswith(FILE_ERROR))
    yield from _rows(landed)
    yield from _money(landed)
    yield from _control(contract, landed)
    yield from _budget(contract, landed)


def _nothing(contract: Contract, rows_of_date: int) -> Iterator[str]:
    # A file of events adds; a file of any other kind replaces what was known.
    if contract.kind != "event" and not rows_of_date:
        yield (
            f"no rows: this {contract.kind} would withdraw everything that was there before; "
            "deliver the file again"
        )


def _rows(landed: LandedDelivery) -> Iterator[str]:
    found = landed.landed.rows + landed.rows_quarantined
    if landed.rows_in != found:
        yield (
            f"conservation: {landed.rows_in} records came, {landed.landed.rows} landed and "
            f"{landed.rows_quarantined} are quarantined"
        )
    announced = landed.delivery.control.get("rows")
    if announced is not None and announced != landed.rows_in:
        yield f"manifest: {announced} records announced, {landed.rows_in} came"


def _money(landed: LandedDelivery) -> Iterator[str]:
    found = plus(landed.landed.money, landed.money_quarantined)
    for key in sorted({*found, *landed.money_in}):
        came, kept = landed.money_in.get(key, 0), found.get(key, 0)
        if came != kept:
            yield f"conservation: {key}: {came} minor units came, {kept} landed or quarantined"


def _control(contract: Contract, landed: LandedDelivery) -> Iterator[str]:
    announced = landed.delivery.control.get("money", {})
    # An amount that cannot be read is a bad row, within the budget; the sum is then unknown.
    if landed.unreadable:
        return
    for money in contract.money:
        said = announced.get(money.column)
        if said is None:
            continue
        by_currency = said if isinstance(said, dict) else {money.currency: said}
        came = _by_currency(money, landed)
        for currency in sorted({*by_currency, *came}):
            text, minor = by_currency.get(currency), came.get(currency, 0)
            if text is None or _minor(text, money, currency) != minor:
                yield (
                    f"control total: {money.column} {currency}: {text or 'nothing'} announced, "
                    f"{minor} minor units came"
                )


def _by_currency(money: Money, landed: LandedDelivery) -> dict[str, int]:
    parts = [(label.partition(" "), minor) for label, minor in landed.money_in.items()]
    return {currency: minor for (column, _, currency), minor in parts if column == money.label}


def _minor(text: str, money: Money, currency: str) -> Decimal | None:
    exponent = EXPONENTS.get(currency) if money.exponent is None else money.exponent
    try:
        return None if exponent is None else Decimal(text).scaleb(exponent)
    except DecimalException:
        return None


def _budget(contract: Contract, landed: LandedDelivery) -> Iterator[str]:
    bad = landed.rows_quarantined
    if landed.rows_in and bad / landed.rows_in > contract.refuse_above:
        worst = max(landed.quarantined, key=lambda reason: landed.quarantined[reason])
        yield (
            f"budget: {bad} of {landed.rows_in} rows are bad, more than "
            f"{contract.refuse_above:.2%}; most often {worst!r} ({landed.quarantined[worst]} rows)"
        )
