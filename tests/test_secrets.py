"""Secrets are in their files and nowhere else: canaries in settings, in errors, in whatever ran."""

import logging
import os
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from ledger_text import texts_of
from pydantic import SecretStr

from countinghouse import engine_session
from countinghouse.errors import CountinghouseError
from countinghouse.ledger import open_ledger
from countinghouse.ledger.backup import backup
from countinghouse.notifier import Alert, notifier
from countinghouse.services import postgres, processes
from countinghouse.settings import Settings
from tests.harness import publish_numbers

DAY = "2026-01-01"
CANARY = "canary-pa55word"
ALERT = Alert("marts.secret", DAY, "a rule", "a message", "a command")
# The engine's own settings, which its process reads; nobody else may.
FOR_THE_ENGINE = "run/engine.conf"


def with_canaries(settings: Settings) -> Settings:
    """The installation, its ledger reached by a URL with a password, its channels closed."""
    url = sa.make_url(postgres.url(settings, "countinghouse", driver="psycopg"))
    secrets = {
        "ledger_url": url.set(password=CANARY).render_as_string(hide_password=False),
        "notify_smtp_url": f"smtp://me:{CANARY}@127.0.0.1:9/?from=a@x.org&to=b@x.org",
        "notify_webhook_url": f"http://127.0.0.1:9/hook/{CANARY}",
    }
    return settings.model_copy(update={name: SecretStr(text) for name, text in secrets.items()})


def made(settings: Settings) -> dict[str, str]:
    """Every secret that the installation has made."""
    for name in ("connect_token", "pii_key", "airflow_password", "airflow_jwt_secret"):
        settings.secret(name)
    files = (settings.home / "secrets").iterdir()
    return {path.name: path.read_text().strip() for path in files if path.is_file()}


def holding(settings: Settings, secrets: dict[str, str]) -> Iterator[str]:
    """Files below home, but for those in `secrets`, with the secret that each holds."""
    words = {name: text.encode() for name, text in secrets.items()}
    for folder, folders, files in os.walk(settings.home):
        if folder == str(settings.home):
            folders[:] = [name for name in folders if name not in ("secrets", "pgdata")]
        for path in (Path(folder) / name for name in files):
            try:
                content = path.read_bytes() if path.is_file() else b""
            except FileNotFoundError:
                continue
            relative = path.relative_to(settings.home)
            yield from (f"{relative}: {name}" for name, word in words.items() if word in content)


def test_fault_94_no_secret_is_in_a_command_line_or_a_readable_file(
    installation: Settings,
) -> None:
    secrets = made(installation)
    commands = [process.cmdline() for process in processes.owned(installation)]
    assert commands
    words = [word for command in commands for word in command]
    assert [name for name, text in secrets.items() if any(text in word for word in words)] == []
    assert list(holding(installation, secrets)) == [f"{FOR_THE_ENGINE}: connect_token"]
    assert stat.S_IMODE((installation.home / FOR_THE_ENGINE).stat().st_mode) == 0o600
    folder = installation.home / "secrets"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_fault_94_whatever_runs_and_fails_tells_no_secret(
    installation: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    settings = with_canaries(installation)
    secrets = made(installation) | {"canary": CANARY}
    said = [repr(publish_numbers(settings, "marts.secret", {DAY: [1]}))]
    said += map(repr, publish_numbers(settings, "marts.secret", {DAY: [2]}, passed=False))
    notifier(settings).notify(ALERT)
    backup(settings, tmp_path / "ledger.backup")
    command = [sys.executable, "-m", "countinghouse.cli"]
    environment = processes.environment(settings)
    for words in (["sql", "select nothing"], ["history", "marts.secret"], ["diff", "marts.x", DAY]):
        done = subprocess.run([*command, *words], env=environment, capture_output=True, text=True)
        said += [done.stdout, done.stderr]
    said += texts_of(open_ledger(installation)).values()
    told = "\n".join([*said, caplog.text])
    assert "not sent by SmtpNotifier" in told
    assert "not sent by WebhookNotifier" in told
    assert "UNRESOLVED_COLUMN" in told
    assert [name for name, text in secrets.items() if text in told] == []
    assert list(holding(settings, secrets)) == [f"{FOR_THE_ENGINE}: connect_token"]


def test_fault_94_the_engine_shows_no_secret(installation: Settings, session: Any) -> None:
    token = installation.secret("connect_token")
    shown = [str(row) for row in session.sql("set").collect()]
    shown += [str(row) for row in session.sql("set spark.connect.authenticate.token").collect()]
    root = f"http://127.0.0.1:{installation.spark_ui_port}"
    for page in ("/environment/", "/api/v1/applications"):
        with urllib.request.urlopen(root + page) as answer:
            shown.append(answer.read().decode())
    assert "spark.connect.authenticate.token" in "".join(shown)
    assert [text[:200] for text in shown if token in text] == []


@pytest.mark.parametrize("show", [repr, str, lambda s: s.model_dump_json(), lambda s: f"{s!r}"])
def test_fault_94_settings_show_no_secret(tmp_path: Path, show: Any) -> None:
    settings = Settings(
        home=tmp_path,
        ledger_url=SecretStr(f"postgresql://me:{CANARY}@db/x"),
        notify_smtp_url=SecretStr(f"smtp://me:{CANARY}@mail/"),
        notify_webhook_url=SecretStr(f"https://chat/{CANARY}"),
    )
    assert "ledger_url" in show(settings)
    assert CANARY not in show(settings)


@pytest.mark.parametrize("name", ["ledger_url", "notify_smtp_url", "notify_webhook_url"])
def test_fault_94_a_secret_that_is_written_wrongly_is_not_quoted(tmp_path: Path, name: str) -> None:
    (tmp_path / "settings.toml").write_text(f'{name} = ["https://me:{CANARY}@host/"]\n')
    done = _doctor(tmp_path)
    assert f"COUNTINGHOUSE_{name.upper()} is not usable" in done
    assert CANARY not in done


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://me:{CANARY}@host:port/x",
        f"me:{CANARY}@host",
        f"postgresql://me:{CANARY}@127.0.0.1:9/x",
        f"nosuch://me:{CANARY}@127.0.0.1:9/x",
    ],
)
def test_fault_94_a_ledger_that_cannot_be_reached_tells_no_password(
    tmp_path: Path, url: str
) -> None:
    settings = Settings(home=tmp_path, ledger_url=SecretStr(url))
    with pytest.raises(Exception, match=r".") as raised:
        open_ledger(settings).connect().close()
    error: BaseException | None = raised.value
    while error is not None:
        assert CANARY not in f"{error} {error!r}"
        error = error.__cause__ or error.__context__


def test_fault_94_the_url_of_a_session_is_in_no_error(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, connect_port=9)
    with pytest.raises(CountinghouseError) as raised:
        engine_session.open_session(settings)
    assert settings.secret("connect_token") not in str(raised.value)


def _doctor(home: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "countinghouse.cli", "doctor"],
        env=os.environ | {"COUNTINGHOUSE_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr
