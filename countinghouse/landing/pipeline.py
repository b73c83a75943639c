"""From the records of files to typed rows with a reason each, as one lazy DataFrame."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.connect import functions as F
from pyspark.sql.connect.window import Window

from countinghouse.contracts import Contract
from countinghouse.landing import instants, reader, types
from countinghouse.landing.columns import business_columns
from countinghouse.landing.formats.shape import FileShape
from countinghouse.publishing.content_digest import Money, content_digest

_NO_TEXTS = "cast(map() as map<string, string>)"
_NO_MONEY = "cast(map() as map<string, bigint>)"
_CONFLICT = "keys: conflicting copies"
_PLACE = ("_delivery", "_delivery_version", "_delivery_sequence", "_source_file", "_row_number")


def read_records(
    session: SparkSession,
    contract: Contract,
    parts: Sequence[Sequence[Mapping[str, Any]]],
    pii_key: Path,
) -> DataFrame:
    """Texts of the declared columns, and the place of each record; see `reader`."""
    session.dataSource.register(reader.DeliveredFiles)
    return (
        session.read.format(reader.NAME)
        .options(feed=json.dumps(_feed(contract, pii_key)), parts=json.dumps(parts))
        .load()
    )


def judged(records: DataFrame, contract: Contract, shards: int) -> DataFrame:
    """Typed rows with `_reason`, the first rule that a row breaks, or NULL.

    Rows of a date come together in `shards` partitions, ordered by date and key.
    """
    with_reasons = _with_business_date(_typed(_nulled(records, contract), contract), contract)
    return _with_conflicts(with_reasons, contract, shards)


def raw_rows(rows: DataFrame, contract: Contract) -> DataFrame:
    """The good rows, as `raw.<feed>`."""
    columns = [column.name for column in contract.columns]
    return rows.where("_reason is null").select(*columns, "_business_date", "_extra", *_PLACE, "dt")


def quarantine_rows(rows: DataFrame) -> DataFrame:
    """The bad rows, as `quarantine.<feed>`."""
    return rows.where("_reason is not null").select("_reason", "_raw", "_money", *_PLACE, "dt")


def _feed(contract: Contract, pii_key: Path) -> dict[str, Any]:
    columns = list(enumerate(contract.columns))
    return {
        "shape": FileShape.of(contract).to_json(),
        "columns": [column.name for column in contract.columns],
        "canonical": [n for n, c in columns if contract.is_canonical(c)],
        "treated": [(n, c.treatment, c.null_values) for n, c in columns if c.treatment != "keep"],
        # The secret's place and not the secret: a plan's options are shown in the engine's pages.
        "pii_key": str(pii_key),
    }


def _nulled(records: DataFrame, contract: Contract) -> DataFrame:
    texts = [f"{types.text_of(contract, c)} as `{c.name}`" for c in contract.columns]
    return records.selectExpr(*texts, "_extra", *_PLACE, "_raw", "_error", "dt")


def _typed(texts: DataFrame, contract: Contract) -> DataFrame:
    columns = [types.typed(contract, column) for column in contract.columns]
    return texts.selectExpr(
        *[f"{column.value} as `{column.name}`" for column in columns],
        f"{_extra(columns)} as _extra",
        *_PLACE,
        "_raw",
        "_error",
        f"array({', '.join(column.reason for column in columns)}) as _column_reasons",
        f"coalesce(_error, {', '.join(column.reason for column in columns)}) as _reason",
        "dt",
    )


def _extra(columns: Sequence[types.Typed]) -> str:
    originals = [
        f"if({c.rounded}, map({types.quoted(c.name)}, `{c.name}`), {_NO_TEXTS})"
        for c in columns
        if c.rounded
    ]
    return f"map_concat(_extra, {', '.join(originals)})" if originals else "_extra"


def _with_business_date(rows: DataFrame, contract: Contract) -> DataFrame:
    declared = contract.business_date
    kind = contract.column(declared.column).parsed.name if declared.column else ""
    dated = rows.withColumn("_business_date", F.expr(instants.business_date(declared, kind)))
    dated = _with_powers(dated, contract)
    late = [
        f"when {rule} then {types.quoted(f'{declared.column}: {name}')}"
        for rule, name in instants.date_rules(
            declared, contract.max_lateness_days, contract.restates_days
        )
    ]
    amounts = _amounts_with_currency(contract)
    reasons = ["_reason", *(_fault_of(money) for money in amounts)]
    reasons += [f"case {' '.join(late)} end"] if late else []
    return dated.withColumns(
        {
            "_money": F.expr(_readable_money(contract)),
            "_reason": F.expr(f"coalesce({', '.join(reasons)})"),
        }
    )


def _with_powers(rows: DataFrame, contract: Contract) -> DataFrame:
    """By currency its power of ten, and by amount why it does not fit its currency, or NULL.

    Each is found once a row: the lists of all currencies, written out wherever they are asked for,
    make code that is too long to be compiled well.
    """
    amounts = _amounts_with_currency(contract)
    powers = {_power_of(money): F.expr(money.power) for money in amounts}
    faults = {_fault_of(m): F.expr(types.currency_reason(m, _power_of(m))) for m in amounts}
    return rows.withColumns(powers).withColumns(faults) if amounts else rows


def _amounts_with_currency(contract: Contract) -> list[Money]:
    return [money for money in contract.money if money.currency_column]


def _power_of(money: Money) -> str:
    exponent = "" if money.exponent is None else f"_{money.exponent}"
    return f"_power_of_{money.currency_column}{exponent}"


def _fault_of(money: Money) -> str:
    return f"_fault_of_{money.column}"


def _readable_money(contract: Contract) -> str:
    """SQL of the amounts of a row by label, whatever else is wrong with the row."""
    names = [column.name for column in contract.columns]
    amounts = []
    for money in contract.money:
        currency, fault, power = f"'{money.currency}'", "null", money.power
        if money.currency_column:
            currency, fault = f"`{money.currency_column}`", _fault_of(money)
            power = _power_of(money)
        readable = (
            f"_error is null and `{money.column}` is not null "
            f"and _column_reasons[{names.index(money.column)}] is null "
            f"and {fault} is null"
        )
        one = f"map(concat('{money.label} ', {currency}), {money.minor_by(power)})"
        amounts.append(f"case when {readable} then {one} else {_NO_MONEY} end")
    return f"map_concat({', '.join(amounts)})" if amounts else _NO_MONEY


def _with_conflicts(rows: DataFrame, contract: Contract, shards: int) -> DataFrame:
    """Two copies of one key and version in one delivery that differ are both bad."""
    shard = F.pmod(F.xxhash64(*contract.keys), F.lit(shards))
    content = F.expr(f"if(_reason is null, {content_digest(business_columns(contract))}, null)")
    # The shuffle by date and shard serves the window and the writer: one, and one sort.
    together = rows.withColumns({"_shard": shard, "_content": content}).repartition("dt", "_shard")
    copies = Window.partitionBy("dt", "_shard", "_delivery", *contract.identity)
    differ = F.min("_content").over(copies) != F.max("_content").over(copies)
    conflict = F.when(differ & F.col("_reason").isNull(), F.lit(_CONFLICT))
    return together.withColumn("_reason", F.coalesce("_reason", conflict))
