"""What every process of Spark's needs: its folder, its environment, a file of its settings."""

import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path

from countinghouse.services import processes
from countinghouse.settings import Settings


def spark_home() -> Path:
    """Folder of the installed pyspark package; found without importing it."""
    spec = importlib.util.find_spec("pyspark")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def program(name: str) -> str:
    """A script of the package, e.g. `spark-submit`."""
    return str(spark_home() / "bin" / name)


def environment(settings: Settings) -> dict[str, str]:
    """Also that of the Python workers, which import this project and its packages."""
    inherited = processes.environment(settings)
    # A client's settings would turn the server into a client, or change what it loads.
    kept = {name: value for name, value in inherited.items() if not name.startswith("SPARK_")}
    return kept | {
        "SPARK_HOME": str(spark_home()),
        # None: Java makes no archive of classes for a class path with folders in it.
        "SPARK_CONF_DIR": str(spark_home() / "no-conf"),
        # Without it pages listen on all interfaces.
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
        "TZ": "UTC",
    }


def properties_file(path: Path, properties: Mapping[str, str]) -> Path:
    """Write settings where only their owner reads them: arguments are public."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text("".join(f"{name} {_escaped(value)}\n" for name, value in properties.items()))
    return path


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\")
