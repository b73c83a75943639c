"""Currencies of ISO 4217 and how many decimals their minor unit has."""

_NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"
_FOUR_DECIMALS = "CLF UYW"
_TWO_DECIMALS = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD
CAD CDF CHE CHF CHW CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL
GHS GIP GMD GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR
LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB
PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP
SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG ZWL
"""
# Replaced by the euro or by a successor; kept for figures of their time.
_HISTORIC = "CYP EEK LTL LVL MTL ROL SIT SKK TRL"

EXPONENTS: dict[str, int] = {
    currency: exponent
    for exponent, listed in (
        (0, _NO_DECIMALS),
        (2, _TWO_DECIMALS + _HISTORIC),
        (3, _THREE_DECIMALS),
        (4, _FOUR_DECIMALS),
    )
    for currency in listed.split()
}


def exponent_sql(currency: str) -> str:
    """SQL of the exponent of the currency that the SQL `currency` gives; NULL if unknown."""
    return _case(currency, {exponent: str(exponent) for exponent in _exponents()})


def power_sql(currency: str) -> str:
    """SQL of the minor units in one unit of a currency, as a short DECIMAL; NULL if unknown."""
    return _case(currency, {exponent: f"{10**exponent}BD" for exponent in _exponents()})


def _exponents() -> list[int]:
    return sorted(set(EXPONENTS.values()))


def _case(currency: str, values: dict[int, str]) -> str:
    branches = " ".join(
        f"when {currency} in ({_listed(exponent)}) then {value}"
        for exponent, value in values.items()
    )
    return f"case {branches} end"


def _listed(exponent: int) -> str:
    return ", ".join(f"'{code}'" for code, found in EXPONENTS.items() if found == exponent)
