"""Landing through the real engine: good rows typed, bad rows with their rule, nothing else."""

import datetime as dt
import gzip
import random
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from feeds import HEADER, Landed, Landing, csv_of, deliver

from countinghouse.contracts import Contract, load_contracts
from countinghouse.landing.columns import business_columns
from countinghouse.landing.treatments import hashed
from countinghouse.publishing.content_digest import digest_rows

DAY = "2026-03-10"
AT = "2026-03-10 09:00:00"
Sales = Callable[..., Contract]


def reasons(landed: Landed) -> dict[int, str]:
    return {row["_row_number"]: row["_reason"] for row in landed.quarantine()}


def test_quarantine_names_file_row_and_text(landing: Landing, sales: Sales) -> None:
    landed = landing.land(sales(), {DAY: csv_of(f"a,1,5.00,EUR,{AT},", f'x,y,1,EUR,{AT},"é, ü"')})
    (row,) = landed.quarantine()
    assert (row["_source_file"], row["_row_number"]) == ("sales.csv", 2)
    assert row["_raw"] == f'x,y,1,EUR,{AT},"é, ü"\n'
    assert row["_money"] == {"amount EUR": 100}


def test_typed_values_are_exact(landing: Landing, sales: Sales) -> None:
    lines = [
        "a,1,5.001,KWD,2026-03-10 09:00:00,",
        "a,2,9007199254740993,JPY,2026-03-10T09:00:00.123456Z,",
    ]
    lines[1] = lines[1].replace("9007199254740993", "900719925474099")
    first, second = landing.land(sales(), {DAY: csv_of(*lines)}).raw()
    assert first["amount"] == Decimal("5.001")
    assert second["amount"] == Decimal("900719925474099.000")
    assert second["sold_at"] == dt.datetime(2026, 3, 10, 9, 0, 0, 123456)
    assert (first["note"], first["_business_date"], first["dt"]) == (None, DAY, DAY)


def test_fault_71_texts_come_through_unchanged(landing: Landing, sales: Sales) -> None:
    notes = [
        'say ""hi""',
        "a,b",
        "line\nbreak\r\nand\rmore",
        "\ttab ",
        "\U0001f600 עברית e\u0301",
        "N/A",
    ]
    lines = [f'a,{n},1.00,EUR,{AT},"{note}"' for n, note in enumerate(notes)]
    landed = landing.land(sales(), {DAY: csv_of(*lines)})
    assert [row["note"] for row in landed.raw()] == [n.replace('""', '"') for n in notes]


def test_fault_73_keys_are_canonical_and_their_text_is_kept(landing: Landing, sales: Sales) -> None:
    landed = landing.land(sales(), {DAY: csv_of(f" Cafe\u0301 ,1,1.00,EUR,{AT},")})
    (row,) = landed.raw()
    assert row["id"] == "Café"
    assert row["_extra"] == {"id": " Cafe\u0301 "}


def test_rows_in_are_landed_or_quarantined_for_any_bytes(landing: Landing, sales: Sales) -> None:
    rng = random.Random(20260310)
    pieces = [
        "a",
        "1",
        "5.00",
        "EUR",
        AT,
        ",",
        ",",
        ",",
        ",",
        '"',
        "\n",
        "\r\n",
        "é",
        "\x00",
        "\udcff",
    ]

    def noise() -> bytes:
        text = "".join(rng.choice(pieces) for _ in range(rng.randrange(300)))
        good = "".join(f"k,{n},1.00,EUR,{AT},\n" for n in range(rng.randrange(4)))
        return (f"{HEADER}\n{good}{text}\n").encode("utf-8", "surrogateescape")

    days = [f"2026-03-{n:02d}" for n in range(9, 29)]
    landed = landing.land(sales(max_lateness_days=60), {day: noise() for day in days})
    assert landed.batch.landed == days
    for date in landed.batch.dates.values():
        assert date.rows_in == date.raw.rows + date.quarantine.rows
        assert sum(date.quarantined.values()) == date.quarantine.rows
    assert sum(date.raw.rows for date in landed.batch.dates.values()) > 10
    assert sum(date.quarantine.rows for date in landed.batch.dates.values()) > 50


def test_fault_63_copies_stay_and_conflicting_copies_are_both_bad(
    landing: Landing, sales: Sales
) -> None:
    lines = [f"a,1,1.00,EUR,{AT},"] * 2 + [f"b,1,1.00,EUR,{AT},", f"b,1,2.00,EUR,{AT},"]
    landed = landing.land(sales(), {DAY: csv_of(*lines)})
    assert reasons(landed) == {3: "keys: conflicting copies", 4: "keys: conflicting copies"}
    assert [row["id"] for row in landed.raw()] == ["a", "a"]


def test_versions_of_a_key_do_not_conflict(landing: Landing, sales: Sales) -> None:
    lines = [f"b,1,1.00,EUR,{AT},", "b,1,2.00,EUR,2026-03-10 10:00:00,"]
    landed = landing.land(sales(version_column="sold_at"), {DAY: csv_of(*lines)})
    assert landed.only.raw.rows == 2


def test_refusals_concern_their_own_date_only(landing: Landing, sales: Sales) -> None:
    contract = sales(refuse_above=0.5)
    good, bad = f"a,1,1.00,EUR,{AT},", f"a,1,x,EUR,{AT},"
    landed = landing.land(
        contract,
        {
            "2026-03-10": csv_of(good),
            "2026-03-11": csv_of(bad),
            "2026-03-12": csv_of(good, header=HEADER.replace("note", "remark")),
            "2026-03-13": gzip.compress(csv_of(good).encode())[:-9],
            "2026-03-14": "",
            "2026-03-15": (csv_of(good), {"rows": 2}),
            "2026-03-16": (csv_of(good), {"control": {"amount": {"EUR": "1.01"}}}),
            "2026-03-17": (csv_of(good), {"rows": 1, "control": {"amount": {"EUR": "1.00"}}}),
            "2026-03-18": (csv_of(good), {"control": {"amount": {"EUR": "9e999999"}}}),
            "2026-03-19": (
                csv_of(good, f"a,2,999.00,USD,{AT},"),
                {"control": {"amount": {"EUR": "1.00"}}},
            ),
        },
    )
    why = {refusal.delivery.dt: refusal.reason for refusal in landed.batch.refusals}
    assert landed.batch.landed == ["2026-03-10", "2026-03-17"]
    assert why["2026-03-11"].startswith("budget: 1 of 1 rows are bad, more than 50.00%")
    assert "'amount: not a decimal' (1 rows)" in why["2026-03-11"]
    assert "no column 'note'" in why["2026-03-12"]
    assert "gzip" in why["2026-03-13"]
    assert "empty" in why["2026-03-14"]
    assert why["2026-03-15"] == "manifest: 2 records announced, 1 came"
    assert why["2026-03-16"] == "control total: amount EUR: 1.01 announced, 100 minor units came"
    assert why["2026-03-18"].startswith("control total: amount EUR: 9e999999 announced")
    assert why["2026-03-19"] == (
        "control total: amount USD: nothing announced, 99900 minor units came"
    )
    folders = {p.name for p in (landed.root / contract.feed.raw).glob("dt=*")}
    assert folders == {"dt=2026-03-10", "dt=2026-03-17"}


def test_header_alone_is_a_valid_empty_delivery(landing: Landing, sales: Sales) -> None:
    contract = sales()
    landed = landing.land(contract, {DAY: csv_of()})
    assert landed.batch.landed == [DAY]
    assert landed.only.raw.rows == 0
    assert (landed.root / contract.feed.raw / f"dt={DAY}").is_dir()
    assert (landed.root / contract.feed.quarantine / f"dt={DAY}").is_dir()


def test_nothing_landed_where_everything_is_told_anew_is_refused(
    landing: Landing, sales: Sales
) -> None:
    snapshot = sales(kind="full_snapshot", business_date={"delivery": True})
    bad = csv_of(f"a,x,1.00,EUR,{AT},")
    landed = landing.land(snapshot, {DAY: csv_of(), "2026-03-11": bad})
    cumulative = landing.land(sales(kind="cumulative"), {DAY: csv_of()})
    refusals = landed.batch.refusals + cumulative.batch.refusals
    assert [refusal.reason for refusal in refusals] == [
        "no rows: this full_snapshot would withdraw everything that was there before; "
        "deliver the file again",
        "no rows: this full_snapshot would withdraw everything that was there before; "
        "deliver the file again",
        "no rows: this cumulative would withdraw everything that was there before; "
        "deliver the file again",
    ]
    assert landed.batch.landed == cumulative.batch.landed == []
    assert list((landed.root / snapshot.feed.raw).glob("dt=*")) == []


def test_a_snapshot_may_come_with_one_empty_sequence(landing: Landing, sales: Sales) -> None:
    contract = sales(kind="full_snapshot", business_date={"delivery": True})
    deliver(landing.folder / "landing", contract, DAY, csv_of(f"a,1,1.00,EUR,{AT},"), seq=1)
    landed = landing.land(contract, {DAY: csv_of()})
    assert landed.batch.landed == [DAY]
    assert len(landed.only.deliveries) == 2
    assert landed.batch.refusals == []


def test_fault_67_undeclared_columns_are_kept_and_told(landing: Landing, sales: Sales) -> None:
    landed = landing.land(
        sales(), {DAY: csv_of(f"a,1,1.00,EUR,{AT},,red", header=HEADER + ",colour")}
    )
    assert landed.raw()[0]["_extra"] == {"colour": "red"}
    assert landed.only.undeclared == ("colour",)


def test_rounding_is_declared_counted_and_never_silent(landing: Landing, sales: Sales) -> None:
    meta = {"amount": {"round_within": "0.000001"}}
    contract = sales(money={"amount": {"currency": "USD"}}, meta=meta)
    amounts = ["4.440892e-16", "0.0099999", "0.30000000000000004", "1.00", "1.004", "-1e-9"]
    lines = [f"a,{n},{amount},USD,{AT}," for n, amount in enumerate(amounts)]
    landed = landing.land(contract, {DAY: csv_of(*lines)})
    found = [row["amount"] for row in landed.raw()]
    assert found == [Decimal(x) for x in ("0.000", "0.010", "0.300", "1.000", "0.000")]
    assert reasons(landed) == {5: "amount: rounding changes too much"}
    assert landed.only.rounded == {"amount": 4}
    assert landed.raw()[0]["_extra"] == {"amount": "4.440892e-16"}
    assert landed.only.money_in == {"amount USD": 131}


def test_independent_money_agrees_for_any_amount(landing: Landing, sales: Sales) -> None:
    rng = random.Random(7)
    words = [
        "".join(rng.choice("0019.e-+ ") for _ in range(rng.randrange(1, 9))) for _ in range(800)
    ]
    whole = [f"{rng.randrange(-(10**6), 10**6)}" for _ in range(50)]
    exact = [
        f"{rng.randrange(10**6)}.{rng.randrange(10**n)}" for n in range(1, 5) for _ in range(50)
    ]
    lines = [f"a,{n},{word},USD,{AT}," for n, word in enumerate([*words, *whole, *exact])]
    metas: list[dict[str, object]] = [{}, {"scientific": True}, {"round_within": "0.004"}]
    for meta in metas:
        contract = sales(money={"amount": {"currency": "USD"}}, meta={"amount": meta})
        landed = landing.land(contract, {DAY: csv_of(*lines)})
        assert landed.batch.refusals == []
        assert landed.only.raw.rows > 100
        assert landed.only.money_in == landed.only.raw.money


def test_exponents_are_read_only_where_declared(landing: Landing, sales: Sales) -> None:
    lines = ["4.0128e+10,1", "4.05e+0,2", "40128000000,3", "1e-25,4", "1e20,5"]
    columns = {"id": "bigint", "line": "int", "sold_at": "date"}
    contract = sales(columns=columns, meta={"id": {"scientific": True}}, money=None)
    text = csv_of(*[f"{line},{DAY}" for line in lines], header="id,line,sold_at")
    landed = landing.land(contract, {DAY: text})
    assert [row["id"] for row in landed.raw()] == [40128000000, 40128000000]
    assert reasons(landed) == {
        2: "id: not a whole number",
        4: "id: not a whole number",
        5: "id: out of range",
    }
    strict = landing.land(sales(columns=columns, money=None), {DAY: text})
    assert reasons(strict)[1] == "id: not a whole number"


def test_what_identifies_a_person_is_hashed_and_nowhere_in_clear(
    landing: Landing, sales: Sales
) -> None:
    contract = sales(meta={"note": {"pii": "high"}})
    lines = [f"a,1,1.00,EUR,{AT},Canary Jones", f"a,x,1.00,EUR,{AT},Canary Jones"]
    landed = landing.land(contract, {DAY: csv_of(*lines)})
    secret = (landing.settings.home / "secrets" / "pii_key").read_bytes()
    assert landed.raw()[0]["note"] == hashed(secret, "Canary Jones")
    assert landed.quarantine()[0]["_raw"] is None
    written = b"".join(path.read_bytes() for path in landed.root.rglob("*.parquet"))
    assert b"Canary" not in written


def test_fault_80_a_blank_key_that_would_be_hashed_is_a_blank_key(
    landing: Landing, sales: Sales
) -> None:
    contract = sales(meta={"id": {"pii": "high"}}, format={"null_values": ["N/A"]})
    blanks = ["", "   ", "\t", "\u00a0", " N/A "]
    lines = [f"{key},1,1.00,EUR,{AT},x" for key in [*blanks, " Canary Jones "]]
    landed = landing.land(contract, {DAY: csv_of(*lines)})
    assert reasons(landed) == {n: "id: key is blank" for n in range(1, len(blanks) + 1)}
    secret = (landing.settings.home / "secrets" / "pii_key").read_bytes()
    (row,) = landed.raw()
    assert row["id"] == hashed(secret, "Canary Jones")
    assert row["_extra"] == {}


def test_slices_have_the_digest_that_python_computes(landing: Landing, sales: Sales) -> None:
    lines = [f"a,1,1.00,EUR,{AT},x", "a,2,2.00,EUR,2026-03-09 10:00:00,", f"a,3,,EUR,{AT},"]
    contract = sales()
    landed = landing.land(contract, {DAY: csv_of(*lines)})
    of_day = [row.asDict() for row in landed.raw() if row["_business_date"] == DAY]
    slices = landed.only.slices
    assert sorted(slices) == ["2026-03-09", DAY]
    assert slices[DAY].hash_sum == digest_rows(of_day, business_columns(contract)).hash_sum
    assert slices[DAY].money == {"amount EUR": 100}
    assert landed.only.raw == slices[DAY] + slices["2026-03-09"]


def test_sequences_of_a_date_land_together(landing: Landing, sales: Sales) -> None:
    contract = sales()
    root = landing.folder / "landing"
    deliver(root, contract, DAY, csv_of(f"a,1,1.00,EUR,{AT},"), seq=1)
    deliver(root, contract, DAY, csv_of(f"a,2,1.00,EUR,{AT},"), seq=2)
    landed = landing.land(contract, {"2026-03-11": csv_of()})
    assert landed.batch.landed == ["2026-03-11"]
    again = landing.land(contract, {DAY: csv_of(f"a,3,1.00,EUR,{AT},")})
    assert sorted(row["line"] for row in again.raw()) == [1, 2, 3]


def test_sequences_that_change_places_are_other_content(landing: Landing, sales: Sales) -> None:
    contract, root = sales(), landing.folder / "landing"
    one, other = (csv_of(f"a,1,{amount},EUR,{AT},") for amount in ("1.00", "2.00"))
    deliver(root, contract, DAY, one, seq=1)
    deliver(root, contract, DAY, other, seq=2)
    before = landing.land(contract, {DAY: csv_of()}).only
    deliver(root, contract, DAY, other, seq=1)
    deliver(root, contract, DAY, one, seq=2)
    after = landing.land(contract, {DAY: csv_of()}).only
    assert after.slices[DAY].digest != before.slices[DAY].digest
    assert after.raw.digest != before.raw.digest
    assert after.raw.money == before.raw.money


def test_snapshot_and_cumulative_feeds_have_their_own_business_dates(
    landing: Landing, sales: Sales
) -> None:
    snapshot = sales(kind="full_snapshot", business_date={"delivery": True})
    landed = landing.land(snapshot, {DAY: csv_of("a,1,1.00,EUR,2001-01-01 00:00:00,")})
    assert list(landed.only.slices) == [DAY]
    cumulative = sales(kind="cumulative", max_lateness_days=None)
    landed = landing.land(cumulative, {DAY: csv_of("a,1,1.00,EUR,2001-01-01 00:00:00,")})
    assert list(landed.only.slices) == ["2001-01-01"]


def test_fault_72_other_dialects_and_encodings_are_declared(landing: Landing, sales: Sales) -> None:
    dialect = {"delimiter": ";", "quote": "'", "encoding": "latin-1", "null_values": ["", "N/A"]}
    contract = sales(format=dialect)
    text = csv_of(f"'ä;b';1;N/A;EUR;{AT};'it''s'", header=HEADER.replace(",", ";"))
    (row,) = landing.land(contract, {DAY: text.encode("latin-1")}).raw()
    assert (row["id"], row["amount"], row["note"]) == ("ä;b", None, "it's")


def test_fault_70_a_field_of_megabytes_is_a_bad_row(landing: Landing, sales: Sales) -> None:
    lines = [f"a,1,1.00,EUR,{AT},{'x' * (40 << 20)}", f"a,2,1.00,EUR,{AT},"]
    landed = landing.land(sales(), {DAY: csv_of(*lines)})
    assert reasons(landed) == {1: "row: longer than 1048576 characters"}
    assert landed.only.raw.rows == 1


def test_the_real_year_lands_to_the_cent(landing: Landing, shared_data: Path) -> None:
    contract = load_contracts(landing.settings.project)["completejourney.transactions"]
    contract = contract.model_copy(update={"system": "till_real", "max_lateness_days": 400})
    whole = (shared_data / "completejourney" / "transactions_sample.csv.gz").read_bytes()
    landed = landing.land(contract, {"2018-01-01": whole})
    assert landed.only.raw.rows == 75000
    assert landed.only.raw.money == {
        "sales_value USD": 23_393_524,
        "retail_disc USD": 4_018_091,
        "coupon_disc USD": 135_671,
        "coupon_match_disc USD": 24_210,
    }
    assert landed.only.rounded == {"sales_value": 1}
    assert landed.only.quarantine.rows == 0


def test_a_second_cumulative_file_changes_one_business_date(
    landing: Landing, shared_data: Path
) -> None:
    contract = load_contracts(landing.settings.project)["ecb_fx.rates"]
    contract = contract.model_copy(update={"system": "till_ecb"})
    text = gzip.decompress((shared_data / "ecb_fx" / "eurofxref-hist.csv.gz").read_bytes())
    header, newest, *older = text.decode().splitlines(keepends=True)
    days = {"2026-04-10": header + "".join(older), "2026-04-13": header + newest + "".join(older)}
    dates = landing.land(contract, days).batch.dates
    before, after = dates["2026-04-10"].slices, dates["2026-04-13"].slices
    assert len(before) == 6982
    assert {day for day in after if after[day] != before.get(day)} == {"2026-04-13"}
