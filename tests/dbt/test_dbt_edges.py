"""Reads and text of a model's SQL."""

import pytest

from countinghouse.dbt.dbt_edges import Call, calls, normalised
from countinghouse.errors import ContractError


def test_reads_are_found_wherever_jinja_allows_them() -> None:
    sql = """
    {%- set days = ref('first') %}
    {# ref('not_read') #}
    select '--', {{ "ref('also not')" }} from {{ history('second', 6) }} -- it's a comment
    join {% if true %}{{ as_of("third") }}{% endif %} on {{ source('shop', 'orders') }}
    """

    assert calls(normalised(sql), "m") == [
        Call("ref", ("first",)),
        Call("history", ("second", 6)),
        Call("as_of", ("third",)),
        Call("source", ("shop", "orders")),
    ]


def test_a_read_in_a_comment_is_no_read() -> None:
    sql = "select 1 /* {{ ref('a') }} */ -- {{ ref('b') }}\nfrom {{ ref('c') }}"

    assert calls(normalised(sql), "m") == [Call("ref", ("c",))]


@pytest.mark.parametrize(
    "read",
    [
        "ref(name)",
        "ref('a', 'b')",
        "ref('a', v=1)",
        "history('a', 6 + 1)",
        "history('a')",
        "ref(1)",
    ],
)
def test_a_read_that_is_not_literal_is_refused(read: str) -> None:
    with pytest.raises(ContractError, match="does not name what it reads"):
        calls(f"select * from {{{{ {read} }}}}", "models/m.sql")


@pytest.mark.parametrize("word", ["var('x')", "env_var('X')", "builtins.ref('m')"])
def test_a_value_that_no_fingerprint_covers_is_refused(word: str) -> None:
    with pytest.raises(ContractError, match="in no fingerprint"):
        calls(f"select {{{{ {word} }}}}", "models/m.sql")


@pytest.mark.parametrize("word", ["current_date", "now()", "rand(7)", "UUID ()"])
def test_fault_22_sql_that_differs_in_every_run_is_refused(word: str) -> None:
    with pytest.raises(ContractError, match="differs in every run"):
        calls(f"select {word} as x", "models/m.sql")


def test_a_name_that_only_contains_an_unstable_word_is_fine() -> None:
    assert calls("select brand(x), 'now()' as known, t.current_dates from t", "m") == []


@pytest.mark.parametrize(
    "other",
    [
        "select  a,\n\t'b  --c'\nfrom t",
        "select a, -- why\n 'b  --c' from t",
        "select a, /* it's */ 'b  --c' {# don't #} from t\n",
    ],
)
def test_comments_and_white_space_do_not_count(other: str) -> None:
    assert normalised(other) == normalised("select a, 'b  --c' from t")


@pytest.mark.parametrize(
    "other", ["select a, 'b --c' from t", "select a, 'B  --c' from t", "select a, 'b  ' from t"]
)
def test_strings_do_count(other: str) -> None:
    assert normalised(other) != normalised("select a, 'b  --c' from t")
