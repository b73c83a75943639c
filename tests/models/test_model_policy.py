"""What every model owes its readers, on the files themselves."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from duck import PROJECT

MODELS = sorted(PROJECT.glob("models/*/*/*.sql"))
MARTS = [path for path in MODELS if path.parts[-3] == "marts"]
EXPOSURES = [
    exposure
    for path in sorted(PROJECT.glob("models/**/*.yml"))
    for exposure in (yaml.safe_load(path.read_text()) or {}).get("exposures", [])
]
FORMULAS = re.compile(r"row_number|winner_rank|except|lead\(|distinct|date_sub|coalesce| - ")


def _declared(path: Path) -> dict[str, Any]:
    (model,) = yaml.safe_load(path.with_suffix(".yml").read_text())["models"]
    assert model["name"] == path.stem
    return dict(model)


def _tests(model: dict[str, Any]) -> dict[str, Any]:
    return {name: test for entry in model.get("data_tests", []) for name, test in entry.items()}


def _by_name(path: Path) -> str:
    return path.stem


def test_there_are_models() -> None:
    assert len(MARTS) >= 7
    assert len(MODELS) > len(MARTS)


@pytest.mark.parametrize("path", MODELS, ids=_by_name)
def test_a_model_says_what_a_row_is_and_who_owns_it(path: Path) -> None:
    model = _declared(path)
    meta = model["config"]["meta"]
    columns = {column["name"] for column in model["columns"]}

    assert "One row per " in model["description"]
    assert set(meta["grain"]) <= columns
    assert re.fullmatch(r"[a-z]+-data", meta["owner"])
    assert all(re.fullmatch(r"[A-Z]-[0-9]{2}", i) for i in meta["invariants"])


@pytest.mark.parametrize("path", MODELS, ids=_by_name)
def test_every_column_has_a_type_and_a_description(path: Path) -> None:
    for column in _declared(path)["columns"]:
        assert column["data_type"], column["name"]
        assert column["description"].strip().endswith("."), column["name"]


@pytest.mark.parametrize("path", MODELS, ids=_by_name)
def test_amounts_are_integers_or_decimals_with_a_currency(path: Path) -> None:
    types = {column["name"]: column["data_type"] for column in _declared(path)["columns"]}
    minor = [name for name in types if name.endswith(("_minor", "_micros"))]

    assert not {"double", "float"} & set(types.values())
    assert all(types[name] == "bigint" for name in minor)
    assert "currency" in types or not minor


@pytest.mark.parametrize("path", MARTS, ids=_by_name)
def test_a_mart_tests_its_grain_and_its_keys(path: Path) -> None:
    model = _declared(path)
    tests = _tests(model)

    assert "unique_combination" in tests
    assert {"filled", "expression_is_true"} & tests.keys()


def _read_by(exposure: dict[str, Any]) -> set[str]:
    return {parent.removeprefix("ref('").removesuffix("')") for parent in exposure["depends_on"]}


@pytest.mark.parametrize("path", MARTS, ids=_by_name)
def test_a_mart_has_a_reader_or_says_why_not(path: Path) -> None:
    read = {model for exposure in EXPOSURES for model in _read_by(exposure)}
    why_not = _declared(path)["config"]["meta"].get("unread_because", "")

    assert path.stem in read or why_not.endswith(".")


@pytest.mark.parametrize("exposure", EXPOSURES, ids=lambda exposure: str(exposure["name"]))
def test_an_exposure_reads_marts_and_says_what_for_and_who_answers(
    exposure: dict[str, Any],
) -> None:
    assert exposure["description"].strip().endswith(".")
    assert re.fullmatch(r"[a-z]+-data", exposure["owner"]["name"])
    assert _read_by(exposure) <= {path.stem for path in MARTS}


@pytest.mark.parametrize("path", MODELS, ids=_by_name)
def test_tests_are_named_by_sentences(path: Path) -> None:
    for test in _tests(_declared(path)).values():
        assert test["name"].count("_") >= 2


@pytest.mark.parametrize("path", MARTS, ids=_by_name)
def test_a_mart_with_a_formula_has_a_unit_test(path: Path) -> None:
    document = yaml.safe_load(path.with_suffix(".yml").read_text())
    if FORMULAS.search(path.read_text()):
        assert [unit["model"] for unit in document["unit_tests"]] == [path.stem] * len(
            document["unit_tests"]
        )


@pytest.mark.parametrize("path", MODELS, ids=_by_name)
def test_only_staging_reads_sources(path: Path) -> None:
    assert ("source(" in path.read_text()) == (path.parts[-3] == "staging")
