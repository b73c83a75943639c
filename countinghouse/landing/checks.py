"""When a delivery is refused as a whole: conservation, its own manifest, its budget."""

from collections.abc import Iterator
from decimal import Decimal, DecimalException

from countinghouse.contracts import Contract
from countinghouse.currencies import EXPONENTS
from countinghouse.landing.reader import FILE_ERROR
from countinghouse.landing.result import LandedDelivery
from countinghouse.publishing.content_digest import Money, plus


def complaints(contract: Contract, landed: LandedDelivery) -> Iterator[str]:
    """Every reason to refuse a delivery; none for a good one."""
    yield from (reason for reason in landed.quarantined if reason.startswith(FILE_ERROR))
    yield from _rows(landed)
    yield from _money(landed)
    yield from _control(contract, landed)
    yield from _budget(contract, landed)


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
        for currency, text in by_currency.items():
            came = landed.money_in.get(f"{money.label} {currency}", 0)
            if _minor(text, money, currency) != came:
                yield (
                    f"control total: {money.column} {currency}: {text} announced, "
                    f"{came} minor units came"
                )


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
