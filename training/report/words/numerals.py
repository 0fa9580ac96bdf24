"""How the report writes numbers and dates, in each language by its own rules.

What a number is rounded to is decided here, the same in every language; Babel writes it with the
marks of the language. Numbers and their unit are kept together by a space that does not break. What
was not measured is said in words, so that an empty cell is never mistaken for a zero.

Tests: tests/training/report/words/test_language.py.
"""

from datetime import datetime
from decimal import Decimal

from babel.dates import format_date, format_skeleton
from babel.numbers import format_decimal

from training.report.words.language import Language
from training.statistics.incidence import MedianEstimate
from training.statistics.rates import RateEstimate

NBSP = "\N{NO-BREAK SPACE}"


def not_measured(language: Language) -> str:
    """What stands in the place of a figure that there is none of."""
    return language.gettext("not measured")


def percent(share: float | None, language: Language) -> str:
    """Share from 0 to 1 in per cent, with a decimal where it is small.

    Examples
    --------
    >>> from training.report.words.language import language
    >>> percent(0.413, language("en")).replace(NBSP, " "), percent(0.0345, language("it"))
    ('41 %', '3,5%')
    """
    if share is None:
        return not_measured(language)
    if _tiny(share):
        least = _signed(_written(0.1, 1, language), language)
        return language.gettext("under %(share)s", share=least)
    return _signed(_per_cent(share, language), language)


def axis_percent(share: float, language: Language) -> str:
    """Share from 0 to 1 in per cent, a round one, for an axis."""
    decimals = 0 if round(100 * share, 6).is_integer() else 1
    return _signed(_written(100 * share, decimals, language), language)


def whole(number: float | None, language: Language) -> str:
    """Count with its thousands set apart.

    Examples
    --------
    >>> from training.report.words.language import language
    >>> whole(12345, language("en")), whole(12345, language("ro"))
    ('12,345', '12.345')
    """
    return not_measured(language) if number is None else _written(number, 0, language)


def decimal(number: float | None, language: Language, decimals: int = 3) -> str:
    """Value with a fixed count of decimals.

    Examples
    --------
    >>> from training.report.words.language import language
    >>> decimal(0.12345, language("en")), decimal(0.12345, language("ru"), 4)
    ('0.123', '0,1235')
    """
    return not_measured(language) if number is None else _written(number, decimals, language)


def day(moment: datetime | None, language: Language) -> str:
    """Date in words.

    Examples
    --------
    >>> from training.report.words.language import language
    >>> moment = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
    >>> day(moment, language("en")).replace(NBSP, " ")
    '1 January 2026'
    >>> day(moment, language("pt")).replace(NBSP, " ")
    '1 de janeiro de 2026'
    """
    if moment is None:
        return not_measured(language)
    # Russian closes a date with an abbreviation's full stop, which a sentence would double.
    pattern = language.locale.date_formats["long"].pattern.removesuffix(
        "\N{NARROW NO-BREAK SPACE}'г'."
    )
    return format_date(moment, format=pattern, locale=language.locale).replace(" ", NBSP)


def short_day(moment: datetime, language: Language) -> str:
    """Date in figures, for an axis.

    Examples
    --------
    >>> from training.report.words.language import language
    >>> moment = datetime.fromisoformat("2025-03-09T00:00:00+00:00")
    >>> short_day(moment, language("en")), short_day(moment, language("ru"))
    ('09/03/25', '09.03.25')
    """
    day_month_year = {"/": "dd/MM/yy", ".": "dd.MM.yy"}
    mark = "." if "." in language.locale.date_formats["short"].pattern else "/"
    return format_date(moment, format=day_month_year[mark], locale=language.locale)


def month(name: str, language: Language) -> str:
    """Month in words.

    Examples
    --------
    >>> from training.report.words.language import language
    >>> month("2025-03", language("it")).replace(NBSP, " ")
    'mar 2025'
    """
    first = datetime.fromisoformat(f"{name}-01")
    return format_skeleton("yMMM", first, locale=language.locale).replace(" ", NBSP)


def short(number: float, language: Language) -> str:
    """Value of any size with about two digits that tell.

    Examples
    --------
    >>> from training.report.words.language import language
    >>> [short(number, language("en")) for number in (1234.5, 31.4, 2.0, 1.25, 0.4274, 0.0)]
    ['1,234', '31', '2', '1.2', '0.43', '0']
    """
    decimals = _decimals(number)
    while decimals and float(f"{number:.{decimals}f}") == float(f"{number:.{decimals - 1}f}"):
        decimals -= 1
    return _written(number, decimals, language)


def middle(median: MedianEstimate, language: Language) -> str:
    """Median with its interval, all with as many decimals as tell of the median.

    Examples
    --------
    >>> from training.report.words.language import language
    >>> middle(MedianEstimate(22.8, 20.7, 25.7), language("en")).replace(NBSP, " ")
    '23 (21 to 26)'
    >>> middle(MedianEstimate(1.98, 1.9, 2.0), language("en")).replace(NBSP, " ")
    '2.0 (1.9 to 2.0)'
    """
    figures = (median.value, median.low, median.high)
    counted = all(float(one).is_integer() for one in figures)
    decimals = 0 if counted else _decimals(median.value)
    value, low, high = (_written(one, decimals, language) for one in figures)
    return _range(value, low, high, language)


def with_interval(rate: RateEstimate, language: Language) -> str:
    """Rate in per cent, with its interval.

    Examples
    --------
    >>> from training.report.words.language import language
    >>> with_interval(RateEstimate(0.41, 0.35, 0.48), language("en")).replace(NBSP, " ")
    '41 % (35 to 48 %)'
    """
    if _tiny(rate.low):
        low = language.gettext("under %(share)s", share=_written(0.1, 1, language))
    else:
        low = _per_cent(rate.low, language)
    return _range(percent(rate.value, language), low, percent(rate.high, language), language)


def pairs(rate: RateEstimate, language: Language) -> str:
    """Pairs in the right order out of 100, with the interval.

    Examples
    --------
    >>> from training.report.words.language import language
    >>> pairs(RateEstimate(0.831, 0.818, 0.844), language("en")).replace(NBSP, " ")
    '83 (82 to 84)'
    """
    value, low, high = (order(share, language) for share in (rate.value, rate.low, rate.high))
    return _range(value, low, high, language)


def order(share: float | None, language: Language) -> str:
    """Pairs in the right order out of 100, of their share."""
    return whole(None if share is None else 100 * share, language)


def points(share: float | None, language: Language) -> str:
    """Share out of 100, with a decimal.

    Examples
    --------
    >>> from training.report.words.language import language
    >>> points(0.8123, language("en")), points(0.0138, language("ru"))
    ('81.2', '1,4')
    """
    return decimal(None if share is None else 100 * share, language, 1)


def rise(share: float | None, language: Language) -> str:
    """Change of a share out of 100, with its sign.

    Examples
    --------
    >>> from training.report.words.language import language
    >>> rise(0.0138, language("en")), rise(-0.0138, language("it")), rise(0.0, language("en"))
    ('+1.4', '-1,4', '0.0')
    """
    text = points(share, language)
    return f"+{text}" if share is not None and float(f"{100 * share:z.1f}") > 0 else text


def out_of(rate: RateEstimate) -> int:
    """Round number out of which people grasp a rate: 100, or more where two digits need it.

    Examples
    --------
    >>> out_of(RateEstimate(0.41, 0.35, 0.48)), out_of(RateEstimate(0.0184, 0.0151, 0.0202))
    (100, 1000)
    """
    # Of nothing, the interval is what needs the digits.
    largest = rate.value or rate.high
    return next((base for base in (100, 1000) if largest * base >= 9.5), 10_000)


def _range(value: str, low: str, high: str, language: Language) -> str:
    text = language.gettext(
        "%(value)s (%(low)s\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}%(high)s)",
        value=value,
        low=low,
        high=high,
    )
    # A line may break after a dash, but not within the brackets.
    return text.replace("–", "–\N{WORD JOINER}")


def _decimals(number: float) -> int:
    """Decimals that leave about two digits which tell."""
    return next(n for n, least in ((0, 10), (1, 1), (2, 0)) if abs(number) >= least)


def _tiny(share: float) -> bool:
    return 0 < share < 0.0005


def _per_cent(share: float, language: Language) -> str:
    return _written(100 * share, 1 if 0 < share < 0.0995 else 0, language)


def _signed(number: str, language: Language) -> str:
    """Number with its per cent sign, which some languages set apart and some do not."""
    return language.gettext("%(number)s\N{NO-BREAK SPACE}%%", number=number)


def _written(number: float, decimals: int, language: Language) -> str:
    """Write a number, rounded as Python rounds it (never to -0), with the marks of the language."""
    pattern = "#,##0" + "." * (decimals > 0) + "0" * decimals
    return format_decimal(
        Decimal(f"{number:z.{decimals}f}"), format=pattern, locale=language.locale
    )
