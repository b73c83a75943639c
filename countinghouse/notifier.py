"""Alerts: one interface, four channels. A channel that fails hides nothing and breaks nothing."""

import json
import logging
import smtplib
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from countinghouse import names
from countinghouse.settings import Settings

log = logging.getLogger(__name__)
_SECONDS = 10


@dataclass(frozen=True)
class Alert:
    """What a person needs in order to act: where, which rule, how many rows, what to run.

    `command` runs as it stands; what has to be done by hand before it is the `hint`.
    """

    table: str
    partition: str
    rule: str
    message: str
    command: str
    rows: int = 0
    # Up to three of the failing rows; never a value of a PII column.
    sample: str = ""
    hint: str = ""
    severity: str = "block"

    def line(self) -> str:
        """The alert in one line, for logs and subjects."""
        rows = f" ({self.rows} rows)" if self.rows else ""
        return f"{self.table} {self.partition}: {self.rule}{rows}: {self.message}"

    def text(self) -> str:
        """The alert in full."""
        sample = f"\nsample: {self.sample}" if self.sample else ""
        hint = f"\nfirst: {self.hint}" if self.hint else ""
        return f"{self.line()}{sample}{hint}\nrun: {self.command}"


def command_for(table: str, dt: str) -> str:
    """What brings a partition up to date; `dt` may be a range, `first..last`.

    Raw and quarantine tables are landed, by system; tables without daily partitions have no dates.
    """
    schema, _, name = table.partition(".")
    if schema in ("raw", "quarantine"):
        return f"countinghouse land {name.partition('__')[0]}"
    first, _, last = dt.partition("..")
    if {first, last} & {names.WHOLE, names.OPEN}:
        return f"countinghouse build {table}"
    return f"countinghouse build {table} --from {first} --to {last or first}"


def refusal_hint(system: str) -> str:
    """What a person does about a refused delivery before the command can help."""
    return (
        "put a corrected delivery in place; or mend the contract and land what was refused: "
        f"countinghouse land {system} --readmit"
    )


class Notifier(Protocol):
    """Where an alert goes."""

    def notify(self, alert: Alert) -> None:
        """Deliver the alert, or raise."""


class LogNotifier:
    """Writes alerts to the process's log."""

    def notify(self, alert: Alert) -> None:
        """Log the alert: blocking ones as errors."""
        level = logging.ERROR if alert.severity == "block" else logging.WARNING
        log.log(level, "alert: %s", alert.text())


class FileNotifier:
    """Appends alerts to a JSON-lines file; one write per line, so that processes can share it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def notify(self, alert: Alert) -> None:
        """Append one line."""
        self.append({"at": datetime.now(UTC).isoformat(timespec="seconds"), **asdict(alert)})

    def append(self, entry: dict[str, object]) -> None:
        """Append `entry` as one line."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")


class SmtpNotifier:
    """Mails alerts: `smtp[s]://user:password@host:port/?from=a@b&to=c@d&to=e@f`."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)
        self._query = parse_qs(self._url.query)

    def notify(self, alert: Alert) -> None:
        """Send one message."""
        message = EmailMessage()
        message["Subject"] = f"[{alert.severity}] {alert.table} {alert.partition}: {alert.rule}"
        message["From"] = self._query["from"][0]
        message["To"] = ", ".join(self._query["to"])
        message.set_content(alert.text())
        secure = self._url.scheme == "smtps"
        client = smtplib.SMTP_SSL if secure else smtplib.SMTP
        host, port = self._url.hostname or "localhost", self._url.port or (465 if secure else 25)
        with client(host, port, timeout=_SECONDS) as server:
            if self._url.username:
                server.login(unquote(self._url.username), unquote(self._url.password or ""))
            server.send_message(message)


class WebhookNotifier:
    """Posts alerts as JSON; `text` is what chat systems show."""

    def __init__(self, url: str) -> None:
        if urlsplit(url).scheme not in ("http", "https"):
            raise ValueError("a webhook needs an http or https URL")
        self._url = url

    def notify(self, alert: Alert) -> None:
        """Post one alert; an HTTP error raises."""
        body = json.dumps({"text": alert.text(), **asdict(alert)}).encode()
        request = urllib.request.Request(
            self._url, data=body, headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=_SECONDS):
            pass


class Everywhere:
    """Sends each alert to every channel, whatever happens to the others."""

    def __init__(self, channels: Sequence[Notifier], failures: FileNotifier) -> None:
        self._channels = channels
        self._failures = failures

    def notify(self, alert: Alert) -> None:
        """Never raises: a decision about data does not hang on a mail server."""
        for channel in self._channels:
            try:
                channel.notify(alert)
            except Exception as error:
                self._record(channel, alert, error)

    def _record(self, channel: Notifier, alert: Alert, error: Exception) -> None:
        # The exception's text may hold the URL with its password: only its type is kept.
        name, kind = type(channel).__name__, type(error).__name__
        log.error("alert not sent by %s (%s): %s", name, kind, alert.line())
        try:
            self._failures.append({"channel_failed": name, "error": kind, "alert": alert.line()})
        except OSError as failure:
            log.error("the alert file cannot be written either: %s", failure)


def notifier(settings: Settings) -> Notifier:
    """The channels of this installation: log and file always, mail and webhook where set."""
    file = FileNotifier(settings.logs / "alerts.jsonl")
    channels: list[Notifier] = [LogNotifier(), file]
    if smtp := settings.notify_smtp_url:
        channels.append(SmtpNotifier(smtp.get_secret_value()))
    if webhook := settings.notify_webhook_url:
        channels.append(WebhookNotifier(webhook.get_secret_value()))
    return Everywhere(channels, failures=file)
