"""Rules of gates in words: what is checked, where it is declared, and what to do when it fails."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from countinghouse.dbt import dbt_manifest
from countinghouse.names import Feed
from countinghouse.notifier import command_for
from countinghouse.settings import Settings

# The comment that opens the file of a generic test.
_OPENING = re.compile(r"\A\s*\{#-?(.*?)-?#\}", re.DOTALL)
_LANDING = {
    "delivery accepted": (
        "A delivery keeps its contract as a whole: its files are those that its manifest names, "
        "rows and control totals are as announced, and not too many of its rows are bad."
    ),
    "rows and money in = landed + quarantined": (
        "Every record and every readable minor unit that came is either in the raw table or in "
        "quarantine; records are counted independently of the reader."
    ),
    "no undeclared columns": (
        "The files have no column that the contract does not declare; the values of such a "
        "column are kept in `_extra`."
    ),
    "no rounded values": "No amount had more digits than its declared type holds.",
}
_SHARE = re.compile(r"at most .* of the rows are bad\Z")


@dataclass(frozen=True)
class Rule:
    """A rule in words; `place` is the file that declares it, relative to the project."""

    words: str
    place: str
    # What a person does about it, and then runs
    remedy: str
    command: str


def rule_of(settings: Settings, table: str, dt: str, gate: str, name: str) -> Rule:
    """The rule behind a gate result, as its declaration says it."""
    if gate == "dbt":
        return _of_dbt(settings, table, dt, name)
    if gate == "landing":
        return _of_landing(settings, table, dt, name)
    return _of_suite(settings, table, dt, name)


def feed_of(table: str) -> Feed | None:
    """The feed of a raw or quarantine table."""
    schema, _, relation = table.partition(".")
    system, marker, name = relation.partition("__")
    return Feed(system, name) if schema in ("raw", "quarantine") and marker else None


def _of_landing(settings: Settings, table: str, dt: str, name: str) -> Rule:
    share = f"The contract allows {name}; a delivery with more is refused."
    words = _LANDING.get(name) or (share if _SHARE.match(name) else f"{name}.")
    command, feed = command_for(table, dt), feed_of(table)
    place = f"landing/{feed.system}/{feed.name}/dt={dt}" if feed else "the landing folder"
    remedy = (
        f"Put a corrected delivery into {place} and land it. Where the delivery is right and the "
        f"contract wrong, mend the contract and run `{command} --readmit`."
    )
    return Rule(words, _declaration(settings, table), remedy, command)


def _of_suite(settings: Settings, table: str, dt: str, name: str) -> Rule:
    module = Path("expectations", *table.split(".")).with_suffix(".py")
    declared = (settings.project / module).is_file() and name in _text(settings.project / module)
    place = module.as_posix() if declared else _declaration(settings, table)
    remedy = (
        "If the rows are wrong, have their source deliver them again; if the rule is, mend "
        f"{place}. Then land them."
    )
    return Rule(f"In every row: {name}.", place, remedy, command_for(table, dt))


def _of_dbt(settings: Settings, table: str, dt: str, name: str) -> Rule:
    sentence = name.replace("_", " ")
    node = _test(settings, name)
    if node is None:
        place = f"dbt_project/models (the test {name})"
        words = f"{sentence}."
    else:
        place = f"dbt_project/{node['original_file_path']}"
        words = ". ".join(filter(None, [sentence, *_explained(settings, node)])) + "."
    remedy = (
        "Look at the rows that break it. If the data is wrong, correct it at its source and land "
        f"it; if the model or its test is, mend {place}. Then build it again."
    )
    return Rule(words, place, remedy, command_for(table, dt))


def _test(settings: Settings, name: str) -> Mapping[str, Any] | None:
    if not dbt_manifest.is_parsed(settings):
        return None
    nodes = dbt_manifest.load_manifest(settings)["nodes"].values()
    found = (node for node in nodes if node["resource_type"] == "test" and node["name"] == name)
    return next(found, None)


def _explained(settings: Settings, node: Mapping[str, Any]) -> list[str]:
    """What the author said of the test, what its kind checks, and with which arguments."""
    said = [str(node.get("description") or "").strip().rstrip(".")]
    kind = node.get("test_metadata") or {}
    file = settings.project / "dbt_project" / "tests" / "generic" / f"{kind.get('name')}.sql"
    if kind and file.is_file() and (opening := _OPENING.match(_text(file))):
        said.append(" ".join(opening[1].split()).rstrip("."))
    arguments = {key: value for key, value in (kind.get("kwargs") or {}).items() if key != "model"}
    if arguments:
        said.append("With " + "; ".join(f"{key}: {_spoken(v)}" for key, v in arguments.items()))
    return said


def _spoken(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} = {_spoken(part)}" for key, part in value.items())
    if isinstance(value, list):
        return ", ".join(map(_spoken, value))
    return " ".join(str(value).split())


def _declaration(settings: Settings, table: str) -> str:
    feed = feed_of(table)
    if feed is None:
        return "dbt_project/models"
    folder = Path("dbt_project", "models", "staging", feed.system)
    return (folder / f"_{feed.system}__sources.yml").as_posix()


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
