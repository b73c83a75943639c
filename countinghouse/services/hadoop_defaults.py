"""A jar that keeps Hadoop's settings of YARN and MapReduce out of the engine.

Nothing here reads them, and Hadoop copies all that it has for each file that Spark opens, for each
partition that it adds, and anew out of the files for each statement that asks the metastore.
"""

import contextlib
import os
import tempfile
import zipfile
from pathlib import Path

# Also those that a machine may have and no installation reads: Java looks for them in each jar.
FILES = ("core-site", "mapred-default", "mapred-site", "yarn-default", "yarn-site")


def jar(folder: Path) -> Path:
    """The jar, for the front of the class path; made where it is missing."""
    made = folder / "hadoop_defaults.jar"
    if not made.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder) as partial:
            with zipfile.ZipFile(partial, "w") as archive:
                for name in FILES:
                    archive.writestr(f"{name}.xml", "<configuration/>\n")
            partial.flush()
            os.fchmod(partial.fileno(), 0o644)
            # Installations may share the folder: the archive of classes knows one by its age.
            with contextlib.suppress(FileExistsError):
                os.link(partial.name, made)
    return made
