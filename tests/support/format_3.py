"""A bundle of card format 3: a blend of few trees on 1,800 made-up leads, bands by low ends."""

from tests.support.format_1 import DATA

FORMAT_3 = DATA / "bundle_format_3"
