"""The tables without what the leak audit quarantines.

Quarantined attributes leave the tables that training sees, and so do quarantined interactions. A
lead that is scored later will have such interactions too. The spec that travels with the model
therefore names them (`Spec.ignored`); `quarantined_values` computes that list.
"""

import dataclasses
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from features.language.kinds import LabelField
from features.tables import Tables
from training.audit.leaks import AUDITED_FIELDS, Finding


def quarantined_values(findings: Sequence[Finding]) -> dict[LabelField, tuple[str, ...]]:
    """Values of the interactions' fields that are quarantined, by field."""
    by_field: dict[LabelField, tuple[str, ...]] = {
        field: tuple(one.name for one in findings if one.what == field and one.quarantined)
        for field in AUDITED_FIELDS
    }
    return {field: values for field, values in by_field.items() if values}


def without_quarantined(tables: Tables, findings: Sequence[Finding]) -> Tables:
    """Tables without the quarantined attributes and without quarantined interactions.

    Parameters
    ----------
    tables : Tables
        An export.
    findings : sequence of Finding
        What the audit found in the same export.

    Returns
    -------
    Tables
        Its ``unused`` names what was left out, with the reason.
    """
    attributes = [one.name for one in findings if one.what == "attribute" and one.quarantined]
    columns = [name for name in attributes if name in tables.leads.column_names]
    log, events = tables.attribute_log, tables.interactions
    for field, values in quarantined_values(findings).items():
        events = events.filter(pc.invert(_is_in(events[field], values)))
    kinds = {name: kind for name, kind in tables.attribute_kinds.items() if name not in attributes}
    reasons = {_unused_name(finding): _why(finding) for finding in findings if finding.quarantined}
    return dataclasses.replace(
        tables,
        leads=tables.leads.drop_columns(columns),
        attribute_log=log.filter(pc.invert(_is_in(log["name"], attributes))),
        interactions=events,
        attribute_kinds=kinds,
        unused=tables.unused | reasons,
    )


def _unused_name(finding: Finding) -> str:
    return (
        finding.name
        if finding.what == "attribute"
        else f"interactions.{finding.what}={finding.name}"
    )


def _why(finding: Finding) -> str:
    by_hand = finding.verdict == "dropped"
    return finding.reason if by_hand else f"quarantined by the audit: {finding.reason}"


def _is_in(column: pa.ChunkedArray, values: Sequence[str]) -> pa.ChunkedArray:
    return pc.is_in(column.cast(pa.string()), value_set=pa.array(values, pa.string()))
