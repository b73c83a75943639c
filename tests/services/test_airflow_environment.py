import asyncio
import json
import stat
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

from countinghouse.services import airflow
from countinghouse.settings import Settings


@pytest.fixture(scope="module")
def environment(installation: Settings) -> dict[str, str]:
    return airflow.environment(installation)


def test_its_database_answers_over_both_drivers(environment: dict[str, str]) -> None:
    engine = create_engine(environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT current_database()")) == "airflow"
    engine.dispose()

    async def ask() -> Any:
        other = create_async_engine(environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC"])
        async with other.connect() as connection:
            answer = await connection.scalar(text("SELECT current_database()"))
        await other.dispose()
        return answer

    assert asyncio.run(ask()) == "airflow"


def test_it_serves_this_machine_only(environment: dict[str, str]) -> None:
    assert environment["AIRFLOW__API__HOST"] == "127.0.0.1"
    # The log servers of these two would listen on every interface.
    assert airflow.ARGUMENTS["scheduler"] == ["--skip-serve-logs"]


def test_its_secrets_are_made_once_per_installation(
    installation: Settings, environment: dict[str, str], tmp_path: Any
) -> None:
    secret = "AIRFLOW__API_AUTH__JWT_SECRET"
    assert airflow.environment(installation)[secret] == environment[secret]
    elsewhere = installation.model_copy(update={"home": tmp_path})
    assert airflow.password(elsewhere) != airflow.password(installation)


def test_its_password_is_ours_and_only_the_owner_reads_it(installation: Settings) -> None:
    start = next(iter(airflow.components(installation))).start()
    file = installation.home / "secrets" / "airflow_passwords.json"
    assert json.loads(file.read_text()) == {"admin": airflow.password(installation)}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    secrets = [path.read_text() for path in file.parent.iterdir()]
    assert not any(value in argument for value in secrets for argument in start.command)
