"""One installation for each test worker: the real PostgreSQL and the real engine."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from countinghouse.settings import QUICK_COMPILER, Settings

# Minutes each: begun first, or one worker would be busy with them long after the other has ended.
_LONG = (
    *("test_airflow.py", "test_real_data.py", "test_real_ads.py", "test_real_finance.py"),
    *("test_followed_pages.py", "test_engine_killed.py", "test_faulty_deliveries.py"),
)
# Looks for what all others have left.
_LAST = "test_nothing_left.py"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of `countinghouse verify faults`."""
    parser.addoption("--fault-seed", type=int, default=0, help="when random kills strike")
    parser.addoption("--random-kills", type=int, default=3, help="how many of them")
    parser.addoption("--every-point", action="store_true", help="kill real jobs at each of them")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; else the order is left as it is."""
    rank = {name: place for place, name in enumerate(_LONG)} | {_LAST: len(_LONG) + 1}
    items.sort(key=lambda item: rank.get(item.path.name, len(_LONG)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """With each failure, what the supervisor said last: an engine may have died under the test."""
    report = yield
    settings = getattr(item, "funcargs", {}).get("installation")
    if report.failed and settings is not None:
        for log in (settings.logs / "supervisor.log", *settings.logs.glob("engine.crash.*")):
            report.sections.append((log.name, log.read_text()[-2000:]))
    return report


@pytest.fixture(scope="session", autouse=True)
def class_archives(tmp_path_factory: pytest.TempPathFactory) -> None:
    """One archive of the engine's classes, made early, for all installations of both workers."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    os.environ["COUNTINGHOUSE_CLASS_ARCHIVES"] = str(shared / "classes")
    os.environ["COUNTINGHOUSE_CLASS_ARCHIVE_SECONDS"] = "15"


@pytest.fixture(scope="session", autouse=True)
def quick_compiler() -> None:
    """Engines of tests live for minutes."""
    options = Settings.model_fields["java_options"].default
    os.environ["COUNTINGHOUSE_JAVA_OPTIONS"] = f"{options} {QUICK_COMPILER}"


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Settings of a home of its own; nothing runs yet. Subprocesses see it by environment."""
    from installations import free_ports

    from countinghouse import settings as module

    before = dict(os.environ)
    for name, port in free_ports().items():
        os.environ[f"COUNTINGHOUSE_{name.upper()}"] = str(port)
    os.environ["COUNTINGHOUSE_HOME"] = str(tmp_path_factory.mktemp("home"))
    # So that a test of frozen holders does not wait a minute.
    os.environ["COUNTINGHOUSE_LEASE_SECONDS"] = "8"
    # Tests reconcile when they want it; each new engine is still looked after at once.
    os.environ["COUNTINGHOUSE_RECONCILE_SECONDS"] = "3600"
    module.load.cache_clear()
    yield module.load()
    os.environ.clear()
    os.environ.update(before)
    module.load.cache_clear()


@pytest.fixture(scope="session")
def installation(settings: Any) -> Iterator[Any]:
    """The settings of an installation that is up, without Airflow."""
    from countinghouse.services import control

    control.up(settings, with_airflow=False)
    yield settings
    control.down(settings)


@pytest.fixture(scope="session")
def ledger(installation: Any) -> Any:
    """The migrated ledger of the installation."""
    from countinghouse.ledger import open_ledger

    return open_ledger(installation)


@pytest.fixture
def session(installation: Any) -> Iterator[Any]:
    """An engine session of its own."""
    from countinghouse.engine_session import open_session

    opened = open_session(installation, name="test")
    yield opened
    opened.stop()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data sets; tests that need them skip, saying so, where they are absent."""
    default = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
    folder = Path(os.environ.get("COUNTINGHOUSE_TEST_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no data sets at {folder}; set COUNTINGHOUSE_TEST_DATA")
    return folder
