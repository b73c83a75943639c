"""Tables of a real PostgreSQL as deliveries: all rows, counted by the database, or an error."""

import gzip
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from feeds import contract_of
from pydantic import SecretStr

from countinghouse.contracts import Contract
from countinghouse.deliveries.delivery_folders import discover, read
from countinghouse.deliveries.extract import extract, yesterday
from countinghouse.errors import ContractError, CountinghouseError
from countinghouse.services import postgres
from countinghouse.settings import Settings

DAY = "2026-03-02"
JSON = {"type": "json_lines"}
SALES = "select id, line, amount, currency, sold_at, note from {schema}.sales"
OF_A_DAY = f"{SALES} where sold_at >= cast(:dt as date) and sold_at < cast(:next_dt as date)"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of its own, which has nothing to do with a warehouse."""
    own = Settings(home=tmp_path_factory.mktemp("shop"))
    postgres.start(own)
    yield postgres.ledger_url(own)
    postgres.stop(own)


@pytest.fixture
def schema(url: str) -> Iterator[str]:
    """A table of a shop in a schema of its own."""
    name, engine = f"shop_{uuid.uuid4().hex[:8]}", sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text(f"create schema {name}"))
        connection.execute(
            sa.text(
                f"create table {name}.sales (id text, line int, amount numeric(18, 3), "
                "currency text, sold_at timestamptz, note text)"
            )
        )
        connection.execute(
            sa.text(
                f"insert into {name}.sales values "
                "('b', 1, 0.100, 'EUR', '2026-03-02 23:30:00+00', E'two\\nlines, \"quoted\"'), "
                "('a', 9007, 1234567890.125, 'KWD', '2026-03-02 10:00:00+02', null), "
                "('c', 1, null, 'EUR', '2026-03-03 10:00:00+00', '')"
            )
        )
    yield name
    with engine.begin() as connection:
        connection.execute(sa.text(f"drop schema {name} cascade"))
    engine.dispose()


@pytest.fixture
def shop(settings: Settings, url: str, tmp_path: Path) -> Settings:
    databases = {"shop_db": SecretStr(url)}
    return settings.model_copy(update={"landing": tmp_path / "landing", "databases": databases})


@pytest.fixture
def declared(schema: str, tmp_path: Path) -> Callable[..., Contract]:
    def made(query: str = OF_A_DAY, **changes: Any) -> Contract:
        said = {"database": "shop_db", "query": query.format(schema=schema)}
        return contract_of(tmp_path, **{"format": JSON, "extract": said} | changes)

    return made


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.open(folder / "rows.jsonl.gz", "rt")]


def test_the_rows_of_a_day_come_with_what_the_database_counts(
    shop: Settings, declared: Callable[..., Contract]
) -> None:
    contract = declared()
    folder = extract(shop, contract, DAY)
    manifest = json.loads((folder / "_manifest.json").read_text())
    assert [row["id"] for row in rows(folder)] == ["a", "b"]
    assert rows(folder)[1]["note"] == 'two\nlines, "quoted"'
    assert (rows(folder)[0]["amount"], rows(folder)[0]["note"]) == ("1234567890.125", None)
    assert manifest["rows"] == 2
    assert manifest["control"] == {"amount": {"EUR": "0.100", "KWD": "1234567890.125"}}
    (arrival,) = discover(shop, contract)
    _, files, refused = read(shop, contract, arrival)
    assert (len(files), refused) == (1, "")


def test_equal_rows_are_an_equal_file(shop: Settings, declared: Callable[..., Contract]) -> None:
    contract = declared()
    before = (extract(shop, contract, DAY) / "rows.jsonl.gz").read_bytes()
    assert (extract(shop, contract, DAY) / "rows.jsonl.gz").read_bytes() == before


def test_the_past_of_a_table_without_dates_is_refused(
    shop: Settings, declared: Callable[..., Contract]
) -> None:
    contract = declared(SALES)
    with pytest.raises(CountinghouseError, match="what is there now, not on that day"):
        extract(shop, contract, DAY)
    assert len(rows(extract(shop, contract, yesterday()))) == 3


def test_a_query_that_fails_leaves_what_was_delivered(
    shop: Settings, declared: Callable[..., Contract]
) -> None:
    folder = extract(shop, declared(), DAY)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    broken = declared(OF_A_DAY.replace("note", "remark"))
    with pytest.raises(CountinghouseError, match='column "remark" does not exist'):
        extract(shop, broken, DAY)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_an_unknown_database_names_the_setting(
    shop: Settings, declared: Callable[..., Contract]
) -> None:
    nowhere = shop.model_copy(update={"databases": {}})
    with pytest.raises(CountinghouseError, match="COUNTINGHOUSE_DATABASES"):
        extract(nowhere, declared(), DAY)


def test_a_database_that_is_down_keeps_its_password(
    shop: Settings, declared: Callable[..., Contract]
) -> None:
    url = SecretStr("postgresql+psycopg://shop:canary-secret@127.0.0.1:1/shop")
    down = shop.model_copy(update={"databases": {"shop_db": url}})
    with pytest.raises(CountinghouseError) as raised:
        extract(down, declared(), DAY)
    assert "canary" not in str(raised.value)


def test_what_is_extracted_is_declared_as_json_lines(declared: Callable[..., Contract]) -> None:
    with pytest.raises(ContractError, match="comes as JSON lines"):
        declared(format={"type": "csv"})


def test_settings_of_databases_reach_children(shop: Settings) -> None:
    from countinghouse.services import processes

    said = json.loads(processes.environment(shop)["COUNTINGHOUSE_DATABASES"])
    assert set(said) == {"shop_db"}
    assert "**" not in said["shop_db"]
