"""Columns of the raw and quarantine tables of a feed, in table order."""

from countinghouse.contracts import Contract
from countinghouse.planning.model_graph import Column

_PLACE = (
    Column("_delivery", "bigint", "Position of the delivery in the delivery log."),
    Column("_delivery_version", "int", "Version of the delivery for its date and sequence."),
    Column("_delivery_sequence", "int", "Sequence of the delivery within its date; 0 if only one."),
    Column("_source_file", "string", "File as its source named it; an alias in feeds with PII."),
    Column("_row_number", "bigint", "Number of the record in the file, header not counted."),
)
_DT = Column("dt", "string", "Date of the delivery.")


def business_columns(contract: Contract) -> tuple[Column, ...]:
    """The declared columns: what the content digest covers."""
    return tuple(Column(c.name, c.type, c.description) for c in contract.columns)


def raw_columns(contract: Contract) -> tuple[Column, ...]:
    """Columns of `raw.<feed>`."""
    return (
        *business_columns(contract),
        Column("_business_date", "string", "Business date in the feed's reporting zone."),
        Column(
            "_extra",
            "map<string,string>",
            "Undeclared columns; for a rounded or normalised value its text as delivered.",
        ),
        *_PLACE,
        _DT,
    )


def quarantine_columns() -> tuple[Column, ...]:
    """Columns of `quarantine.<feed>`, the same for every feed."""
    return (
        Column("_reason", "string", "First rule that the row breaks, as `column: rule`."),
        Column("_raw", "string", "The record as delivered; null where the feed has PII."),
        Column("_money", "map<string,bigint>", "Its readable amounts in minor units."),
        *_PLACE,
        _DT,
    )
