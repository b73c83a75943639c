"""Numbers as they are written, under one notation: what a column of them must declare."""

import re
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Context, Decimal

_EXACT = Context(prec=400, rounding=ROUND_HALF_UP)
# Landing compares an exponent's value at so many places at most.
EXACT_PLACES = 20
_REMEMBERED = 1000
_LADDER = (2, 4, 6, 10, 18)
_BIGINT = range(-(2**63), 2**63)


@dataclass(frozen=True)
class Notation:
    """Decimal mark and mark between thousands, as the format declares them."""

    decimal_mark: str = "."
    thousands: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether landing reads it without a declaration."""
        return self == Notation()


# Those in which fewer texts are numbers come first.
NOTATIONS = (
    Notation(),
    Notation(",", ""),
    Notation(".", ","),
    Notation(",", "."),
    Notation(",", " "),
    Notation(".", " "),
    Notation(".", "'"),
    Notation(",", "'"),
)


def _form(notation: Notation) -> re.Pattern[str]:
    mark, parts = re.escape(notation.decimal_mark), "([0-9]*)"
    if notation.thousands:
        between = re.escape(notation.thousands)
        parts = rf"([0-9]{{1,3}}(?:{between}[0-9]{{3}})+|[0-9]*)"
    return re.compile(rf"([+-]?){parts}(?:({mark})([0-9]*))?(?:[eE]([+-]?[0-9]{{1,3}}))?")


_FORMS = [_form(notation) for notation in NOTATIONS]


def is_number(text: str) -> bool:
    """Whether a text is a number in any notation."""
    return text[-1:].isdigit() and any(form.fullmatch(text) for form in _FORMS)


@dataclass
class Numbers:
    """Every number of a column, each distinct text once."""

    notation: Notation = field(default_factory=Notation)
    fractions: bool = False
    points: bool = False
    exponents: bool = False
    negative_zero: bool = False
    grouped: bool = False
    # Whether something other than three digits stands behind a mark.
    ragged: bool = False
    taken: int = 0
    marked: int = 0
    digits: int = 0
    places: int = 0
    exponent_places: int = 0
    least: Decimal | None = None
    greatest: Decimal | None = None
    # Exponents with more places than landing compares, as 4.4e-16.
    tiny: set[Decimal] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._form = _form(self.notation)

    def take(self, text: str) -> bool:
        """Note a number; False for what is none, or is a code because zeros lead it."""
        match = self._form.fullmatch(text)
        if match is None:
            return False
        sign, whole, point, fraction, exponent = match.groups()
        grouped = bool(self.notation.thousands) and self.notation.thousands in whole
        whole = whole.replace(self.notation.thousands, "") if grouped else whole
        if not (whole or fraction) or (len(whole) > 1 and whole[0] == "0"):
            return False
        plain = f"{sign}{whole or '0'}" + (f".{fraction}" if fraction else "")
        value = _EXACT.create_decimal(f"{plain}E{exponent}" if exponent else plain)
        self._note(value, bool(point) and exponent is None, exponent is not None)
        self.taken += 1
        self.marked += grouped or bool(point)
        self.grouped |= grouped
        self.ragged |= len(fraction or "") != 3 if point else False
        return True

    def _note(self, value: Decimal, point: bool, exponent: bool) -> None:
        self.points |= point
        self.exponents |= exponent
        self.negative_zero |= value.is_signed() and not value
        self.least = value if self.least is None else min(self.least, value)
        self.greatest = value if self.greatest is None else max(self.greatest, value)
        short = value.normalize(_EXACT)
        shift = short.as_tuple().exponent
        assert isinstance(shift, int)
        places = max(0, -shift) if value else 0
        self.fractions |= places > 0
        self.digits = max(self.digits, short.adjusted() + 1 if value else 0)
        if not exponent:
            self.places = max(self.places, places)
        elif places <= EXACT_PLACES:
            self.exponent_places = max(self.exponent_places, places)
        elif len(self.tiny) < _REMEMBERED:
            self.tiny.add(value)

    def take_whole(self, value: int, *, negative_zero: bool = False) -> None:
        """Note an integer without any mark, which is the same in every notation."""
        self.taken += 1
        self.negative_zero |= negative_zero
        if self.least is None or self.greatest is None:
            self.least = self.greatest = Decimal(value)
        elif value < self.least:
            self.least = Decimal(value)
        elif value > self.greatest:
            self.greatest = Decimal(value)
        self.digits = max(self.digits, len(str(abs(value))) if value else 0)

    def __add__(self, other: "Numbers") -> "Numbers":
        """The numbers of both, in the notation of the second."""
        found = Numbers(other.notation)
        for one in (self, other):
            for name in ("fractions", "points", "exponents", "negative_zero", "grouped", "ragged"):
                setattr(found, name, getattr(found, name) or getattr(one, name))
            for name in ("digits", "places", "exponent_places"):
                setattr(found, name, max(getattr(found, name), getattr(one, name)))
            found.taken += one.taken
            found.marked += one.marked
            found.tiny |= one.tiny
        found.least = min((n.least for n in (self, other) if n.least is not None), default=None)
        found.greatest = max(
            (n.greatest for n in (self, other) if n.greatest is not None), default=None
        )
        return found

    @property
    def known(self) -> bool:
        """Whether there was any number."""
        return self.least is not None

    @property
    def fits_bigint(self) -> bool:
        """Whether every number is whole and has room in 64 bits."""
        if self.fractions or self.tiny or self.least is None or self.greatest is None:
            return False
        # An exponent is read as decimal(38,18) first.
        narrow = not self.exponents or self.digits <= 20
        return narrow and int(self.least) in _BIGINT and int(self.greatest) in _BIGINT

    def decimal(self) -> tuple[int, int] | None:
        """Precision and scale that hold every number but the tiny ones; None if no type does."""
        wanted = max(self.places, self.exponent_places)
        if self.digits + wanted > 38 or self.negative_zero:
            return None
        scale = next((step for step in _LADDER if step >= wanted), wanted)
        if not self.fractions and not self.points:
            scale = 0
        scale = min(scale, 38 - self.digits) if scale > wanted else scale
        return (18 if self.digits + 2 <= 18 - scale else 38), scale

    def round_within(self, scale: int) -> str:
        """What rounding to the scale changes at most, as a power of ten; empty for nothing."""
        if not self.tiny:
            return ""
        if len(self.tiny) == _REMEMBERED:
            return f"{Decimal(5).scaleb(-scale - 1):f}"
        step = Decimal(1).scaleb(-scale)
        changes = (abs(v - v.quantize(step, context=_EXACT)) for v in self.tiny)
        largest = max(changes)
        power = max(-EXACT_PLACES, largest.adjusted() + 1) if largest else -EXACT_PLACES
        return f"{Decimal(1).scaleb(power):f}"
