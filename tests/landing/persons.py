"""A source with persons in it: four feeds, and deliveries in which persons stand everywhere."""

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from feeds import zipped

SYSTEM = "persons"
NAME, PHONE = "Canary Quillfeather", "+49 170 5550199"
PAN, IBAN = "4111111111111117", "DE02120300000000202051"
MAIL = "canary.quillfeather@example.org"
# Parts of the above, in lower case, that nothing else contains.
NEEDLES = (b"quillfeather", b"5550199", b"111111111111117", b"0300000000202051")
AT = "09:00:00"
HEADER = "id,name,phone,pan,iban,mail,city,amount,seen_at"
COLUMNS = {
    "id": ("string", {}),
    "name": ("string", {"pii": "high"}),
    "phone": ("string", {"pii": "high", "treatment": "tokenise"}),
    "pan": ("string", {"pii": "high", "treatment": "drop"}),
    "iban": ("string", {"treatment": "tokenise"}),
    "mail": ("string", {"pii": "high", "null_values": ["-"]}),
    "city": ("string", {}),
    "amount": ("decimal(18,2)", {}),
    "seen_at": ("timestamp", {"nullable": False}),
}
FORMATS: Mapping[str, Mapping[str, Any]] = {
    "customers": {"type": "csv"},
    "calls": {"type": "csv", "header": False},
    "visits": {"type": "json_lines"},
    "cards": {"type": "parquet"},
}
# Fails for one date, and looks at values as Great Expectations does.
SUITE = """
import great_expectations.expectations as gxe

TABLE = "raw.persons__customers"
BLOCK = [gxe.ExpectColumnValuesToNotBeInSet(column="id", value_set=["stop"], description="no stop")]
WARN = [
    gxe.ExpectColumnDistinctValuesToBeInSet(column="name", value_set=["x"], description="names"),
    gxe.ExpectColumnValuesToMatchRegex(column="phone", regex="^x", description="phones"),
]
"""
MODEL = """select id, name, phone, amount, _business_date as dt
from {{ source('persons', 'customers') }}
where _business_date in (select dt from {{ run_dates() }})
"""


def declare(project: Path) -> None:
    """The four feeds, a suite for one of them and a staging model with a test that fails."""
    models = project / "dbt_project" / "models"
    folder = models / "staging" / SYSTEM
    folder.mkdir(parents=True)
    tables = [_feed(name, declared) for name, declared in FORMATS.items()]
    sources = [{"name": SYSTEM, "schema": "raw", "description": "Persons.", "tables": tables}]
    _write(folder / "_persons__sources.yml", {"version": 2, "sources": sources})
    (folder / "stg_persons__customers.sql").write_text(MODEL)
    columns = [
        {"name": name, "data_type": kind, "description": name}
        for name, kind in [
            *((name, COLUMNS[name][0]) for name in ("id", "name", "phone", "amount")),
            ("dt", "string"),
        ]
    ]
    test = {"accepted_range": {"name": "amounts_are_small", "arguments": {"max": 90}}}
    columns[3]["data_tests"] = [test]  # type: ignore[assignment]
    model = {"name": "stg_persons__customers", "description": "Customers.", "columns": columns}
    _write(folder / "stg_persons.yml", {"version": 2, "models": [model]})
    suite = project / "expectations" / "raw" / "persons__customers.py"
    suite.parent.mkdir(parents=True)
    suite.write_text(SUITE)


def _feed(name: str, declared: Mapping[str, Any]) -> dict[str, Any]:
    landing = {
        "kind": "event",
        "keys": ["id"],
        "business_date": {"column": "seen_at"},
        "refuse_above": 0.9,
        "format": dict(declared),
        "money": {"amount": {"currency": "EUR"}},
        "files": "[!x]*",
    }
    return {
        "name": name,
        "identifier": f"{SYSTEM}__{name}",
        "description": "Persons.",
        "config": {"meta": {"owner": "tests", "landing": landing}},
        "columns": [
            {"name": c, "data_type": kind, "description": c, "config": {"meta": dict(meta)}}
            for c, (kind, meta) in COLUMNS.items()
        ],
    }


def _write(path: Path, content: Any) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False))


def row(key: str, day: str, amount: str = "1.00") -> list[str]:
    """A good row."""
    return [key, NAME, PHONE, PAN, IBAN, MAIL, "Bonn", amount, f"{day} {AT}"]


def csv(*rows: Sequence[str], header: str = HEADER) -> str:
    return "".join(f"{line}\n" for line in (header, *(",".join(r) for r in rows)) if line)


def bad_rows(day: str) -> list[list[str]]:
    """Rows that break a rule each, every one with a person in it."""
    good = row("bad", day)
    return [
        [*good[:7], NAME, good[8]],
        [*good[:8], NAME],
        [*good, MAIL],
        good[:5],
        [*good[:6], f'"{NAME}"x', *good[7:]],
        [*good[:6], f"{NAME}\x00", *good[7:]],
        [*good[:7], MAIL, PHONE],
        [" ", *good[1:]],
        # Two that differ have the same key.
        ["twice", *good[1:]],
        ["twice", f"{NAME} II", *good[2:]],
    ]


def _record(day: str, **more: Any) -> dict[str, Any]:
    return dict(zip(COLUMNS, row("j", day), strict=True)) | more


def json_lines(day: str) -> str:
    """Records of which some are bad, some hold what nobody has declared, under any name."""
    records = [
        _record(day),
        _record(day, id="k", nickname=NAME, contact={"mails": [MAIL], NAME: PHONE}),
        _record(day, id="l", **{MAIL: "1", NAME: {"x": IBAN}}),
        _record(day, id="m", name={"first": NAME}),
        _record(day, id="n", amount=NAME),
        [NAME],
    ]
    return "".join(f"{json.dumps(r)}\n" for r in records) + f'{{"name": "{NAME}", \n'


def parquet(day: str, *, drop: str = "") -> bytes:
    """A good and a bad row, with a column that nobody has declared."""
    rows = [row("p", day), [*row("q", day)[:7], NAME, f"{day} {AT}"]]
    columns = {
        name: list(values) for name, values in zip(COLUMNS, zip(*rows, strict=True), strict=True)
    }
    content = columns | {"nickname": [NAME, MAIL], f"of {NAME}": [PHONE, IBAN]}
    content.pop(drop, None)
    written = io.BytesIO()
    pq.write_table(pa.table(content), written)
    return written.getvalue()


Delivered = tuple[str, str, str, bytes, Mapping[str, Any] | None]


def deliveries(good: str, gated: str, refused: Sequence[str]) -> list[Delivered]:
    """Feed, date, file name, content and manifest; `refused` has eleven dates."""
    file = f"of {NAME}.csv"
    extra = csv(
        *([*r, MAIL] if len(r) == 9 else r for r in [row("a", good), row("big", good, "99.00")]),
        *([*r, NAME] if len(r) == 9 else r for r in bad_rows(good)),
        header=f"{HEADER},Nick of {NAME}",
    )
    headless = csv(row("a", good), header="")
    hashed = hashlib.sha256(b"x").hexdigest()
    said = {"files": [{"name": MAIL, "bytes": 1, "sha256": hashed}]}
    control = {"control": {NAME: "1.00"}}
    days = iter(refused)
    return [
        ("customers", good, file, extra.encode(), None),
        ("customers", gated, file, csv(row("stop", gated)).encode(), None),
        (
            "calls",
            good,
            file,
            csv(*(row(key, good) for key in "cdef"), *bad_rows(good), header="").encode(),
            None,
        ),
        ("visits", good, f"{MAIL}.json", json_lines(good).encode(), None),
        ("cards", good, f"{IBAN}.parquet", parquet(good), None),
        ("customers", next(days), file, headless.encode(), None),
        ("customers", next(days), file, csv(header=f"{HEADER},{NAME},{NAME}").encode(), None),
        ("customers", next(days), file, csv(*bad_rows(good)).encode(), None),
        ("customers", next(days), file, zipped(csv(row("a", good)))[:-9], None),
        ("customers", next(days), f"x {NAME}", b"", None),
        ("customers", next(days), file, b"x", said),
        ("customers", next(days), file, csv(row("a", good)).encode(), control),
        ("customers", next(days), file, csv(row("a", good)).encode(), {NAME: MAIL}),
        ("cards", next(days), file, parquet(good, drop="city"), None),
        (
            "visits",
            next(days),
            file,
            f'{json.dumps(_record(good))[:-1]}, "{NAME}": 1, "{NAME}": 2}}\n'.encode(),
            None,
        ),
    ]
