"""What is known while a DAG file is parsed: the declared systems and their assets.

Every task parses its DAG file again, so this reads YAML and imports nothing heavy.
"""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from airflow.sdk import Asset, CronPartitionTimetable

PROJECT = Path(os.environ.get("COUNTINGHOUSE_PROJECT", Path(__file__).resolve().parents[2]))
# The files that contracts are read from.
SUFFIXES = (".yml", ".yaml")
START = datetime(1999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class System:
    """A declared source system; `team`, `domain` and `tier` come from the `meta` of its source."""

    name: str
    team: str
    domain: str
    tier: int
    feeds: tuple[str, ...]


def systems() -> list[System]:
    """Every system that has a feed in the dbt project, by name."""
    blocks: dict[str, list[dict[str, Any]]] = {}
    files = (PROJECT / "dbt_project" / "models").rglob("*")
    for file in sorted(file for file in files if file.suffix in SUFFIXES):
        for source in _sources(file.read_text(encoding="utf-8")):
            blocks.setdefault(source["name"], []).append(source)
    found = [_system(name, blocks[name]) for name in sorted(blocks)]
    return [system for system in found if system.feeds]


def touched(system: str) -> Asset:
    """The asset whose partitions are the business dates that deliveries of a system touched."""
    return Asset(name=f"touched.{system}", uri=f"countinghouse://touched/{system}")


def closed_day() -> CronPartitionTimetable:
    """Runs at midnight UTC; the partition key is the day that has just ended."""
    return CronPartitionTimetable("0 0 * * *", timezone="UTC", run_offset=-1, key_format="%Y-%m-%d")


def _sources(text: str) -> list[dict[str, Any]]:
    # Most files of the project describe models: parsing them all would cost every task a second.
    if "\nsources:" not in f"\n{text}":
        return []
    sources: list[dict[str, Any]] | None = yaml.load(text, yaml.CSafeLoader)["sources"]
    return sources or []


def _system(name: str, blocks: list[dict[str, Any]]) -> System:
    tables = [table for block in blocks for table in block.get("tables") or []]
    feeds = [table for table in tables if "landing" in _meta(table)]
    meta = {key: value for node in [*feeds, *blocks] for key, value in _meta(node).items()}
    return System(
        name=name,
        team=meta.get("owner", "undeclared"),
        domain=meta.get("domain", "undeclared"),
        tier=meta.get("tier", 2),
        feeds=tuple(feed["name"] for feed in feeds),
    )


def _meta(node: dict[str, Any]) -> dict[str, Any]:
    return (node.get("config") or {}).get("meta") or {}
