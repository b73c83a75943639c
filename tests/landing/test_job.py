"""The landing job as a command."""

import pytest

from spark_jobs import landing


def test_a_system_that_nobody_declared_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert landing.main(["nowhere"]) == 1
    assert "no feed of 'nowhere' is declared" in capsys.readouterr().err
