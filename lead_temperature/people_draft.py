"""A first people.toml, drafted from an export: its owners are the people.

Tests: tests/lead_temperature/test_people_draft.py.
"""

from typing import TYPE_CHECKING

from features.export.toml_text import toml_text

if TYPE_CHECKING:
    from features.tables import Tables
    from training.config import Config

ATTRIBUTE_USUAL_NAMES = {
    "language": ("language", "lang", "preferred_language"),
    "form": ("form", "enquiry_form", "lead_form"),
    "referrer": ("referrer", "referred_by"),
}
HEAD = """\
# Who works the leads; docs/desk.md says what each key means. Everybody who has a lead stands here:
# take out who works no more, and say of the others what they can and may do, such as
#   languages = ["pt", "en"]             of leads whose language is known, only these
#   territory = {country = ["pt", ""]}   "" are the leads whose country is unknown
#   bands = ["hot", "warm"]
#   skills = {hot = 1.2}                 of their hot leads a fifth more buy than of others'
#   absences = [2026-01-06, {begin = 2026-08-01, end = 2026-08-15}]
"""


def draft_people(tables: "Tables", settings: "Config", capacity: int) -> str:
    """Text of a people.toml with a person for each owner of a lead.

    Parameters
    ----------
    tables : Tables
        The export.
    settings : Config
        Its configuration: ``[report]`` and ``[features]`` may name owner and kind of source.
    capacity : int
        Leads that each person can contact on a day.

    Raises
    ------
    ValueError
        The export does not say who has a lead.
    """
    from training.team.grouping import attribute_levels
    from training.team.practice import SOURCE_KIND_NAMES, named_attribute, owner_attribute

    owner = owner_attribute(tables, settings.practice.owner)
    if owner is None:
        raise ValueError(
            "The export has no attribute that says who has a lead: declare it in fixed_at_creation "
            "or in the log of attributes, and name it as owner under [features]."
        )
    source = named_attribute(tables, "source_kind", settings.report.source_kind, SOURCE_KIND_NAMES)
    attributes = {"owner": owner, "source": source} | {
        key: named_attribute(tables, key, None, names)
        for key, names in ATTRIBUTE_USUAL_NAMES.items()
    }
    *owners, _ = attribute_levels(tables, owner).words
    zone = settings.export.data.timezone or "UTC"
    lines = [
        f"timezone = {toml_text(zone)}",
        '# link = "https://crm.example.com/leads/{lead_id}"   a lead in your CRM',
        "# leader = ID   who gets enquiries that waited on the last list",
        "",
        "[attributes]",
        *(f"{key} = {toml_text(name)}" for key, name in attributes.items() if name is not None),
    ]
    for person in sorted(owners):
        lines += ["", "[[person]]", f"id = {toml_text(person)}", f"capacity = {capacity}"]
    return HEAD + "\n" + "\n".join(lines) + "\n"
