"""What an installation's file of alerts says; tests of one worker share it."""

import json
from typing import Any

from countinghouse.settings import Settings


def lines(settings: Settings) -> list[dict[str, Any]]:
    """All lines: alerts, and channels that failed to deliver one."""
    file = settings.logs / "alerts.jsonl"
    return list(map(json.loads, file.read_text().splitlines())) if file.exists() else []


def alerts(settings: Settings, **fields: Any) -> list[dict[str, Any]]:
    """Alerts alone: those whose fields have these values."""
    return [line for line in lines(settings) if "table" in line and fields.items() <= line.items()]
