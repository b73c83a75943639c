"""Follows a page of `docs/` word by word: writes its files, runs its commands, compares output.

Files are `path`: and a block; commands stand behind `$` in console blocks, with what they print,
where `...` stands for anything.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"
_BLOCK = re.compile(
    r"^(?P<indent> *)(?:`(?P<path>[^`\n]+)`:\n\n *)?```(?P<kind>\w+)\n(?P<body>.*?)^ *```$",
    re.M | re.S,
)
_SECONDS = 300


@dataclass(frozen=True)
class Step:
    """A file to write, or a command with the lines that it prints."""

    kind: str
    path: str
    text: str
    printed: tuple[str, ...] = ()


@dataclass
class Reader:
    """Somebody at a prompt, in a folder with the project and its deliveries.

    `instead` replaces what differs from the page: ports, say.
    """

    folder: Path
    instead: Mapping[str, str] = field(default_factory=dict)

    def follow(self, page: str, section: str = "") -> list[str]:
        """Do every step of a page, or of its section; the outputs of the commands."""
        done = [self.do(step) for step in steps(page, section)]
        assert done, f"{page} has no step in {section!r}"
        return done

    def do(self, step: Step) -> str:
        """One step; its output."""
        text = self._meant(step.text)
        if step.kind == "file":
            target = self.folder / step.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
            return ""
        words = [sys.executable, "-c", text] if step.kind == "python" else ["bash", "-c", text]
        output = self._run(words)
        compare(text, [self._meant(line) for line in step.printed], output)
        return output

    def _meant(self, text: str) -> str:
        for said, meant in self.instead.items():
            text = text.replace(said, meant)
        return text

    def _run(self, words: list[str]) -> str:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=os.environ | {"PATH": path},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
        said = done.stdout + done.stderr
        assert "Traceback" not in said, said
        assert "command not found" not in said, said
        return said


def compare(command: str, expected: Sequence[str], output: str) -> None:
    """Fail unless the lines stand in the output, in their order; spaces do not count."""
    lines = [" ".join(line.split()) for line in output.splitlines()]
    for line in expected:
        if line.strip() == "...":
            continue
        parts = [re.escape(" ".join(part.split())) for part in line.split("...")]
        wanted = re.compile(r"\s*.*\s*".join(parts) + r"\Z")
        while lines and not wanted.match(lines[0]):
            lines.pop(0)
        assert lines, f"$ {command}\nwhere is {line!r} in\n{output}"
        lines.pop(0)


def sections(page: str) -> list[str]:
    """Headings of a page's sections, in its order."""
    return re.findall(r"^## (.*)$", (DOCS / page).read_text(), re.M)


def steps(page: str, section: str = "") -> Iterator[Step]:
    """Files, commands and programs of a page, in its order."""
    text = (DOCS / page).read_text()
    if section:
        text = text.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    for match in _BLOCK.finditer(text):
        body = re.sub(rf"^{match['indent']}", "", match["body"], flags=re.M)
        if match["path"]:
            yield Step("file", match["path"], body)
        elif match["kind"] == "console":
            yield from _commands(body)
        elif match["kind"] == "sh":
            yield from (Step("shell", "", line) for line in body.strip().splitlines())
        elif match["kind"] == "python":
            yield Step("python", "", body)


def _commands(body: str) -> Iterator[Step]:
    for part in re.split(r"^\$ ", body, flags=re.M)[1:]:
        command, _, printed = part.partition("\n")
        while command.endswith("\\"):
            more, _, printed = printed.partition("\n")
            command = f"{command[:-1]} {more.strip()}"
        yield Step("shell", "", command, tuple(printed.rstrip("\n").splitlines()))
