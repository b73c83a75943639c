import os
import stat
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine, text

from countinghouse.services import postgres
from countinghouse.settings import Settings


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """An installation whose home is too long a path for a unix socket, with a blank in it."""
    settings = Settings(home=tmp_path_factory.mktemp("a home") / ("long" * 30))
    settings.home.mkdir()
    yield settings
    postgres.stop(settings)


def test_the_server_starts_when_it_is_first_needed(far: Settings) -> None:
    engine = create_engine(postgres.ledger_url(far))
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT current_database()")) == "countinghouse"
    engine.dispose()
    assert postgres.answers(far)


def test_fault_96_only_a_unix_socket_of_the_owner_is_open(far: Settings) -> None:
    postgres.start(far)
    server = postgres.process(far)
    assert server is not None
    open_to = [c for c in server.net_connections("inet") if c.status == "LISTEN"]
    assert open_to == []
    assert stat.S_IMODE(postgres.socket_folder(far).stat().st_mode) == 0o700


def test_a_killed_server_is_started_again_with_what_it_had(far: Settings) -> None:
    with psycopg.connect(postgres.ledger_url(far).replace("+psycopg", "")) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    server = postgres.process(far)
    assert server is not None
    server.kill()
    server.wait(10)
    with psycopg.connect(postgres.ledger_url(far).replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_after_stop_nothing_runs_and_no_socket_is_left(far: Settings) -> None:
    postgres.start(far)
    server = postgres.process(far)
    assert server is not None
    family = [server, *server.children(recursive=True)]
    postgres.stop(far)
    psutil.wait_procs(family, timeout=5)
    assert [one for one in family if one.is_running()] == []
    assert not postgres.answers(far)
    assert not postgres.socket_folder(far).exists()


def test_an_external_server_is_used_as_it_is(tmp_path: Path) -> None:
    url = SecretStr("postgresql://user:pw@db.example/ledger?sslmode=require")
    settings = Settings(home=tmp_path, ledger_url=url)
    assert postgres.ledger_url(settings) == (
        "postgresql+psycopg://user:pw@db.example/ledger?sslmode=require"
    )
    assert postgres.ledger_url(settings, "airflow").startswith(
        "postgresql+psycopg://user:pw@db.example/airflow"
    )
    postgres.start(settings)
    assert os.listdir(tmp_path) == []
