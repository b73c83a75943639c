"""An analyst's open Thrift session: the beeline that comes with Spark, kept at its prompt."""

import contextlib
import os
import subprocess
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from countinghouse.services.engine import spark_home
from countinghouse.settings import Settings

_SECONDS = 180


@dataclass
class Beeline:
    """One session; statements are answered in order."""

    process: subprocess.Popen[str]

    def run(self, statement: str) -> list[list[str]]:
        """Rows of one statement as text; raises what the server says it did wrong."""
        end = uuid.uuid4().hex
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{statement};\nselect '{end}';\n")
        self.process.stdin.flush()
        lines = []
        watchdog = threading.Timer(_SECONDS, self.process.kill)
        watchdog.start()
        for line in self.process.stdout:
            if line.strip() == end:
                break
            lines.append(line.rstrip("\n"))
        else:
            raise RuntimeError("beeline ended: " + "\n".join(lines))
        watchdog.cancel()
        # Beeline may repeat what it was sent.
        said = [line for line in lines if line.strip() and not line.startswith(("0: jdbc", ". ."))]
        errors = [line for line in said if line.startswith("Error:")]
        if errors:
            raise RuntimeError("\n".join(said))
        return [line.split(",") for line in said]


@contextlib.contextmanager
def beeline(settings: Settings) -> Iterator[Beeline]:
    """Open a session and keep it open."""
    process = subprocess.Popen(
        [
            str(spark_home() / "bin" / "beeline"),
            *("-u", f"jdbc:hive2://127.0.0.1:{settings.thrift_port}/", "-n", "analyst"),
            *("--silent=true", "--outputformat=csv2", "--showHeader=false", "--force=true"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "SPARK_HOME": str(spark_home()), "JAVA_TOOL_OPTIONS": ""},
        cwd=settings.run,
    )
    try:
        yield Beeline(process)
    finally:
        process.kill()
        process.wait()
