"""What an installation needs from its machine, each with the remedy when it is missing."""

import socket
from dataclasses import dataclass

from countinghouse.settings import Settings


@dataclass(frozen=True)
class Check:
    """One requirement; `found` says what was seen."""

    name: str
    ok: bool
    found: str
    remedy: str = ""


def ports(settings: Settings, *, with_airflow: bool = True) -> list[Check]:
    """Every port must be free; only sensible while nothing of this installation runs."""
    wanted = {
        "connect_port": settings.connect_port,
        "thrift_port": settings.thrift_port,
        "spark_ui_port": settings.spark_ui_port,
    }
    if with_airflow:
        wanted["airflow_port"] = settings.airflow_port
    return [_port(name, port) for name, port in wanted.items()]


def _port(name: str, port: int) -> Check:
    label = f"port {port} ({name})"
    with socket.socket() as probe:
        # A port whose last connections are still closing can be used again.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return Check(
                label,
                ok=False,
                found=f"{label} cannot be used: {error.strerror}",
                remedy=f"stop what uses it, or set COUNTINGHOUSE_{name.upper()} to another port",
            )
    return Check(label, ok=True, found="free")
