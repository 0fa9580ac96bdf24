"""How the report writes numbers and dates.

Numbers and their unit are kept together by a space that does not break. What was not measured is
said in words, so that an empty cell is never mistaken for a zero.
"""

from dataclasses import dataclass
from datetime import datetime

from training.report.figures import Rate

NBSP = "\N{NO-BREAK SPACE}"
NOT_MEASURED = "not measured"


def percent(share: float | None) -> str:
    """Share from 0 to 1 in per cent, with a decimal where it is small.

    Examples
    --------
    >>> percent(0.413).replace(NBSP, " "), percent(0.0345).replace(NBSP, " ")
    ('41 %', '3.5 %')
    """
    if share is None:
        return NOT_MEASURED
    if 0 < share < 0.0005:
        return f"under{NBSP}0.1{NBSP}%"
    decimals = 1 if share < 0.0995 and share > 0 else 0
    return f"{100 * share:.{decimals}f}{NBSP}%"


def whole(number: float | None) -> str:
    """Count with its thousands set apart.

    Examples
    --------
    >>> whole(12345)
    '12,345'
    """
    return NOT_MEASURED if number is None else f"{number:,.0f}"


def decimal(number: float | None, places: int = 3) -> str:
    """Value with a fixed count of decimals.

    Examples
    --------
    >>> decimal(0.12345)
    '0.123'
    """
    return NOT_MEASURED if number is None else f"{number:.{places}f}"


def counted(number: int, one: str, many: str) -> str:
    """Count and noun.

    Examples
    --------
    >>> counted(1, "look", "looks").replace(NBSP, " "), counted(0, "look", "looks")[-5:]
    ('1 look', 'looks')
    """
    return f"{whole(number)}{NBSP}{one if number == 1 else many}"


def day(moment: datetime | None) -> str:
    """Date in words.

    Examples
    --------
    >>> day(datetime.fromisoformat("2026-01-01T00:00:00+00:00")).replace(NBSP, " ")
    '1 January 2026'
    """
    return NOT_MEASURED if moment is None else f"{moment.day}{NBSP}{moment:%B}{NBSP}{moment.year}"


def told(rate: Rate) -> str:
    """Rate in per cent, with its interval.

    Examples
    --------
    >>> told(Rate(0.41, 0.35, 0.48)).replace(NBSP, " ")
    '41 % (35 to 48 %)'
    """
    low = percent(rate.low).removesuffix(f"{NBSP}%")
    return f"{percent(rate.value)} ({low} to{NBSP}{percent(rate.high)})"


@dataclass(frozen=True, slots=True)
class OfHundred:
    """Rate told as so many of a round number, which people grasp better than per cent.

    Parameters
    ----------
    base : int
        The round number: 100, or more where the rate is small.
    value, low, high : str
        The rate and its interval out of the base.
    """

    base: int
    value: str
    low: str
    high: str

    def promise(self, share: float) -> str:
        """Share out of the same base."""
        return whole(share * self.base)


def of_hundred(rate: Rate) -> OfHundred:
    """Rate out of 100, or out of 1,000 or 10,000 where two digits need it.

    Examples
    --------
    >>> of_hundred(Rate(0.41, 0.35, 0.48))
    OfHundred(base=100, value='41', low='35', high='48')
    >>> of_hundred(Rate(0.0184, 0.0151, 0.0202)).base
    1000
    """
    # Of nothing, the interval is what needs the digits.
    largest = rate.value or rate.high
    base = next((b for b in (100, 1000) if largest * b >= 9.5), 10_000)
    value, low, high = (whole(share * base) for share in (rate.value, rate.low, rate.high))
    return OfHundred(base, value, low, high)


def pairs(rate: Rate) -> str:
    """Pairs in the right order out of 100, with the interval.

    Examples
    --------
    >>> pairs(Rate(0.831, 0.818, 0.844))
    '83 (82 to 84)'
    """
    return f"{whole(100 * rate.value)} ({whole(100 * rate.low)} to {whole(100 * rate.high)})"
