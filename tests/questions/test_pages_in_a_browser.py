"""The pages of the menu in a real browser: what a person sees and follows."""

from collections.abc import Iterator
from typing import Any

import ledgers
import pytest
import sqlalchemy as sa
from browsing import needs_chromium, open_browser, window

DAY = "2026-03-02"
pytestmark = needs_chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium."""
    with open_browser() as opened:
        yield opened


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A window of its own."""
    with window(browser) as opened:
        yield opened


@pytest.fixture
def failed(ledger: sa.Engine) -> None:
    """A failed gate of a mart and the delivery that it comes from, hostile texts in both."""
    ledgers.attempt(ledger, "marts_commerce/7")
    file = {"name": "<script>alert(1)</script>.csv", "sha256": "ab" * 32, "bytes": 9, "rows": 3}
    for feed in ("shop.orders", "shop.order_items", "shop.products"):
        ledgers.delivery(ledger, feed, DAY, files=[file])
    ledgers.published(ledger, "marts.rpt_sales_daily", DAY, rows=12)
    said = "marts.rpt_sales_daily: 3 rows, such as currency=EUR, email=(not shown)"
    ledgers.gate(
        ledger,
        "marts_commerce/7",
        "discounts_by_funder_explain_list_value",
        passed=False,
        observed={"failures": 3, "message": said},
    )


def test_a_failing_gate_is_followed_to_its_explanation_and_its_delivery(
    served: str, failed: None, page: Any
) -> None:
    page.goto(f"{served}/quality")
    page.get_by_role("link", name="discounts_by_funder_explain_list_value").first.click()

    heading = page.get_by_role("heading", level=1)
    assert heading.inner_text() == "discounts_by_funder_explain_list_value"
    text = page.inner_text("main")
    assert "list_value = customer_paid + loyalty_discount" in text
    assert "3 rows break it" in text
    assert "email=(not shown)" in text
    assert "Readers see 12 rows" in text
    assert f"countinghouse build marts.rpt_sales_daily --from {DAY} --to {DAY}" in text

    page.get_by_role("link", name=f"shop.order_items of {DAY}").click()
    assert "<script>alert(1)</script>.csv" in page.inner_text("main")


def test_the_history_is_filtered_by_table(served: str, failed: None, page: Any) -> None:
    page.goto(f"{served}/quality")
    page.get_by_label("Table", exact=True).select_option("marts.rpt_sales_daily")
    page.get_by_role("button", name="Show").click()

    assert "Rules of marts.rpt_sales_daily" in page.inner_text("main")


def test_a_day_of_the_calendar_leads_to_its_delivery(served: str, failed: None, page: Any) -> None:
    page.goto(f"{served}/deliveries")
    page.get_by_role("link", name=f"The newest delivery is of {DAY}").click()
    page.get_by_title(f"shop.orders of {DAY}: came").click()

    assert page.get_by_role("heading", level=1).inner_text() == f"shop.orders of {DAY}"
    assert "archive/ab/" in page.inner_text("main")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("data", ["none", "failed"])
@pytest.mark.parametrize("path", ["quality", "freshness", "deliveries"])
def test_a_page_fits_its_window_and_can_be_read(
    served: str, page: Any, request: pytest.FixtureRequest, path: str, data: str, scheme: str
) -> None:
    request.getfixturevalue("failed" if data == "failed" else "ledger")
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{served}/{path}")

    # What is wide scrolls within its own frame.
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.evaluate(CONTRASTS) >= 4.5


# The smallest contrast between a text and what lies behind it (WCAG 2, 1.4.3).
CONTRASTS = """() => {
  const rgb = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0);
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const found = rgb(getComputedStyle(e).backgroundColor);
      if (found.length < 4 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  const texts = [...document.querySelectorAll("body *")].filter(e =>
    [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) && e.offsetWidth > 1);
  return Math.min(...texts.map(e => {
    const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  }));
}"""
