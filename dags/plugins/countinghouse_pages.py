"""Adds dbt docs and Data Docs to Airflow's menu, for whoever is logged in."""

from pathlib import Path

from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.plugins_manager import AirflowPlugin
from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse

from countinghouse.settings import load

PREFIX = "/countinghouse"
# Title in the menu, by folder under `home/docs`.
SITES = {"dbt": "dbt docs", "data_docs": "Data Docs"}

pages = FastAPI(title="Countinghouse pages", openapi_url=None)


@pages.get("/{site}/{path:path}")
def page(site: str, path: str, user: GetUserDep) -> FileResponse:
    """A file of a generated site; nothing outside its folder, nothing without a login."""
    if site not in SITES:
        raise HTTPException(404, "no such site")
    folder = (load().home / "docs" / site).resolve()
    file = (folder / (path or "index.html")).resolve()
    if not file.is_relative_to(folder):
        raise HTTPException(404, "no such page")
    if not file.is_file():
        raise HTTPException(404, f"{SITES[site]}: no such page; run the DAG `nightly` to make it")
    return FileResponse(Path(file))


class CountinghousePages(AirflowPlugin):
    """One entry in the menu per site."""

    name = "countinghouse_pages"
    fastapi_apps = [{"app": pages, "url_prefix": PREFIX, "name": "Countinghouse pages"}]
    external_views = [
        {
            "name": title,
            "href": f"{PREFIX}/{site}/index.html",
            "destination": "nav",
            "nav_top_level": True,
            "url_route": f"countinghouse-{site.replace('_', '-')}",
        }
        for site, title in SITES.items()
    ]
