import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import ledgers
import psutil
import pytest
import sqlalchemy as sa
from fetching import get, wait_for
from installations import free_ports

from countinghouse.dbt.dbt_manifest import load_manifest
from countinghouse.ledger import open_ledger
from countinghouse.services import postgres
from countinghouse.settings import Settings


@pytest.fixture(scope="package")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A ledger without an engine: the pages are answered from the ledger alone."""
    own = Settings(home=tmp_path_factory.mktemp("asked"))
    yield own
    postgres.stop(own)


@pytest.fixture
def ledger(asked: Settings) -> sa.Engine:
    """The ledger, empty."""
    opened = open_ledger(asked)
    ledgers.empty(opened)
    return opened


@pytest.fixture(scope="package")
def parsed(asked: Settings) -> None:
    """dbt has read the models: the pages do not have it read them."""
    load_manifest(asked)


@pytest.fixture(scope="package")
def page_server(
    asked: Settings, parsed: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, psutil.Process]]:
    """Address and process of the pages over the ledger `asked`, served to anybody."""
    port = free_ports()["airflow_port"]
    env = os.environ | {
        "COUNTINGHOUSE_HOME": str(asked.home),
        "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow")),
    }
    script = Path(__file__).with_name("serve_pages.py")
    log = (asked.home / "pages.log").open("w")
    server = subprocess.Popen([sys.executable, script, str(port)], env=env, stderr=log)
    address = f"http://127.0.0.1:{port}/countinghouse"
    try:
        wait_for(lambda: get(f"{address}/pages.css")[0] == 200, "the pages to be served")
        yield address, psutil.Process(server.pid)
    finally:
        server.terminate()
        server.wait(30)
        log.close()


@pytest.fixture(scope="package")
def served(page_server: tuple[str, psutil.Process]) -> str:
    """Address of the pages."""
    return page_server[0]
