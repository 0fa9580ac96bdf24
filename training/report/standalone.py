"""The report's pictures as files of their own, for the run of a training in the registry.

In the page they take their colours from its style; here each brings the style along.
"""

import json
from importlib.resources import files

from models.bundle import Bundle
from training.card.values import read_card, to_json
from training.report.pictures import bands_picture, reliability_picture, signals_picture
from training.report.render import SIGNALS_DRAWN, report_summary
from training.report.words.language import language


def run_documents(bundle: Bundle) -> dict[str, str]:
    """What is kept with a run beside the bundle: pictures, and what the audit found.

    Parameters
    ----------
    bundle : Bundle
        A judged model.

    Returns
    -------
    dict of str to str
        Text by file name.
    """
    card, english = read_card(bundle.card), language("en")
    summary = report_summary(card, bundle.version)
    pictures = {
        **{f"reliability_{h.name}": reliability_picture(h, english) for h in summary.horizons},
        **{
            f"bands_{h.name}": bands_picture(summary.bands, h.name, english)
            for h in summary.horizons
        },
        "importance": signals_picture(summary.signals[:SIGNALS_DRAWN], english, {}),
    }
    audit = json.dumps(
        [to_json(finding) for finding in card.audit], indent=1, sort_keys=True, ensure_ascii=False
    )
    return {
        "audit.json": audit + "\n",
        **{f"pictures/{name}.svg": _alone(picture) for name, picture in pictures.items()},
    }


def _alone(picture: str) -> str:
    """Picture that needs no page around it."""
    style = files("training.report").joinpath("report.css").read_text(encoding="utf-8")
    opening, content = picture.split(">", 1)
    namespace = "" if "xmlns=" in opening else ' xmlns="http://www.w3.org/2000/svg"'
    style += "svg { background: var(--paper); font-family: var(--sans); }\n"
    return f"{opening}{namespace}>\n<style>\n<![CDATA[\n{style}]]>\n</style>{content}"
