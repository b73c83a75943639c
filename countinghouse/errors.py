"""Errors that a person acts on: each says what is wrong and what to do."""


class CountinghouseError(Exception):
    """Base of all expected errors; `remedy` is the next command or action."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        self.message = message
        self.remedy = remedy
        super().__init__(f"{message}\n  what to do: {remedy}" if remedy else message)


class BadName(CountinghouseError):
    """A date, feed or table name that does not match its pattern."""


class ContractError(CountinghouseError):
    """A declaration that is wrong; names file, line, feed and field."""


class DeliveryRefused(CountinghouseError):
    """A delivery that breaks its contract as a whole; the last good version stays published."""


class GateFailed(CountinghouseError):
    """A batch that did not pass its gate; nothing of it is visible."""


class Fenced(CountinghouseError):
    """Another attempt has claimed the partition since; this one must not publish."""


class EngineUnavailable(CountinghouseError):
    """The engine does not answer within its deadline."""
