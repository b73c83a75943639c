"""Environment and processes of Airflow on the embedded PostgreSQL."""

from countinghouse.services.child import Component
from countinghouse.settings import Settings


def components(settings: Settings) -> list[Component]:
    """Airflow's processes in the order of their start."""
    return []
