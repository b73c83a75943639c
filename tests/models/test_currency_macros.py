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
