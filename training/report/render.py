"""The page: one HTML file of the figures and their pictures, with nothing to fetch and no script.

The words stand in ``report.html.j2`` and the looks in ``report.css``. Jinja escapes every value, so
whatever names a CRM holds are shown as text; a figure that the template misspells is an error.
"""

import functools

from jinja2 import Environment, PackageLoader, StrictUndefined

from models.bundle import Bundle
from training.report import numerals
from training.report.figures import ENOUGH_PROMISED, ReportSummary
from training.report.pictures import bands_picture, reliability_picture, signals_picture
from training.report.summary import LEAST_POSITIVES, report_summary

SIGNALS_DRAWN = 10


def bundle_report(bundle: Bundle) -> str:
    """HTML page on a bundle.

    Parameters
    ----------
    bundle : Bundle

    Raises
    ------
    ValueError
        The bundle's card lacks a figure that the report needs.
    """
    return report_html(report_summary(bundle.card, bundle.version))


def report_html(summary: ReportSummary) -> str:
    """Page that shows the figures.

    Parameters
    ----------
    summary : ReportSummary
    """
    drawn = summary.signals[:SIGNALS_DRAWN]
    pictures = {
        "bands": {h.name: bands_picture(summary.bands, h.name) for h in summary.horizons},
        "reliability": {h.name: reliability_picture(h) for h in summary.horizons},
        "signals": signals_picture(drawn),
    }
    template = _environment().get_template("report.html.j2")
    return template.render(
        s=summary,
        pictures=pictures,
        drawn=len(drawn),
        enough=ENOUGH_PROMISED,
        least_positives=LEAST_POSITIVES,
    ).lstrip()


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("training.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    names = ("percent", "whole", "decimal", "counted", "day", "told", "of_hundred", "pairs")
    environment.filters |= {name: getattr(numerals, name) for name in names}
    return environment
