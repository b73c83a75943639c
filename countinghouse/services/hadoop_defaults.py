"""A jar that keeps Hadoop's settings of YARN and MapReduce out of the engine.

Nothing here reads them, and Hadoop copies all that it has for each file that Spark opens, for each
partition that it adds, and anew out of the files for each statement that asks the metastore.
"""

import os
import tempfile
import zipfile
from pathlib import Path

# Also those that a machine may have and no installation reads: Java looks for them in each jar.
FILES = ("core-site", "mapred-default", "mapred-site", "yarn-default", "yarn-site")

# 1980-01-01, as in the jar: it has no earlier time.
_AGE = 315_532_800


def jar(folder: Path) -> Path:
    """The jar, for the front of the class path; made where it is missing."""
    made = folder / "hadoop_defaults.jar"
    if not made.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as partial:
            with zipfile.ZipFile(partial, "w") as archive:
                for name in FILES:
                    archive.writestr(zipfile.ZipInfo(f"{name}.xml"), "<configuration/>\n")
            os.fchmod(partial.fileno(), 0o644)
        # Installations may share the folder, and Java knows a jar by its age: all make the same.
        os.utime(partial.name, (_AGE, _AGE))
        os.replace(partial.name, made)
    return made
