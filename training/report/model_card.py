"""The model card as text for people.

It says what a model is for, what it was measured to be, and where not to trust it. The card itself
is JSON; here it becomes Markdown by ``card.md.j2``, which travels with it in the
bundle. Every value of it is shown as plain text, whatever names a CRM holds: no name can become a
link, a picture, a heading or another cell of a table.
"""

import functools
import re
from collections.abc import Callable
from datetime import datetime

from jinja2 import Environment, PackageLoader, StrictUndefined

from training.card.schema import ModelCard
from training.report.words import numerals
from training.report.words.language import language

SIGNALS_LISTED = 15
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_MARKUP = re.compile(
    r"([\\`*\[\]<>|~&$@]|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=www)\.)", re.IGNORECASE
)
"""What Markdown may take for more than text; an underscore within a word is text."""


def card_text(card: ModelCard) -> str:
    """Model card in Markdown."""
    return (
        _environment().get_template("model_card.md.j2").render(c=card, most_signals=SIGNALS_LISTED)
    )


def plain(value: object) -> object:
    r"""Value as Markdown that shows it literally and stays on its line.

    Examples
    --------
    >>> plain("a|b\n# *c*")
    'a\\|b # \\*c\\*'
    """
    if not isinstance(value, str):
        return value
    return _MARKUP.sub(r"\\\1", _BREAKS.sub(" ", value))


def iso_day(moment: datetime | None) -> str:
    """Day of an instant as ISO 8601, or a dash.

    Examples
    --------
    >>> iso_day(datetime(2026, 1, 31, 12)), iso_day(None)
    ('2026-01-31', '–')
    """
    return "–" if moment is None else moment.date().isoformat()


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("training.report", ""),
        autoescape=False,  # noqa: S701 - this is no HTML, and `plain` sees every value
        undefined=StrictUndefined,
        finalize=plain,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["iso_day"] = iso_day
    for write in (numerals.percent, numerals.whole, numerals.decimal):
        environment.filters[write.__name__] = _of_what_is_there(write)
    return environment


def _of_what_is_there(write: Callable[..., str]) -> Callable[..., str]:
    def written(value: object, *arguments: object) -> str:
        str(value)  # an undefined one says here what it is
        return write(value, language("en"), *arguments)

    return written
