"""A card's fields do not change without a new format, for cards that were written stay readable."""

import dataclasses

import pytest

from models.card_formats import CARD_FORMAT, MIGRATIONS
from tests.support.card_format import card_format, listing_path

WHAT_TO_DO = f"""
The fields of the model card are no longer those of format {CARD_FORMAT}. Cards of that format
exist and must still be read. Give the card a new format:
1. models/card_formats.py: add a step at the end of MIGRATIONS that fills or renames the fields.
2. tests/data: keep a bundle of format {CARD_FORMAT}, and test that it is still read; follow
   tests/test_bundle_format_1.py.
3. python -m tests.support.card_format > tests/data/card_format_{CARD_FORMAT + 1}.txt
"""


def test_the_fields_of_the_card_are_those_of_its_format() -> None:
    path = listing_path(CARD_FORMAT)
    kept = path.read_text(encoding="utf-8") if path.exists() else ""
    added = sorted(set(card_format().splitlines()) - set(kept.splitlines()))
    gone = sorted(set(kept.splitlines()) - set(card_format().splitlines()))
    assert (added, gone) == ([], []), WHAT_TO_DO


def test_every_format_with_a_listing_has_a_migration_to_the_next() -> None:
    assert len(MIGRATIONS) == CARD_FORMAT - 1
    assert not listing_path(CARD_FORMAT + 1).exists()


@dataclasses.dataclass(frozen=True)
class Part:
    """A part of a planted card."""

    leads: int
    rate: float | None = None


@dataclasses.dataclass(frozen=True)
class Planted:
    """A planted card."""

    parts: tuple[Part, ...]
    by_name: dict[str, Part]


def test_the_listing_names_each_field_with_its_types() -> None:
    assert card_format(Planted).splitlines() == [
        "by_name: object",
        "by_name{}: object",
        "by_name{}.leads: integer",
        "by_name{}.rate?: null | number",
        "parts: array",
        "parts[]: object",
        "parts[].leads: integer",
        "parts[].rate?: null | number",
    ]


@pytest.mark.parametrize(
    "fields",
    [
        [("leads", int), ("rate", float | None, None), ("added", int)],
        [("people", int), ("rate", float | None, None)],
        [("leads", float), ("rate", float | None, None)],
        [("leads", int), ("rate", float | None)],
    ],
    ids=["added", "renamed", "retyped", "required"],
)
def test_a_changed_field_changes_the_listing(fields: list) -> None:
    ordered = sorted(fields, key=len)
    assert card_format(dataclasses.make_dataclass("Part", ordered)) != card_format(Part)
