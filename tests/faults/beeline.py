"""An analyst's open Thrift session: the beeline that comes with Spark, kept at its prompt."""

import contextlib
import os
import subprocess
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from countinghouse.services.spark_program import spark_home
from countinghouse.settings import Settings

_SECONDS = 180


@dataclass
class Beeline:
    """One session; statements are answered in order."""

    process: subprocess.Popen[str]

    def run(self, statement: str) -> list[list[str]]:
        """Rows of one statement as text; raises what the server says it did wrong."""
        end = uuid.uuid4().hex[:8]
        assert self.process.stdin is not None
        self.process.stdin.write(f"{statement};\nselect '{end}';\n")
        self.process.stdin.flush()
        lines = self._until(end)
        said = _after_echo(lines, statement)
        if any(line.startswith("Error:") for line in said):
            raise RuntimeError("\n".join(said))
        return [line.split(",") for line in said]

    def _until(self, end: str) -> list[str]:
        assert self.process.stdout is not None
        watchdog = threading.Timer(_SECONDS, self.process.kill)
        watchdog.start()
        lines = []
        for line in self.process.stdout:
            if line.strip() == end:
                watchdog.cancel()
                return lines
            lines.append(line.strip())
        raise RuntimeError("beeline ended: " + "\n".join(lines))


def _after_echo(lines: list[str], statement: str) -> list[str]:
    """Beeline repeats what it is sent, broken into lines where it likes."""
    sent, echoed = "".join(statement.split()) + ";", ""
    for number, line in enumerate(lines):
        echoed += "".join(line.split())
        if echoed.endswith(sent):
            rest = lines[number + 1 :]
            return [line for line in rest if line and not line.startswith("0: jdbc")]
    raise RuntimeError(f"no echo of {statement!r}: {lines}")


@contextlib.contextmanager
def beeline(settings: Settings) -> Iterator[Beeline]:
    """Open a session and keep it open."""
    with subprocess.Popen(
        [
            str(spark_home() / "bin" / "beeline"),
            *("-u", f"jdbc:hive2://127.0.0.1:{settings.thrift_port}/", "-n", "analyst"),
            *("--silent=true", "--outputformat=csv2", "--showHeader=false", "--force=true"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "SPARK_HOME": str(spark_home())},
        cwd=settings.run,
    ) as process:
        try:
            yield Beeline(process)
        finally:
            process.kill()
