"""No text from outside reaches a shell: programs are started from lists of words."""

import ast
from pathlib import Path

import pytest

from countinghouse.settings import PROJECT_ROOT

FOLDERS = ("countinghouse", "dags", "expectations", "simulator", "spark_jobs")
FILES = sorted(file for folder in FOLDERS for file in (PROJECT_ROOT / folder).rglob("*.py"))
# What runs its text in a shell, or as a program of its own.
FORBIDDEN = {
    "os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "pty.spawn",
    "eval", "exec", "pickle.loads", "yaml.unsafe_load",
    "BashOperator", "SSHOperator", "PythonVirtualenvOperator", "task.bash", "task.virtualenv",
}  # fmt: skip
SHELLS = {"sh", "bash", "zsh", "dash", "ksh", "/bin/sh", "/bin/bash", "env"}


def breaches(source: str) -> list[str]:
    """What a file must not do, by line."""
    return [
        f"{node.lineno}: {why}" for node in ast.walk(ast.parse(source)) for why in _breaches(node)
    ]


def _breaches(node: ast.AST) -> list[str]:
    found = []
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func)
        found += [name for bad in FORBIDDEN if name == bad or name.endswith(f".{bad}")]
        shell = [k.value for k in node.keywords if k.arg == "shell"]
        found += ["shell=" for value in shell if ast.unparse(value) != "False"]
    if isinstance(node, ast.ImportFrom | ast.Import):
        imported = {alias.name for alias in node.names} | {getattr(node, "module", "") or ""}
        found += [name for name in imported if name in FORBIDDEN or "operators.bash" in name]
    if isinstance(node, ast.List) and node.elts and _is_shell(node.elts[0]):
        # A script of our own may stand there; what it works on are its arguments.
        script = node.elts[2:3]
        found += ["script" for text in script if not isinstance(text, ast.Constant)]
    if isinstance(node, ast.Attribute) and node.attr in ("conf", "params"):
        found += [f"{name}.conf" for name in [ast.unparse(node.value)] if name.endswith("run")]
    return found


def _is_shell(word: ast.expr) -> bool:
    return isinstance(word, ast.Constant) and word.value in SHELLS


@pytest.mark.parametrize(
    "source",
    [
        "subprocess.run(command, shell=True)",
        "subprocess.run(command, shell=flag)",
        "os.system('ls')",
        "from airflow.providers.standard.operators.bash import BashOperator",
        "BashOperator(task_id='x', bash_command='ls {{ dag_run.conf.x }}')",
        "@task.bash()\ndef ls(): return 'ls'",
        "subprocess.run(['sh', '-c', f'ls {folder}'])",
        "context['dag_run'].conf['day']; dag_run.conf['day']",
    ],
)
def test_fault_93_the_policy_sees_what_it_forbids(source: str) -> None:
    assert breaches(source)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PROJECT_ROOT)))
def test_fault_93_nothing_is_run_by_a_shell(file: Path) -> None:
    assert breaches(file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "file", [f for f in FILES if f.is_relative_to(PROJECT_ROOT / "dags")], ids=lambda f: f.name
)
def test_fault_92_no_dag_reads_what_a_run_was_given(file: Path) -> None:
    """Whatever stands in `dag_run.conf`, params or variables: nothing takes it up."""
    words = ("dag_run.conf", '["conf"]', '["params"]', "Variable", "{{", "var.value", "op_kwargs")
    text = file.read_text(encoding="utf-8")
    assert [word for word in words if word in text] == []
