"""What names and values hint at: persons, money, flags, dates. Hints, for a person to decide."""

import re
from collections.abc import Callable, Collection

from countinghouse.inference.column_profile import Profile

_PERSON = re.compile(
    r"(?:^|_)(?:"
    r"e_?mail(?:_address)?|(?:tele)?phone(?:_(?:number|no))?|mobile(?:_(?:number|no))?|msisdn|fax"
    r"|(?:first|last|given|family|middle|full|maiden|customer|buyer|contact|cardholder|holder"
    r"|recipient|person|employee|user|client|patient)_?name|surname|lastname|firstname"
    r"|(?:street|postal|home|billing|shipping|delivery)_?address(?:_(?:line_?)?[0-9])?"
    r"|address(?:_?(?:line_?)?[0-9])?|street(?:_(?:name|[0-9]))?|iban|card_?(?:number|no)|pan"
    r"|ssn|passport(?:_(?:number|no))?|national_id|date_of_birth|birth_?(?:day|date)|dob"
    r"|ip(?:_address)?)$"
)
_DIGITS = re.compile(r"phone|mobile|fax|msisdn|card|ssn|(?:^|_)ip|birth|dob")
_MAYBE_PERSON = re.compile(
    r"(?:^|_)(?:name|[a-z]+_by|user|login|username|city|zip(?:_code)?(?:_prefix)?|postcode"
    r"|postal_code|gender|age|latitude|longitude|device_id|cookie(?:_id)?)$"
)
_PSEUDONYM = re.compile(
    r"(?:^|_)(?:customer|user|household|member|visitor|client|person|employee|patient"
    r"|subscriber|contact|buyer)_?(?:id|key|uuid|number|no)$"
)
_EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[A-Za-z]{2,}")
_PHONE = re.compile(r"(?:\+|00)[1-9][0-9 ()/.-]{7,18}")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_CARD = re.compile(r"[3-6][0-9]{3}(?:[ -]?[0-9]{4,6}){2}[ -]?[0-9]{0,7}")
_MONEY = re.compile(
    r"(?:^|_)(?:amount|price|cost|costs|spend|revenue|sales|fee|fees|tax|vat|discount|disc|budget"
    r"|bid|balance|debit|credit|net|gross|payment|payout|refund|commission|salary|total|value)"
    r"(?:_(?:amount|value|net|gross|total|[a-z]{3}|in_local_currency))?$"
)
_NO_MONEY = re.compile(
    r"(?:^|_)(?:id|count|counts|number|rate|ratio|share|pct|percent|type|status|code|days|orders"
    r"|strategy|date|installments|sequential|indicator|flag|per_click_count)(?:_|$)"
)
_DATE = re.compile(
    r"(?:^|_)(?:date|day|datum|fecha|month|period|time|timestamp|at|on|since|until|from|to"
    r"|created|updated|modified|birthday|dob)(?:_|$)|date$"
)
_FLAG = re.compile(
    r"^(?:is|has|was|can|are|does)_|_(?:flag|enabled|deleted|active|hidden)$|^click$"
)
_COUNT = re.compile(r"(?:^|_)(?:id|count|counts|qty|quantity|number|no|units|clicks|impressions)$")
_ID = re.compile(
    r"(?:^|_)(?:id|ids|key|uuid|guid|no|nr|number|code|sku|ean|upc|isbn|asin|hash|ref|reference"
    r"|token)$|^id_"
)
_PLACE = re.compile(
    r"(?:^|_)(?:line|line_number|line_item|seq|sequence|sequential|position|pos|index|row|rank|week"
    r"|month|year|hour|version|period|installment)$"
)
# Columns that tell when a row was moved, not when something happened.
_TECHNICAL = re.compile(
    r"(?:^|_)(?:synced|loaded|ingested|extracted|imported|exported|end|ends|expir\w*|due|until"
    r"|birth\w*|dob|to|valid|deleted|budget_end\w*)(?:_|$)"
)
_CHANGE = re.compile(r"(?:^|_)(?:updated|modified|modification|changed|last)(?:_|$)")
_SHARE = 0.8
_ENOUGH = 3


def person(name: str, profile: Profile) -> str:
    """Why the values may identify a person, so that they are proposed as `pii: high`."""
    digits_only = bool(profile.sample) and not any(c.isalpha() for v in profile.sample for c in v)
    # A count of e-mails identifies nobody.
    if (
        _PERSON.search(name)
        and not profile.is_boolean
        and (_DIGITS.search(name) or not digits_only)
    ):
        return f"the name {name} tells of a person"
    for what, form, proof in _VALUES:
        if _mostly(profile.sample, form, proof):
            return f"the values look like {what}"
    return ""


def maybe_person(name: str) -> bool:
    """Whether a name may stand for a person, or for nobody."""
    return bool(_MAYBE_PERSON.search(name))


def pseudonym(name: str) -> bool:
    """Whether a name stands for a person without saying who it is."""
    return bool(_PSEUDONYM.search(name))


def money(name: str) -> bool:
    """Whether a number by this name may be an amount of money."""
    return bool(_MONEY.search(name)) and not _NO_MONEY.search(name)


def date(name: str) -> bool:
    """Whether a column by this name holds a day or a time."""
    return bool(_DATE.search(name))


def flag(name: str) -> bool:
    """Whether a column by this name is true or false."""
    return bool(_FLAG.search(name))


def count(name: str) -> bool:
    """Whether a column by this name holds whole numbers, however they are written."""
    return bool(_COUNT.search(name))


def identifier(name: str) -> bool:
    """Whether a column by this name tells things apart."""
    return bool(_ID.search(name))


def place(name: str) -> bool:
    """Whether a column by this name tells rows within something apart."""
    return bool(_PLACE.search(name))


def technical(name: str) -> bool:
    """Whether a time by this name is not that of what happened."""
    return bool(_TECHNICAL.search(name))


def change(name: str) -> bool:
    """Whether a time by this name is that of a new version of its row."""
    return bool(_CHANGE.search(name))


def _mostly(sample: Collection[str], form: re.Pattern[str], proof: Callable[[str], bool]) -> bool:
    fitting = sum(bool(form.fullmatch(text)) and proof(text) for text in sample)
    return fitting >= min(_ENOUGH, len(sample)) > 0 and fitting >= _SHARE * len(sample)


def _any(_: str) -> bool:
    return True


def _luhn(text: str) -> bool:
    digits = [int(c) for c in text if c.isdigit()][::-1]
    doubled = [d * 2 - 9 * (d > 4) for d in digits[1::2]]
    return 13 <= len(digits) <= 19 and (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _checked_iban(text: str) -> bool:
    turned = text[4:] + text[:4]
    return int("".join(str(int(c, 36)) for c in turned)) % 97 == 1


_VALUES: tuple[tuple[str, re.Pattern[str], Callable[[str], bool]], ...] = (
    ("e-mail addresses", _EMAIL, _any),
    ("telephone numbers", _PHONE, _any),
    ("IBANs", _IBAN, _checked_iban),
    ("card numbers", _CARD, _luhn),
)
