"""A bundle of card format 4: a blend of few trees, whose intervals do not know months."""

from tests.support.format_1 import DATA

FORMAT_4 = DATA / "bundle_format_4"
