"""One typed settings object for an installation, from environment and `settings.toml`."""

import contextlib
import functools
import os
import re
import secrets
import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from countinghouse.errors import CountinghouseError

PROJECT_ROOT = Path(__file__).resolve().parent.parent

Port = Annotated[int, Field(ge=1, le=65535)]


# What nobody may set by `spark_properties`, and why.
NEVER = {
    "spark.speculation": "a second copy of a task could commit the same rows",
    "spark.sql.ansi.enabled": "sums of money would wrap in silence",
    "spark.sql.session.timeZone": "dates would depend on the machine",
    "spark.connect.authenticate.token": "jobs of this installation could not log in",
    "spark.plugins": "nobody could connect",
}


class WrongSetting(CountinghouseError):
    """A setting whose value cannot be used; names the setting and the value."""


class Home(BaseSettings):
    """Where an installation keeps all of its state; the settings file lies inside."""

    model_config = SettingsConfigDict(env_prefix="COUNTINGHOUSE_")

    home: Path = PROJECT_ROOT / ".countinghouse"


# For engines of minutes: the second compiler would take what it does not live to pay back.
QUICK_COMPILER = "-XX:TieredStopAtLevel=1"


class Settings(BaseSettings):
    """Every setting of an installation; environment `COUNTINGHOUSE_*` wins over the file."""

    model_config = SettingsConfigDict(env_prefix="COUNTINGHOUSE_", extra="forbid")

    home: Path = Field(default_factory=lambda: Home().home)
    project: Path = PROJECT_ROOT

    connect_port: Port = 15002
    thrift_port: Port = 10000
    spark_ui_port: Port = 4040
    airflow_port: Port = 8080

    ledger_url: SecretStr | None = None
    """A PostgreSQL URL; without one the embedded server under `home` is used."""
    landing: Path | None = None
    """Root of the deliveries; default `home/landing`."""

    databases: dict[str, SecretStr] = Field(default_factory=dict)
    """URLs, as SQLAlchemy writes them, of the databases that feeds are extracted from."""

    # Two cores; a task whose Python process was killed is tried three times more.
    spark_master: str = "local[2,4]"
    cluster_workers: int = 0
    """Workers of a standalone cluster on this machine; then `spark_master` is its address."""
    cluster_ui_port: Port = 8081
    worker_cores: int = 1
    worker_memory: str = "1g"
    spark_properties: dict[str, SecretStr] = Field(default_factory=dict)
    """More settings of the engine, by Spark's names; they win over `conf/spark-defaults.conf`."""
    driver_memory: str = "3g"
    java_options: str = (
        "-XX:+UseParallelGC -XX:-DontCompileHugeMethods -XX:ReservedCodeCacheSize=256m"
        " -XX:MetaspaceSize=256m"
    )
    """Collector and compiler of the engine and a cluster's executors; see docs/decisions.md,
    "Which compiler has the engine?"."""
    class_archives: Path | None = None
    """Folder of the engine's Java classes as archives; default `home/spark/classes`."""
    class_archive_seconds: int = 180
    """How old an engine is when its archive, half a minute of a core, is made behind it."""
    max_result_size: str = "1g"
    statement_timeout_seconds: int = 1800
    log_file_mb: int = 50
    reconcile_seconds: int = 60
    """How often the supervisor compares the catalog with the ledger."""

    lease_seconds: int = 60
    """A claim whose holder has not renewed it for this long may be taken over."""
    notify_smtp_url: SecretStr | None = None
    """`smtp[s]://user:password@host:port/?from=a@b&to=c@d`; without one no mail is sent."""
    notify_webhook_url: SecretStr | None = None
    """Where alerts are posted as JSON."""

    rollback_depth: int = 3
    """Earlier versions of each partition that `gc` keeps."""
    gc_grace_seconds: int = 3600
    """Nothing that was in use so recently is collected: a query may still read it."""

    @field_validator("home", "project", "class_archives")
    @classmethod
    def _plain(cls, path: Path | None) -> Path | None:
        # It becomes part of statements, URLs and file patterns of half a dozen programs.
        strange = sorted(set(str(path)) & set("'\"\\#?%*[]{};\n\r"))
        if strange:
            raise ValueError(f"{str(path)!r} contains {''.join(strange)!r}: choose another folder")
        return path

    @field_validator("spark_properties")
    @classmethod
    def _allowed(cls, properties: dict[str, SecretStr]) -> dict[str, SecretStr]:
        if refused := sorted(properties.keys() & NEVER):
            raise ValueError(f"{refused[0]} is not for a user to set: {NEVER[refused[0]]}")
        return properties

    @field_validator("driver_memory", "worker_memory")
    @classmethod
    def _size(cls, size: str) -> str:
        if not re.fullmatch(r"[0-9]+[mg]b?", size.lower()):
            raise ValueError("it is not a size such as 3g or 900m")
        return size

    @field_validator("home", "project", "landing", "class_archives")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        # The engine has another working folder.
        return path and path.resolve()

    @property
    def landing_root(self) -> Path:
        """Folder with `<system>/<feed>/dt=YYYY-MM-DD/` deliveries."""
        return self.landing or self.home / "landing"

    @property
    def warehouse(self) -> Path:
        """Folder of all version directories and the pointer log."""
        return self.home / "warehouse"

    @property
    def archive(self) -> Path:
        """Folder of delivered bytes by digest, and the delivery log's copy."""
        return self.home / "archive"

    @property
    def logs(self) -> Path:
        """Folder of all log files."""
        return self.home / "logs"

    @property
    def run(self) -> Path:
        """Folder of process ids and other state that a restart may lose."""
        return self.home / "run"

    def secret(self, name: str) -> str:
        """A random secret of this installation, made at first use, readable by its owner only."""
        folder = self.home / "secrets"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / name
        if not path.exists():
            fresh = folder / f".{name}.{os.getpid()}"
            fresh.touch(mode=0o600)
            fresh.write_text(secrets.token_urlsafe(24))
            # The first of several processes wins; none ever reads a half-written secret.
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(fresh)
            fresh.unlink()
        return path.read_text()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then the environment, then `home/settings.toml`."""
        file = TomlConfigSettingsSource(settings_cls, Home().home / "settings.toml")
        return init_settings, env_settings, file


_SECRET = {name for name, field in Settings.model_fields.items() if "Secret" in str(field)}


@functools.lru_cache
def load() -> Settings:
    """The settings of this process; raises WrongSetting for the first that is wrong."""
    file = Home().home / "settings.toml"
    try:
        return Settings()
    except ValidationError as error:
        problem = error.errors()[0]
        name = str(problem["loc"][0])
        if problem["type"] == "extra_forbidden":
            # Its value may be a secret under a misspelt name.
            raise WrongSetting(f"{file}: {name} is no setting", remedy="mend its name") from None
        reason = problem["msg"].removeprefix("Value error, ")
        said = "not usable" if name in _SECRET else repr(str(problem["input"]))
        raise WrongSetting(
            f"COUNTINGHOUSE_{name.upper()} is {said}: {reason}",
            remedy=f"change it in the environment, or {name} in {file}",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WrongSetting(f"{file}: {error}", remedy="mend the file: it is TOML") from None
