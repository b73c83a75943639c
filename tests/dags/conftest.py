import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from installations import another
from running import Airflow, running_airflow

from countinghouse.landing.treatments import PII_KEY
from countinghouse.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[2]

sys.path.insert(0, str(REPOSITORY / "dags"))


@pytest.fixture(scope="session")
def parse(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, Any]]:
    """Parses all DAG files in a process of their own, over any dbt project, from any folder."""

    def parsed(project: Path = REPOSITORY, folder: Path = REPOSITORY / "dags") -> dict[str, Any]:
        home = tmp_path_factory.mktemp("airflow")
        env = os.environ | {"AIRFLOW_HOME": str(home), "COUNTINGHOUSE_PROJECT": str(project)}
        facts = Path(__file__).with_name("facts.py")
        words = [sys.executable, facts, folder]
        done = subprocess.run(words, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found

    return parsed


@pytest.fixture(scope="session")
def declared(parse: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """What the repository's DAG files declare."""
    return parse()


@pytest.fixture(scope="session")
def dags(declared: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Facts by `dag_id`."""
    found: dict[str, dict[str, Any]] = declared["dags"]
    return found


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> Iterator[Airflow]:
    """A running Airflow with an engine of its own: other tests' deliveries stay out of it.

    It hashes persons as the other installation does, or no table of them could be compared.
    """
    home = tmp_path_factory.mktemp("airflow")
    (home / "secrets").mkdir(mode=0o700)
    (home / "secrets" / PII_KEY).write_text(settings.secret(PII_KEY))
    with (
        another(home, driver_memory="1g") as ours,
        running_airflow(ours) as running,
    ):
        yield running
