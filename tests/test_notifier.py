import json
import logging
import socketserver
import threading
from collections.abc import Iterator
from email import message_from_string
from email.policy import default
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TypeVar

import pytest
from alerted import lines
from pydantic import SecretStr

from countinghouse.notifier import Alert, notifier
from countinghouse.settings import Settings

ALERT = Alert(
    table="marts.fct_order_lines",
    partition="2026-01-03",
    rule="order_lines_are_unique",
    rows=2,
    message="two lines share a key",
    sample="order_line_id 17",
    command="countinghouse build marts.fct_order_lines --from 2026-01-03 --to 2026-01-03",
)


class Webhook(HTTPServer):
    """Keeps what is posted to it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Keep)
        self.posted: list[dict[str, object]] = []


class _Keep(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        self.server.posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class MailServer(socketserver.TCPServer):
    """Speaks as much SMTP as one message needs, and keeps its lines."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Mail)
        self.lines: list[str] = []
        self.message: list[str] = []


class _Mail(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline().decode().rstrip("\r\n"):
            self.server.lines.append(line)
            if line == "QUIT":
                break
            if line.upper() == "DATA":
                self.wfile.write(b"354 go on\r\n")
                self._message()
            else:
                self.wfile.write(b"250 fine\r\n")

    def _message(self) -> None:
        while (line := self.rfile.readline().decode().rstrip("\r\n")) != ".":
            self.server.message.append(line)
        self.wfile.write(b"250 taken\r\n")


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    yield from served(Webhook())


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    yield from served(MailServer())


Server = TypeVar("Server", bound=socketserver.TCPServer)


def served(server: Server) -> Iterator[Server]:
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def settings_with(home: Path, **fields: str) -> Settings:
    return Settings(home=home, **{name: SecretStr(url) for name, url in fields.items()})


def test_an_alert_is_logged_and_filed_with_the_command_to_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    notifier(settings_with(tmp_path)).notify(ALERT)
    [line] = lines(settings_with(tmp_path))
    assert line["table"] == "marts.fct_order_lines"
    assert line["partition"] == "2026-01-03"
    assert line["rows"] == 2
    assert line["command"] == ALERT.command
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert ALERT.command in record.getMessage()


def test_a_webhook_gets_the_alert_as_json(tmp_path: Path, webhook: Webhook) -> None:
    url = f"http://127.0.0.1:{webhook.server_port}/hook"
    notifier(settings_with(tmp_path, notify_webhook_url=url)).notify(ALERT)
    [posted] = webhook.posted
    assert posted["rule"] == "order_lines_are_unique"
    assert ALERT.command in str(posted["text"])


def test_a_mail_goes_to_every_address(tmp_path: Path, mail_server: MailServer) -> None:
    host, port = mail_server.server_address[:2]
    url = f"smtp://{host!s}:{port}/?from=c@x.org&to=a@x.org&to=b@x.org"
    notifier(settings_with(tmp_path, notify_smtp_url=url)).notify(ALERT)
    assert {"rcpt TO:<a@x.org>", "rcpt TO:<b@x.org>"} <= set(mail_server.lines)
    message = message_from_string("\n".join(mail_server.message), policy=default)
    assert message["Subject"].startswith("[block] marts.fct_order_lines 2026-01-03")
    assert message["To"] == "a@x.org, b@x.org"
    assert message.get_content().rstrip() == ALERT.text()


def test_a_dead_channel_hides_no_alert_and_shows_no_password(
    tmp_path: Path, webhook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_with(
        tmp_path,
        notify_smtp_url="smtp://me:canary-password@127.0.0.1:9/?from=c@x.org&to=a@x.org",
        notify_webhook_url=f"http://127.0.0.1:{webhook.server_port}/hook",
    )
    notifier(settings).notify(ALERT)
    assert len(webhook.posted) == 1
    alert, failure = lines(settings)
    assert alert["rule"] == "order_lines_are_unique"
    assert failure["channel_failed"] == "SmtpNotifier"
    assert any("not sent by SmtpNotifier" in record.getMessage() for record in caplog.records)
    assert "canary-password" not in caplog.text + json.dumps(failure)


def test_a_file_that_cannot_be_written_does_not_break_the_decision(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "logs").write_text("in the way")
    notifier(settings_with(tmp_path)).notify(ALERT)
    assert ALERT.line() in caplog.text
    assert "cannot be written" in caplog.text
