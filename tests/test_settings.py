"""Settings refuse what the programs that get them would misread."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from countinghouse.errors import CountinghouseError
from countinghouse.services import cluster, engine
from countinghouse.settings import NEVER, Settings


@pytest.mark.parametrize("strange", ["shop's", "100%", "a;b", "day?", "new\nline"])
@pytest.mark.parametrize("field", ["home", "project"])
def test_a_folder_with_a_strange_name_is_refused(tmp_path: Path, field: str, strange: str) -> None:
    with pytest.raises(ValidationError, match="choose another folder"):
        Settings(**{field: tmp_path / strange})


def test_a_relative_home_is_the_same_wherever_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings(home="warehouse")
    monkeypatch.chdir("/")
    assert settings.home == tmp_path / "warehouse"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """As `up` makes it before it asks for the engine's settings."""
    (tmp_path / "spark").mkdir()
    return tmp_path


def test_more_settings_of_the_engine_win_and_keep_their_secrets(home: Path) -> None:
    more = {"spark.sql.shuffle.partitions": "64", "spark.hadoop.fs.s3a.secret.key": "canary"}
    settings = Settings(home=home, spark_properties=more)
    found = engine.properties(settings)
    assert {name: found[name] for name in more} == more
    assert "canary" not in repr(settings)


@pytest.mark.parametrize("name", NEVER)
def test_what_would_break_a_promise_is_no_setting(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValidationError, match=f"{name} is not for a user to set"):
        Settings(home=tmp_path, spark_properties={name: "x"})


def test_workers_need_the_address_of_their_master(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, cluster_workers=2)
    with pytest.raises(CountinghouseError, match=r"2 workers were asked for.*local\[2,4\]"):
        cluster.components(settings)


def test_workers_listen_beside_their_master(home: Path) -> None:
    settings = Settings(home=home, cluster_workers=2, spark_master="spark://127.0.0.1:7077")
    names = {one.name: one.ports[0] for one in cluster.components(settings)}
    assert names == {"spark-master": 7077, "spark-worker-0": 7078, "spark-worker-1": 7079}
    assert engine.properties(settings)["spark.authenticate"] == "true"
