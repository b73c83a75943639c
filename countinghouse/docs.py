"""The generated pages that Airflow's menu leads to: dbt docs and Data Docs."""

from pathlib import Path

from countinghouse.settings import Settings


def generate(settings: Settings) -> list[Path]:
    """Write both sites anew; returns their first pages."""
    return [generate_dbt_docs(settings), generate_data_docs(settings)]


def generate_dbt_docs(settings: Settings) -> Path:
    """Document the published tables, columns as the engine has them."""
    from countinghouse.dbt import dbt_build
    from countinghouse.engine_session import open_session

    session = open_session(settings, name="dbt docs")
    try:
        return dbt_build.generate_docs(settings, session_id=session.session_id)
    finally:
        session.stop()


def generate_data_docs(settings: Settings) -> Path:
    """Show the latest result of every gate, and recent failures."""
    from countinghouse.gates import data_docs

    return data_docs.generate_data_docs(settings)
