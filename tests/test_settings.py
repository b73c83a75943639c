"""Settings refuse what the programs that get them would misread."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from countinghouse.settings import Settings


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
