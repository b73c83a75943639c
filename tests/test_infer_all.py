"""The public data files under the contracts that are inferred from them, without a single edit."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import infer_all
import pytest

from countinghouse.engine_session import open_session
from countinghouse.landing.file_check import check_file

pytestmark = pytest.mark.skipif(not infer_all.DATA.is_dir(), reason=f"no data {infer_all.DATA}")

PAGE = Path(__file__).resolve().parent.parent / "docs" / "infer-a-contract.md"
# One for each way to be difficult: exponents; a column without name; lists in cells and "NA"; 41
# currencies with "N/A" and a trailing comma; times such as 2:20:51; nested JSON; dates as digits.
LANDED = [
    "completejourney/transactions_sample.csv.gz",
    "open_bandit_men/item_context.csv",
    "country_codes/country-codes.csv",
    "ecb_fx/eurofxref-hist.csv.gz",
    "fivetran_ad_reporting_seeds/google_ads_account_history_data.csv",
    "fivetran_ad_reporting_seeds/twitter_line_item_history_data.csv",
    "stripe_api_fixtures/fixtures3.json.gz",
    "gl_detail_aicpa/GL_Detail.csv.gz",
]


@pytest.fixture(scope="module")
def session(installation: Any) -> Iterator[Any]:
    opened = open_session(installation, name="test")
    yield opened
    opened.stop()


def test_every_file_is_read_whole_and_without_edits(tmp_path: Path) -> None:
    stated = infer_all.stated_rows()
    found, bad, said = {}, {}, {}
    for path in infer_all.data_files():
        contract = infer_all.inferred_contract(path, tmp_path)
        check = check_file(path, contract)
        name = infer_all.name_of(path)
        found[name], said[name] = check.rows, stated[name]
        if check.bad or check.broken:
            bad[name] = (check.bad, check.broken)
    assert bad == {}
    assert {n: rows for n, rows in found.items() if said[n] not in (None, rows)} == {}
    assert sum(found.values()) > 1_200_000
    assert infer_all.EDITS == {}


@pytest.mark.parametrize("name", LANDED)
def test_it_lands_with_nothing_in_quarantine(session: Any, installation: Any, name: str) -> None:
    path = infer_all.DATA / name
    outcome = infer_all.landed(session, installation, path, infer_all.stated_rows()[name])
    assert outcome.right, outcome


def test_the_page_states_what_the_readmes_state() -> None:
    stated, page = infer_all.stated_rows(), PAGE.read_text(encoding="utf-8")
    for folder in sorted({path.parent.name for path in infer_all.data_files()}):
        files = [path for path in infer_all.data_files() if path.parent.name == folder]
        rows = sum(stated[infer_all.name_of(path)] or 0 for path in files)
        edits = sum(len(infer_all.EDITS.get(infer_all.name_of(path), [])) for path in files)
        assert f"| {folder} | {len(files):,} | {rows:,} |" in page, folder
        assert f"| 0 | {edits} |" in page
