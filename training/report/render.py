"""The page: one HTML file of the figures and their pictures, with nothing to fetch and no script.

The words stand in ``report.html.j2`` as messages for `training.report.words.language`, and the
looks in ``report.css``. Jinja escapes every value, so whatever names a CRM holds are shown as text;
a figure that the template misspells is an error. What the page shows of a number is an element
``data`` that holds the number as it was measured, and of a date an element ``time``: programs read
them without guessing, and the tests compare them with the figures.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from datetime import datetime

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from features.language.wording import description, signal
from models.bundle import Bundle
from models.plays import shipped_plays
from training.card.schema import ModelCard
from training.card.values import read_card
from training.evaluation.gains import EARLY, SHARES
from training.report.changes import FIGURES, changes
from training.report.figures import ReportSummary
from training.report.meters import highest, meter
from training.report.past import Course, Past, standing
from training.report.pictures import (
    bands_picture,
    gains_picture,
    past_picture,
    reliability_picture,
    signals_picture,
)
from training.report.served import ServedHorizon
from training.report.words import numerals
from training.report.words.language import Language, language
from training.report.words.reasons import reason
from training.statistics.incidence import MedianEstimate
from training.statistics.rates import ENOUGH_PROMISED, LEAST_POSITIVES, RateEstimate

SIGNALS_DRAWN = 10
NUMERALS = (
    *("percent", "whole", "decimal", "order", "day", "with_interval", "pairs"),
    *("middle", "month", "short", "points", "rise", "short_day"),
)


def bundle_report(
    bundle: Bundle,
    code: str = "en",
    previous: Bundle | None = None,
    past: Past | None = None,
    served: tuple[ServedHorizon, ...] = (),
) -> str:
    """HTML page on a bundle.

    Parameters
    ----------
    bundle : Bundle
        A judged model.
    code : str
        Language, one of `training.report.words.language.LANGUAGES`.
    previous : Bundle, optional
        Of an earlier report: then the page tells what has changed.
    past : Past, optional
        The latest backtest.
    served : tuple of ServedHorizon
        What came of answers that were given; empty without a ledger.

    Raises
    ------
    ValueError
        The bundle's card lacks a figure that the report needs, or the language is unknown.
    """
    speech = language(code)
    earlier = None
    if previous is not None:
        earlier = report_summary(read_card(previous.card), previous.version)
    summary = report_summary(read_card(bundle.card), bundle.version, earlier, past, served)
    return report_html(summary, speech, signal_names(bundle, speech))


def report_summary(
    card: ModelCard,
    version: str,
    previous: ReportSummary | None = None,
    past: Past | None = None,
    served: tuple[ServedHorizon, ...] = (),
) -> ReportSummary:
    """What the report says of a model's card.

    Parameters
    ----------
    card : ModelCard
        What was measured of the model.
    version : str
        The model's.
    previous : ReportSummary, optional
        Of an earlier report, to say what has changed.
    past : Past, optional
        The latest backtest.
    served : tuple of ServedHorizon
        What came of answers that were given; empty without a ledger.
    """
    summary = ReportSummary(card, version, past=past, past_is=standing(past, card), served=served)
    if previous is None:
        return summary
    return dataclasses.replace(summary, changes=changes(previous, summary))


def signal_names(bundle: Bundle, speech: Language) -> dict[str, str]:
    """Names of a bundle's signals and features in a language, by those that stand in its card."""
    features = bundle.spec.features
    return {signal(feature): signal(feature, speech) for feature in features} | {
        description(feature): description(feature, speech) for feature in features
    }


def report_html(
    summary: ReportSummary, speech: Language, names: Mapping[str, str] | None = None
) -> str:
    """Page that shows the figures.

    Parameters
    ----------
    summary : ReportSummary
        Figures and verdicts that the page shows.
    speech : Language
        Language of the page.
    names : mapping of str to str, optional
        Names of signals in that language; without one a signal has the name it has in the summary.
    """
    drawn_signals = summary.signals[:SIGNALS_DRAWN]
    pictures = {
        "bands": {h.name: bands_picture(summary.bands, h.name, speech) for h in summary.horizons},
        "reliability": {h.name: reliability_picture(h, speech) for h in summary.horizons},
        "served": {h.name: reliability_picture(h, speech, "served") for h in summary.served},
        "signals": signals_picture(drawn_signals, speech, names or {}),
        "past": {c.name: past_picture(c, speech) for c in _told_courses(summary)},
        "gains": {h.name: gains_picture(h, speech) for h in summary.horizons if h.gains},
    }
    template = _environment(speech).get_template("report.html.j2")
    return template.render(
        s=summary,
        lang=speech.code,
        names=names or {},
        pictures=pictures,
        drawn=len(drawn_signals),
        enough=ENOUGH_PROMISED,
        least_positives=LEAST_POSITIVES,
        shares=SHARES,
        early=EARLY,
        plays=shipped_plays(),
        units={name: unit for name, (unit, *_) in FIGURES.items()},
    ).lstrip()


def _told_courses(summary: ReportSummary) -> tuple[Course, ...]:
    """What a backtest found, if it is of this model."""
    if summary.past is None or summary.past_is not in ("same", "other data"):
        return ()
    return summary.past.courses


@functools.cache
def _environment(speech: Language) -> Environment:
    environment = Environment(
        loader=PackageLoader("training.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_translations(  # type: ignore[attr-defined]
        speech.catalogue, newstyle=True
    )
    for name in NUMERALS:
        environment.filters[name] = _figure(getattr(numerals, name), speech)
    environment.filters["word"] = lambda name: speech.word(name.replace("_", " "))
    environment.globals |= {"highest": highest, "meter": meter}
    environment.filters["out_of"] = numerals.out_of
    environment.filters["reason"] = functools.partial(reason, language=speech)
    return environment


def _figure(write: Callable[..., str], speech: Language) -> Callable[..., str]:
    """Filter that writes a value as an element which holds it."""

    def shown(
        value: float | str | datetime | RateEstimate | MedianEstimate | None, *decimals: int
    ) -> str:
        text = write(value, speech, *decimals)
        match value:
            case None:
                return text
            case datetime():
                return Markup('<time datetime="{}">{}</time>').format(value.date(), text)
            case str():
                return Markup('<time datetime="{}">{}</time>').format(value, text)
            case RateEstimate() | MedianEstimate():
                return Markup('<data value="{}" data-low="{}" data-high="{}">{}</data>').format(
                    value.value, value.low, value.high, text
                )
            case _:
                return Markup('<data value="{}">{}</data>').format(value, text)

    return shown
