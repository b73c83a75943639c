"""The pages of the menu as they are served: escaped, linked, refused, empty and fast."""

import re
from urllib.parse import quote

import ledgers
import psutil
import pytest
import sqlalchemy as sa
from fetching import get

from countinghouse.settings import Settings

DAY = "2026-03-02"
SCRIPT = "<script>alert('x')</script>\"'><img src=x onerror=alert(1)>"
LIVE = ("quality", "freshness", "deliveries")


@pytest.mark.parametrize("path", LIVE)
def test_without_any_data_a_page_says_so(served: str, ledger: sa.Engine, path: str) -> None:
    status, text, _ = get(f"{served}/{path}")

    assert status == 200
    said = {
        "quality": "No gate has looked",
        "freshness": "never published",
        "deliveries": "Missing",
    }
    assert said[path] in text


def test_what_sources_say_is_shown_and_never_run(
    served: str, asked: Settings, ledger: sa.Engine
) -> None:
    file = {"name": f"{SCRIPT}.csv", "sha256": "ab" * 32, "bytes": 1, "rows": None}
    ledgers.delivery(
        ledger, "shop.orders", DAY, files=[file], status="refused", reason=f"reason {SCRIPT}"
    )
    hold = {"dt": DAY, "version_id": "v", "reason": SCRIPT, "owner": SCRIPT}
    ledgers.insert(ledger, ledgers.tables.holds, [hold | {"table_name": "raw.shop__orders"}])
    ledgers.attempt(ledger, SCRIPT)
    failed = ledgers.gate(
        ledger,
        SCRIPT,
        f"rule {SCRIPT}",
        passed=False,
        gate="landing",
        table_name="raw.shop__orders",
        dt=DAY,
        observed={"reason": SCRIPT, SCRIPT: SCRIPT},
    )
    ledgers.gate(ledger, "b", "r", passed=False, table_name=SCRIPT, dt=SCRIPT)
    paths = (
        f"deliveries/shop.orders/{DAY}",
        f"deliveries?last={DAY}",
        "freshness",
        "quality",
        f"quality?table={quote(SCRIPT)}",
        "quality?table=raw.shop__orders",
        f"quality/{failed}",
        f"deliveries/shop.orders/{quote(SCRIPT, safe='')}",
        f"deliveries/{quote(SCRIPT, safe='')}/{DAY}",
    )

    for path in paths:
        _, text, headers = get(f"{served}/{path}")
        assert "<script" not in text, path
        assert "<img" not in text, path
        if headers.get_content_type() == "text/html":
            assert "default-src 'none'" in headers["Content-Security-Policy"], path
    assert "&lt;script&gt;" in get(f"{served}/deliveries/shop.orders/{DAY}")[1]


def test_every_page_leads_to_this_machine_only(served: str, ledger: sa.Engine) -> None:
    ledgers.delivery(ledger, "shop.orders", DAY)
    failed = ledgers.gate(ledger, "a", "r", passed=False)

    for path in (*LIVE, f"quality/{failed}", f"deliveries/shop.orders/{DAY}", "pages.css"):
        _, text, _ = get(f"{served}/{path}")
        assert not re.search(r"""(?:https?:|["'(])//""", text), path


def test_every_link_of_a_page_leads_somewhere(served: str, ledger: sa.Engine) -> None:
    ledgers.delivery(ledger, "shop.orders", DAY)
    ledgers.gate(ledger, "a", "r", passed=False)
    root = served.removesuffix("/countinghouse")
    seen = set()
    for path in ("quality", f"deliveries?last={DAY}", "freshness"):
        links = set(re.findall(r'href="(/countinghouse/[^"]*)"', get(f"{served}/{path}")[1]))
        seen |= {link.replace("&amp;", "&") for link in links if "/index.html" not in link}
    some = sorted(seen)[::40]

    assert len(seen) > 100
    assert {link: get(root + link)[0] for link in some} == dict.fromkeys(some, 200)


@pytest.mark.parametrize(
    "path",
    ["quality/7", "deliveries/shop.nothing/2026-03-02", "deliveries/shop.orders/2026-02-30"],
)
def test_what_is_not_there_is_a_page_that_says_so(
    served: str, ledger: sa.Engine, path: str
) -> None:
    status, text, _ = get(f"{served}/{path}")

    assert status == 404
    assert "This page cannot be shown" in text


@pytest.mark.parametrize("path", ["quality/x", "quality?before=x", "deliveries?last=yesterday"])
def test_a_wrong_parameter_is_refused(served: str, ledger: sa.Engine, path: str) -> None:
    assert get(f"{served}/{path}")[0] == 422


def test_a_table_has_a_caption_and_headers_and_a_state_is_a_word(
    served: str, ledger: sa.Engine
) -> None:
    ledgers.delivery(ledger, "shop.orders", DAY)

    _, text, _ = get(f"{served}/deliveries?last={DAY}")

    first = text[text.index("<table") : text.index("</table>")]
    assert "<caption>" in first
    assert first.count('scope="col"') == 33
    assert first.count('scope="row"') == first.count("<tr>") - 1
    assert '<span class="hidden">came</span>' in first


@pytest.fixture(scope="module")
def a_year(asked: Settings, parsed: None) -> sa.Engine:
    """Every feed and every table on each of 365 days."""
    from countinghouse.ledger import open_ledger

    opened = open_ledger(asked)
    ledgers.empty(opened)
    results = ledgers.fill_a_year(asked, opened, DAY)
    assert results > 70_000
    return opened


@pytest.mark.parametrize(
    "path",
    [
        "quality",
        "quality?table=marts.rpt_sales_daily",
        "quality?show=not-passed",
        f"quality?before={10**9}",
        "freshness",
        f"deliveries?last={DAY}",
        f"deliveries/shop.orders/{DAY}",
    ],
)
def test_a_page_over_a_year_of_history_takes_less_than_a_second(
    page_server: tuple[str, psutil.Process], a_year: sa.Engine, path: str
) -> None:
    address, server = page_server
    assert get(f"{address}/{path}")[0] == 200
    began = processor_seconds(server)
    for _ in range(5):
        get(f"{address}/{path}")
    mean = (processor_seconds(server) - began) / 5
    assert mean < 1, f"{path}: {mean:.2f} s"


def processor_seconds(process: psutil.Process) -> float:
    """Of the process alone: how long it waits for a core is the machine's affair."""
    times = process.cpu_times()
    return times.user + times.system
