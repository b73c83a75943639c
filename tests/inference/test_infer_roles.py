"""Keys, business dates, money and persons: what is proposed, and what is left to a person."""

from collections.abc import Callable

import pytest
from inferred import Inferred

from countinghouse.inference import keys

Infer = Callable[..., Inferred]


def test_the_key_is_the_smallest_set_of_ids(inferred: Infer) -> None:
    rows = "".join(f"{o},{line},{o * 10 + line}.50\n" for o in range(1, 30) for line in (1, 2, 3))
    assert inferred(f"order_id,line,amount\n{rows}").contract.keys == ("order_id", "line")


def test_an_amount_is_no_key_even_if_it_is_unique(inferred: Infer) -> None:
    rows = "".join(f"{n % 3}.5{n},{'abc'[n % 3]},{n // 3}\n" for n in range(9))
    assert inferred(f"amount,shop,week\n{rows}").contract.keys == ("shop", "week")


def test_a_column_that_is_sometimes_empty_is_no_key(inferred: Infer) -> None:
    found = inferred("code,id\n,1\nb,2\nc,3\n")
    assert found.contract.keys == ("id",)
    assert not found.contract.column("id").nullable


def test_keys_are_compared_as_landing_compares_them(inferred: Infer) -> None:
    assert inferred("id,n\na,1\na ,2\nb,3\n").contract.keys != ("id",)


def test_a_person_is_the_last_choice_for_a_key(inferred: Infer) -> None:
    rows = "".join(f"{n // 3},{n % 3},a{n}@example.org\n" for n in range(30))
    assert inferred(f"order_id,line,email\n{rows}").contract.keys == ("order_id", "line")


def test_exact_copies_are_no_conflict(inferred: Infer) -> None:
    found = inferred("id,city\n1,Bonn\n2,Rome\n2,Rome\n")
    assert (found.contract.keys, found.expected_bad) == (("id",), 0)
    assert "# 1 rows are exact copies of another one" in found.text


def test_a_time_alone_tells_few_rows_apart(inferred: Infer) -> None:
    rows = "".join(f"7,2026-01-0{n},{n}\n" for n in range(1, 9))
    assert inferred(f"ad_id,date,clicks\n{rows}").contract.keys == ("ad_id", "date")


def test_a_key_may_need_more_than_four_columns(inferred: Infer) -> None:
    rows = "".join(",".join("ab"[n >> bit & 1] for bit in range(6)) + ",0.5\n" for n in range(64))
    assert inferred(f"k,l,m,n,o,p,rate\n{rows}").contract.keys == ("k", "l", "m", "n", "o", "p")


def test_without_key_it_says_so_and_how_many_rows_it_costs(inferred: Infer) -> None:
    found = inferred("city,amount\nBonn,1.50\nBonn,2.50\nRome,1.50\n")
    assert "# decide: no set of columns tells the rows apart" in found.text
    assert found.expected_bad == 0
    missing = inferred("city,amount\nBonn,1.50\nBonn,\nRome,1.50\n")
    assert (missing.contract.keys, missing.expected_bad) == (("city",), 2)
    assert "#   keys: conflicting copies: 2" in missing.text


def test_a_key_of_the_first_rows_is_looked_for_in_all(
    inferred: Infer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "CELLS", 400)
    rows = "".join(f"{n % 900},{n},x\n" for n in range(1000))
    found = inferred(f"id,number,note\n{rows}")
    assert found.contract.keys == ("number",)
    assert "unique in all 1000 rows" in found.text


def test_beyond_the_room_for_keys_it_says_of_how_many_rows_it_is_known(
    inferred: Infer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "CELLS", 400)
    monkeypatch.setattr(keys, "VERIFIED_CELLS", 1000)
    found = inferred("id\n" + "".join(f"{n}\n" for n in range(20_000)))
    assert "# decide: unique in the first 8192 of 20000 rows" in found.text


def test_a_date_makes_events(inferred: Infer) -> None:
    found = inferred("id,synced_at,sold_at\n1,2026-01-03 00:00:00,2026-01-02 10:00:00\n").contract
    assert (found.kind, found.business_date.column) == ("event", "sold_at")


@pytest.mark.parametrize(
    "table",
    [
        "id,city\n1,Bonn\n",
        "id,sold_at\n1,2026-01-02\n2,\n",
        "id,sold_at\n1,2026-01-02\n2,2037-12-30\n",
        "id,sold_at\n1,02.01.2026\n2,30.12.2037\n",
        "id,end_date\n1,2026-01-02\n2,2026-01-03\n",
    ],
)
def test_without_a_date_of_every_row_it_is_a_snapshot(inferred: Infer, table: str) -> None:
    found = inferred(table).contract
    assert (found.kind, found.business_date.delivery) == ("full_snapshot", True)


def test_a_german_date_of_this_year_is_a_business_date(inferred: Infer) -> None:
    assert inferred("id,datum\n1,30.06.2026\n").contract.business_date.column == "datum"
    assert inferred("id,datum\n1,02.07.2026\n").contract.business_date.column == ""


def test_money_has_its_currency_beside_it(inferred: Infer) -> None:
    found = inferred("id,price,fee_usd,currency\n1,12.50,0.5,EUR\n2,7.00,1.5,USD\n")
    assert found.contract.amounts == {
        "price": {"currency_column": "currency"},
        "fee_usd": {"currency": "USD"},
    }
    assert "# decide: money\n" in found.text


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ("id,price\n1,12.50\n", "no column tells the currency"),
        ("id,price,currency\n1,12.505,EUR\n", "3 decimals, more than the currency has"),
        ("id,price,currency\n1,1.5,JPY\n", "1 decimals, more than the currency has"),
        ("id,price,currency\n1,1.50,EUR\n2,1.50,\n", "currency is sometimes empty"),
        ("id,price,currency\n1,150,EUR\n", "units or minor units"),
    ],
)
def test_money_that_would_cost_rows_is_only_named(inferred: Infer, table: str, why: str) -> None:
    found = inferred(table)
    assert found.contract.amounts == {}
    assert f"# decide: money? price: {why}" in found.text.replace("whole numbers may be ", "")


CARDS = ["4111111111111111", "5500005555555559", "340000000000009", "30000000000004"]
IBANS = ["DE89370400440532013000", "GB82WEST12345698765432", "FR1420041010050500013M02606"]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("email", ["x", "y"]),
        ("customer_phone", ["5551234", "5559876"]),
        ("first_name", ["Ann", "Bob"]),
        ("billing_address", ["1 Main St", "2 Main St"]),
        ("what", ["a@example.org", "b@example.com", "c@example.net"]),
        ("what", ["+49 30 1234567", "+44 20 7946 0958", "+1 (202) 555-0143"]),
        ("what", IBANS),
        ("what", CARDS),
    ],
)
def test_persons_are_proposed_as_pii(inferred: Infer, name: str, values: list[str]) -> None:
    found = inferred(f"id;{name}\n" + "".join(f"{n};{v}\n" for n, v in enumerate(values)))
    column = found.contract.column(name)
    assert (column.pii, column.type, column.treatment) == ("high", "string", "hash")
    assert "# decide: pii:" in found.text
    assert not any(value in found.text for value in values if len(value) > 3)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("what", [str(int(card) + 1) for card in CARDS]),
        ("what", [iban[:4] + "9" + iban[5:] for iban in IBANS]),
        ("emails", ["3", "4"]),
        ("email_count", ["3", "4"]),
        ("device_type", ["mobile", "desktop"]),
        ("country", ["FR", "DE"]),
    ],
)
def test_others_are_no_persons(inferred: Infer, name: str, values: list[str]) -> None:
    found = inferred(f"id;{name}\n" + "".join(f"{n};{v}\n" for n, v in enumerate(values)))
    assert found.contract.column(name).pii == "none"


def test_a_pseudonym_is_kept(inferred: Infer) -> None:
    column = inferred("id,household_id\n1,7\n2,8\n").contract.column("household_id")
    assert (column.pii, column.treatment) == ("low", "keep")


def test_what_a_person_decides_is_marked_and_the_rest_is_measured(inferred: Infer) -> None:
    text = inferred("id,sold_at,price\n1,2026-01-02 10:00:00,1.50\n9,2026-01-03 10:00:00,2\n").text
    for what in ("owner", "description", "kind", "business date", "money", "domain", "source_zone"):
        assert f"# decide: {what}" in text
    assert "Integer, 1 to 9, never empty; describe it." in text
