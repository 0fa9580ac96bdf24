"""The report's pictures as files of their own, for the run of a training in the registry.

In the page they take their colours from its style; here each brings the style along.
"""

import json
from importlib.resources import files

from models.bundle import Bundle
from training.report.pictures import bands_picture, reliability_picture, signals_picture
from training.report.render import SIGNALS_DRAWN
from training.report.summary import report_summary
from training.report.words.language import language


def run_documents(bundle: Bundle) -> dict[str, str]:
    """What is kept with a run beside the bundle: pictures, and what the audit found.

    Parameters
    ----------
    bundle : Bundle

    Returns
    -------
    dict of str to str
        Text by file name.
    """
    found, english = report_summary(bundle.card, bundle.version), language("en")
    pictures = {
        **{f"reliability_{h.name}": reliability_picture(h, english) for h in found.horizons},
        **{f"bands_{h.name}": bands_picture(found.bands, h.name, english) for h in found.horizons},
        "importance": signals_picture(found.signals[:SIGNALS_DRAWN], english, {}),
    }
    audit = json.dumps(bundle.card["audit"], indent=1, sort_keys=True, ensure_ascii=False)
    return {
        "audit.json": audit + "\n",
        **{f"pictures/{name}.svg": _alone(picture) for name, picture in pictures.items()},
    }


def _alone(picture: str) -> str:
    """Picture that needs no page around it."""
    style = files("training.report").joinpath("report.css").read_text(encoding="utf-8")
    opening, rest = picture.split(">", 1)
    namespace = "" if "xmlns=" in opening else ' xmlns="http://www.w3.org/2000/svg"'
    style += "svg { background: var(--paper); font-family: var(--sans); }\n"
    return f"{opening}{namespace}>\n<style>\n<![CDATA[\n{style}]]>\n</style>{rest}"
