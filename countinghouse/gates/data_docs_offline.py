"""Great Expectations' pages made to need nothing but themselves.

As they come, they load style, scripts and their table of contents' library from seven hosts.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment

from countinghouse.gates.data_docs_page import Page

_STYLE = "static/styles/countinghouse.css"
_LOADED = re.compile(r"<script.*?</script>|<(?:link|img)[^>]*https?://[^>]*>", re.DOTALL)
_NEWSLETTER = re.compile(r"<footer.*?</footer>", re.DOTALL)
# Suites have no pages: the rules stand in the results.
_TO_SUITE = re.compile(r'<a href="[^"]*expectations/[^"]*"\s*>(.*?)</a>', re.DOTALL)

_CSS = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2733; margin: 0 auto; max-width: 1200px;
       padding: 1rem 2rem; }
a { color: #1257a8; }
h4 { font-size: 1.3rem; margin: .5rem 0; } h5 { font-size: 1.1rem; margin: 0; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1rem; }
th { text-align: left; } th, td { padding: .35rem .6rem; border-bottom: 1px solid #d5dbe2; }
td { vertical-align: top; } tr.failed td { background: #fdeaea; }
ol.breadcrumb { list-style: none; display: flex; gap: 1rem; padding: 0; }
.sticky, .container-fluid > .row > .col-lg-2 .lead { display: none; }
.container, .ge-section { padding: 0; margin: 0 0 1rem; }
.alert { background: #eef2f6; padding: .6rem .9rem; border-radius: 6px; }
.fa-times::before, .fa-xmark::before { content: "\\2718"; color: #b3261e; }
.fa-check-circle::before, .fa-circle-check::before { content: "\\2714"; color: #1b7f3b; }
.fa-exclamation-triangle::before, .fa-triangle-exclamation::before { content: "\\26A0"; }
"""
_INDEX = """<!DOCTYPE html>
<html lang="en"><head><meta charset="UTF-8"><title>Data Docs</title>
<link rel="stylesheet" href="{{ style }}"></head><body>
<h4>Data Docs</h4>
<p>The latest result of every gate by table, and recent failures. All results are in the ledger.</p>
<table><thead><tr><th>table</th><th>result</th><th>rules</th><th>failed</th><th>evaluated (UTC)</th>
<th>attempt</th></tr></thead><tbody>
{% for page, link in pages %}{% set result = 'passed' if page.passed else 'failed' %}
<tr class="{{ result }}"><td><a href="{{ link }}">{{ page.table }}</a></td><td>{{ result }}</td>
<td>{{ page.results | length }}</td><td>{{ page.failed }}</td>
<td>{{ page.at.strftime('%Y-%m-%d %H:%M:%S') }}</td><td>{{ page.attempt_id }}</td></tr>
{% endfor %}</tbody></table></body></html>
"""


def complete(site: Path, pages: Sequence[Page]) -> None:
    """Take out of every page what it would load, and list the pages, failures first."""
    for file in site.rglob("*.html"):
        up = "../" * (len(file.relative_to(site).parts) - 1)
        file.write_text(_alone(file.read_text(encoding="utf-8"), up + _STYLE), encoding="utf-8")
    (site / _STYLE).write_text(_CSS, encoding="utf-8")
    newest_first = sorted(pages, key=lambda page: (not page.passed, page.at), reverse=True)
    listed = [(page, _link(site, page)) for page in newest_first]
    template = Environment(autoescape=True).from_string(_INDEX)
    index = template.render(pages=listed, style=_STYLE)
    (site / "index.html").write_text(index, encoding="utf-8")


def _alone(text: str, style: str) -> str:
    text = _TO_SUITE.sub(r"\1", _NEWSLETTER.sub("", _LOADED.sub("", text)))
    return text.replace("</head>", f'<link rel="stylesheet" href="{style}"></head>', 1)


def _link(site: Path, page: Page) -> str:
    folder = site.joinpath("validations", *page.table.split("."), page.attempt_id)
    return next(folder.rglob("*.html")).relative_to(site).as_posix()
