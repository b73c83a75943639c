import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from countinghouse.contracts import load_contracts
from countinghouse.dbt.dbt_graph import load_graph
from countinghouse.planning.model_graph import Graph
from countinghouse.settings import PROJECT_ROOT, Settings

FILES = sorted((PROJECT_ROOT / "dags").glob("*.py"))
DOMAINS = {"finance", "ads", "commerce", "payments", "instruments", "recommendation"}
STATED = {"dag_id", "schedule", "start_date", "catchup", "max_active_runs", "tags", "doc_md"}
Dags = dict[str, dict[str, Any]]


def dag_calls(file: Path) -> list[ast.Call]:
    tree = ast.parse(file.read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "DAG"]


def imports_of(file: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(file.read_text())))
    plain = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    return plain | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_declares_one_dag_and_states_every_argument(file: Path) -> None:
    [call] = dag_calls(file)
    assert {keyword.arg for keyword in call.keywords} >= STATED | {"default_args"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_dag_never_imports_another(file: Path) -> None:
    assert not imports_of(file) & {other.stem for other in FILES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_dag_file_is_short_and_not_named_like_dbt(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= 120
    assert not file.stem.startswith("dbt_")


def test_the_shared_package_imports_no_dag() -> None:
    shared = sorted((PROJECT_ROOT / "dags" / "orchestration").glob("*.py"))
    names = {file.stem for file in FILES}
    assert {file.name for file in shared if imports_of(file) & names} == set()
    assert shared


def test_parsing_imports_nothing_heavy(declared: dict[str, Any]) -> None:
    assert declared["heavy"] == []


def test_the_file_is_named_like_its_dag(dags: Dags) -> None:
    assert {facts["file"] for facts in dags.values()} == {file.stem for file in FILES}
    assert {name: facts["file"] for name, facts in dags.items()} == {
        name: "ingest" if name.startswith("ingest_") else name for name in dags
    }


def test_every_dag_is_owned_tagged_and_alerts(dags: Dags) -> None:
    for name, facts in dags.items():
        owners = {task["owner"] for task in facts["tasks"].values()}
        assert len(owners) == 1, name
        assert owners.isdisjoint({"airflow", "undeclared"}), name
        assert all(task["alerts"] for task in facts["tasks"].values()), name
        [tier] = [tag for tag in facts["tags"] if tag.startswith("impact/")]
        assert re.fullmatch(r"impact/tier_[123]", tier), name
        [domain] = [tag for tag in facts["tags"] if tag.startswith("domain/")]
        assert domain.removeprefix("domain/") in DOMAINS, name


def test_every_doc_says_what_it_reads_writes_gates_and_how_to_run_it_again(dags: Dags) -> None:
    for name, facts in dags.items():
        first, *rest = facts["doc"].splitlines()
        assert re.fullmatch(r"[A-Z].+\.", first), name
        sections = [line.split()[0] for line in rest if re.match(r"[A-Z][a-z-]+ {2,}", line)]
        assert sections == ["Reads", "Writes", "Gate", "Re-run"], name


def test_every_dag_starts_in_utc_and_does_not_catch_up(dags: Dags) -> None:
    for name, facts in dags.items():
        start = datetime.fromisoformat(facts["start"])
        assert start.utcoffset() == timedelta(0), name
        assert facts["catchup"] is False, name
        assert facts["max_active_runs"] <= 3, name


# As Airflow parses a folder; a command of its own, like `facts.py`.
BAG = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1], load_op_links=False)
print(json.dumps([sorted(bag.dags), sorted(bag.import_errors)]))
"""


def test_fault_46_a_dag_file_with_a_syntax_error_keeps_no_other_from_running_and_fails_these_tests(
    parse: Callable[..., dict[str, Any]], dags: Dags, tmp_path: Path
) -> None:
    folder = tmp_path / "dags"
    shutil.copytree(PROJECT_ROOT / "dags", folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "broken.py").write_text("from airflow.sdk import DAG\n\nwith DAG(:\n    pass\n")
    own = {"AIRFLOW_HOME": str(tmp_path / "airflow"), "PYTHONPATH": str(folder)}
    env = os.environ | own | {"COUNTINGHOUSE_PROJECT": str(PROJECT_ROOT)}
    words = [sys.executable, "-c", BAG, folder]
    done = subprocess.run(words, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found, broken = json.loads(done.stdout.splitlines()[-1])
    assert found == sorted(dags)
    assert [Path(file).name for file in broken] == ["broken.py"]
    with pytest.raises(AssertionError, match="SyntaxError"):
        parse(folder=folder)


def test_fault_90_a_midnight_run_is_for_the_day_that_has_just_ended(tmp_path: Path) -> None:
    script = Path(__file__).with_name("which_day.py")
    env = os.environ | {"AIRFLOW_HOME": str(tmp_path), "TZ": "America/Los_Angeles"}
    done = subprocess.run([sys.executable, script], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    scheduled, backfilled = json.loads(done.stdout.splitlines()[-1])
    assert scheduled == {
        "2024-02-28T00:00:00+00:00": "2024-02-27",
        "2024-02-29T00:00:00+00:00": "2024-02-28",
        "2024-03-01T00:00:00+00:00": "2024-02-29",
        "2024-03-02T00:00:00+00:00": "2024-03-01",
    }
    # The dates that a backfill is asked for are the days that it loads.
    assert backfilled == ["2024-02-28", "2024-02-29", "2024-03-01", "2024-03-02"]


def test_fault_90_no_task_asks_the_clock_which_day_to_load() -> None:
    asked = {}
    for file in sorted((PROJECT_ROOT / "dags").rglob("*.py")):
        text = file.read_text()
        words = ("now(", "today(", "time.time", "logical_date", "data_interval", "{{ ds")
        asked[file.name] = sum(text.count(word) for word in words)
    # Whether to wait for a delivery; what has been stale for too long; what a page shows as late.
    allowed = {"work.py": 1, "maintenance.py": 1, "countinghouse_pages.py": 2}
    assert {name: n for name, n in asked.items() if n} == allowed


def test_every_declared_system_has_a_dag_that_emits_its_asset(dags: Dags) -> None:
    systems = {contract.system for contract in load_contracts(PROJECT_ROOT).values()}
    found = {name for name in dags if name.startswith("ingest_")}
    assert found == {f"ingest_{system}" for system in systems}
    for system in systems:
        facts = dags[f"ingest_{system}"]
        assert facts["schedule"] == "CronPartitionTimetable"
        assert facts["tasks"]["ingest"]["outlets"] == [f"touched.{system}"]
        assert facts["tasks"]["ingest"]["one_at_a_time"] == 1
        # Red without another try, and only after `ingest` has announced what it published.
        assert facts["tasks"]["ingest"]["downstream"] == ["settle"]
        assert facts["tasks"]["settle"]["retries"] == 0


def test_a_domain_is_woken_by_exactly_the_systems_that_it_reads(
    dags: Dags, settings: Settings
) -> None:
    graph = load_graph(settings)
    domains = {model.folder for model in graph.models if model.layer == "marts"}
    assert domains
    for domain in domains:
        expected = sorted(f"touched.{system}" for system in systems_read(graph, domain))
        assert dags[f"marts_{domain}"]["assets"] == expected, domain
        assert dags[f"marts_{domain}"]["max_active_runs"] == 1
        assert dags[f"rebuild_{domain}"]["never_by_itself"]
        assert dags[f"rebuild_{domain}"]["tasks"]["rebuild"]["one_at_a_time"] == 1


def systems_read(graph: Graph, domain: str) -> set[str]:
    unseen = [m.name for m in graph.models if m.folder == domain and m.layer != "staging"]
    found = set()
    while unseen:
        model = graph.by_name[unseen.pop()]
        if model.layer == "staging":
            found.add(model.folder)
        else:
            unseen += [edge.parent for edge in model.edges]
    return found


@pytest.mark.parametrize("file", sorted((PROJECT_ROOT / "dags").rglob("*.py")), ids=str)
def test_commands_of_alerts_are_made_in_one_place(file: Path) -> None:
    nodes = ast.walk(ast.parse(file.read_text()))
    calls = [node for node in nodes if isinstance(node, ast.Constant)]
    made = [call.value for call in calls if re.match("countinghouse (land|build)", str(call.value))]
    assert made == []


@pytest.mark.parametrize("name", ["sources.yml", "sources.yaml"])
def test_a_system_that_is_only_declared_gets_its_dag(
    parse: Callable[..., dict[str, Any]], tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "dbt_project" / "models" / "staging" / "lemonade"
    folder.mkdir(parents=True)
    (folder / name).write_text(
        "sources:\n"
        "  - name: lemonade\n"
        "    config: {meta: {domain: commerce, tier: 1}}\n"
        "    tables:\n"
        "      - name: sales\n"
        "        config: {meta: {owner: stand, landing: {kind: event}}}\n"
    )
    facts = parse(tmp_path)["dags"]["ingest_lemonade"]
    assert facts["tasks"]["ingest"]["owner"] == "stand"
    assert facts["tags"] == ["domain/commerce", "impact/tier_1"]
    assert facts["tasks"]["ingest"]["outlets"] == ["touched.lemonade"]
