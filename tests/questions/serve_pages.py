"""Serves the pages of Airflow's menu alone, to anybody: `python serve_pages.py PORT`.

A process of its own: one that has imported Airflow is of no use to other tests.
"""

import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def main() -> None:
    """Mount the plugin's app where Airflow mounts it, and serve it on loopback."""
    sys.path.insert(0, str(REPOSITORY / "dags" / "plugins"))
    import uvicorn
    from airflow.api_fastapi.core_api.security import get_user
    from countinghouse_pages import PREFIX, pages
    from fastapi import FastAPI

    pages.dependency_overrides[get_user] = lambda: None
    app = FastAPI()
    app.mount(PREFIX, pages)
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")


if __name__ == "__main__":
    main()
