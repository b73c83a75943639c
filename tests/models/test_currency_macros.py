"""The macros' digits of minor units are those that landing uses."""

import duck
import jinja2
import pytest

from countinghouse.currencies import EXPONENTS

MACROS = "".join((duck.PROJECT / "macros" / f"{name}.sql").read_text() for name in duck.MACROS)


def _value(call: str) -> object:
    rendered = jinja2.Template(f"{MACROS} select {{{{ {call} }}}}").render()
    (row,) = duck.Warehouse().rows(rendered)
    return row[0]


def test_every_currency_has_the_digits_of_iso_4217() -> None:
    exponent = jinja2.Template(MACROS + "{{ currency_exponent('code') }}").render()
    listed = ", ".join(f"('{code}')" for code in EXPONENTS)
    found = duck.Warehouse().rows(f"select code, {exponent} from (values {listed}) as t(code)")

    assert len(found) > 150
    assert dict(found) == EXPONENTS


@pytest.mark.parametrize(
    ("currency", "amount", "minor"),
    [("EUR", "12.5", 1250), ("JPY", "12", 12), ("KWD", "1.5", 1500)],
)
def test_fault_77_an_amount_in_minor_units_and_back(currency: str, amount: str, minor: int) -> None:
    decimal = f"cast({amount} as decimal(18, 3))"
    assert _value(f'''minor_units_of("{decimal}", "'{currency}'")''') == minor
    assert float(str(_value(f'''major_units_of("{minor}", "'{currency}'")'''))) == float(amount)


def test_fault_77_a_fraction_of_a_yen_is_an_error() -> None:
    with pytest.raises(Exception, match="finer than a minor unit"):
        _value("""minor_units_of("cast(12.5 as decimal(18, 3))", "'JPY'")""")


def test_what_is_a_currency_is_what_landing_knows() -> None:
    known = jinja2.Template(MACROS + "{{ is_currency('code') }}").render()
    listed = ", ".join(f"('{code}')" for code in [*EXPONENTS, "CAN", "usd", ""])
    found = duck.Warehouse().rows(
        f"select code from (values {listed}, (null)) as t(code) where {known}"
    )

    assert {code for (code,) in found} == set(EXPONENTS)


def test_an_amount_in_micros_is_exact_or_an_error() -> None:
    assert _value("micros('cast(0.000001 as decimal(18, 6))')") == 1
    assert _value("micros('cast(null as decimal(18, 6))')") is None
    with pytest.raises(Exception, match="finer than a minor unit"):
        _value("micros('cast(0.0000001 as decimal(18, 7))')")


@pytest.mark.parametrize(("divisor", "quotient"), [("3", 0.333333), ("0", None), ("null", None)])
def test_a_ratio_is_null_where_nothing_divides(divisor: str, quotient: float | None) -> None:
    found = _value(f"ratio('1', '{divisor}')")
    assert found is None if quotient is None else float(str(found)) == quotient
