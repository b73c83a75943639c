"""The unit tests of the project's models, on the real engine."""

from pathlib import Path
from typing import Any

import yaml
from duck import PROJECT

DECLARED = sorted(
    unit["name"]
    for path in PROJECT.glob("models/**/*.yml")
    for unit in (yaml.safe_load(path.read_text()) or {}).get("unit_tests", [])
)


def test_every_unit_test_of_the_models_passes(installation: Any, tmp_path: Path) -> None:
    from countinghouse.dbt.dbt_build import run_unit_tests
    from countinghouse.engine_session import new_session_id

    results = run_unit_tests(installation, session_id=new_session_id(), scratch=tmp_path)

    assert [(r.name, r.message) for r in results if not r.ok] == []
    assert sorted(r.name for r in results) == DECLARED
    assert len(DECLARED) >= 18
