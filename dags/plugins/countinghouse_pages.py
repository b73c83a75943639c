"""Puts what analysts and the on-call look at into Airflow's menu, for whoever is logged in.

dbt docs and Data Docs are files that `nightly` writes; the other pages ask the ledger.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.plugins_manager import AirflowPlugin
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse

from countinghouse.settings import Settings, load

PREFIX = "/countinghouse"
# Title in the menu, by folder under `home/docs`.
SITES = {"dbt": "dbt docs", "data_docs": "Data Docs"}
# Title of the page, by path.
LIVE = {
    "quality": "Quality history",
    "freshness": "Freshness and staleness",
    "deliveries": "Delivery calendar",
}
# The menu shows about ten letters of a name.
MENU = {"quality": "Quality", "freshness": "Freshness", "deliveries": "Deliveries"} | {
    f"{site}/index.html": title for site, title in SITES.items()
}
TEMPLATES = Path(__file__).with_name("countinghouse_templates")
# Whatever a file name or a reason may hold: nothing of it runs, and nothing is fetched.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}

pages = FastAPI(title="Countinghouse pages", openapi_url=None)


@pages.get("/quality")
def quality(
    request: Request,
    user: GetUserDep,
    table: str = "",
    show: str = "",
    before: int | None = None,
) -> HTMLResponse:
    """What the gates said, newest first, of all tables or of one."""
    from countinghouse.ledger import open_ledger
    from countinghouse.questions import quality as questions

    def answer(settings: Settings) -> dict[str, Any]:
        ledger = open_ledger(settings)
        not_passed = show == "not-passed"
        found = questions.checks(ledger, table or None, not_passed=not_passed, before=before)
        return {
            "found": found,
            "tables": questions.tables(ledger),
            "table": table,
            "not_passed": not_passed,
            "before": before,
        }

    return _page(request, "quality.html", answer)


@pages.get("/quality/{result_id}")
def explanation(request: Request, user: GetUserDep, result_id: int) -> HTMLResponse:
    """One gate result: the rule in words, rows, sample, delivery and what to do."""
    from countinghouse.questions import explanation as questions

    return _page(
        request,
        "explanation.html",
        lambda settings: {"found": questions.explanation(settings, result_id)},
    )


@pages.get("/freshness")
def freshness(request: Request, user: GetUserDep) -> HTMLResponse:
    """How new each table is, what is stale and why, what is late and what is held."""
    from countinghouse.questions import freshness as questions

    return _page(
        request,
        "freshness.html",
        lambda settings: {"found": questions.freshness(settings, now=datetime.now(UTC))},
    )


@pages.get("/deliveries")
def deliveries(request: Request, user: GetUserDep, last: date | None = None) -> HTMLResponse:
    """The days of each feed: what came, was corrected or refused, and what is missing."""
    from countinghouse.questions import delivery_calendar as questions

    now = datetime.now(UTC)
    until = (last or now.date()).isoformat()
    return _page(
        request,
        "deliveries.html",
        lambda settings: {
            "found": questions.calendar(settings, until, now=now),
            "states": questions.STATES,
            "step": questions.DAYS,
        },
    )


@pages.get("/deliveries/{feed}/{day}")
def delivery(request: Request, user: GetUserDep, feed: str, day: str) -> HTMLResponse:
    """One cell of the calendar: files, rows in, landed and quarantined, conservation."""
    from countinghouse.questions import delivered as questions

    return _page(
        request,
        "delivery.html",
        lambda settings: {"found": questions.delivered(settings, feed, day)},
    )


@pages.get("/pages.css")
def stylesheet(user: GetUserDep) -> FileResponse:
    """The one stylesheet of the live pages."""
    return FileResponse(TEMPLATES / "pages.css", media_type="text/css")


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


def _page(
    request: Request, template: str, answer: Callable[[Settings], dict[str, Any]]
) -> HTMLResponse:
    """The template with its answer, or a page that says what is wrong and what to do."""
    from sqlalchemy.exc import OperationalError

    from countinghouse.errors import CountinghouseError

    status, name, found = 200, template, dict[str, Any]()
    try:
        found = answer(load())
    except CountinghouseError as error:
        status, name = 404, "error.html"
        found = {"message": error.message, "remedy": error.remedy}
    except OperationalError:
        status, name = 503, "error.html"
        found = {"message": "the ledger does not answer", "remedy": "countinghouse status"}
    root = request.scope.get("root_path", "")
    shown = found | {"root": root, "live": LIVE, "sites": SITES, "here": request.url.path}
    return HTMLResponse(_templates().get_template(name).render(shown), status, HEADERS)


@cache
def _templates() -> Any:
    import jinja2

    from countinghouse import names, notifier

    loader = jinja2.FileSystemLoader(TEMPLATES)
    made = jinja2.Environment(
        loader=loader,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "at": lambda at: f"{at.astimezone(UTC):%Y-%m-%d %H:%M}" if at else "",
        "number": lambda n: "" if n is None else f"{n:,}",
        "partition": lambda dt: {names.WHOLE: "whole table", names.OPEN: "open part"}.get(dt, dt),
        "plus_days": names.plus_days,
    }
    made.globals |= {"command_for": notifier.command_for}
    return made


class CountinghousePages(AirflowPlugin):
    """One entry in the menu per site and live page."""

    name = "countinghouse_pages"
    fastapi_apps = [{"app": pages, "url_prefix": PREFIX, "name": "Countinghouse pages"}]
    external_views = [
        {
            "name": title,
            "href": f"{PREFIX}/{path}",
            "destination": "nav",
            "nav_top_level": True,
            "url_route": f"countinghouse-{path.partition('/')[0].replace('_', '-')}",
        }
        for path, title in MENU.items()
    ]
