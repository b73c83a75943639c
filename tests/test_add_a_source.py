"""Follows docs/add-a-source.md word by word: YAML and data alone make a feed."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "add-a-source.md"
# `path`: and an indented block behind it.
FILE = re.compile(r"^   `(?P<path>[^`\n]+)`:\n\n   ```\w+\n(?P<body>.*?)^   ```$", re.M | re.S)
COMMANDS = re.compile(r"^   ```sh\n(.*?)^   ```$", re.M | re.S)


def dedented(block):
    return re.sub(r"^   ", "", block, flags=re.M)


def test_the_page_adds_a_feed_that_no_code_knows(installation, tmp_path, monkeypatch):
    page = PAGE.read_text()
    project = tmp_path / "project"
    shutil.copytree(installation.project / "dbt_project", project / "dbt_project")
    monkeypatch.setenv("COUNTINGHOUSE_PROJECT", str(project))
    monkeypatch.setenv("COUNTINGHOUSE_LANDING", str(tmp_path / "landing"))
    files = {match["path"]: dedented(match["body"]) for match in FILE.finditer(page)}
    assert sorted(Path(path).suffix for path in files) == [".csv", ".yml"]
    for path, body in files.items():
        target = (project if path.startswith("dbt_project") else tmp_path) / path
        target.parent.mkdir(parents=True)
        target.write_text(body)
        if target.suffix == ".csv":
            (target.parent / "_DONE").touch()

    outputs = [run(line) for block in COMMANDS.findall(page) for line in block.strip().split("\n")]

    rows = outputs[-2]
    assert re.search(r"1\W+12\.50\W+2026-03-02", rows)
    assert re.search(r"2\W+7\.00\W+2026-03-03", rows)
    assert "amount" in outputs[-1]
    assert re.search(r"\b3\b", outputs[-1])


def run(line):
    words = shlex.split(line)
    assert words[0] == "countinghouse"
    done = subprocess.run(
        [sys.executable, "-m", "countinghouse.cli", *words[1:]], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
