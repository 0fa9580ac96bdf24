"""A bundle whose card is of format 2: 1,800 made-up leads, few trees, a points card.

Its export declared the number of the client's card, which only clients have; the audit of then
quarantined it.
"""

from pathlib import Path

FORMAT_2 = Path(__file__).parents[1] / "data" / "bundle_format_2"
