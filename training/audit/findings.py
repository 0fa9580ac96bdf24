"""The leak audit: which attributes and interactions know what became of a lead.

A column that was filled in when the deal was signed, a field that was overwritten afterwards, an
event that is the outcome under another name: each makes a model brilliant in training and useless
in service. `audit` examines every declared attribute and every kind, outcome and channel of
interactions. For each it measures when it was first known relative to the outcome and how well it
alone ranks leads, and it quarantines what knows the future. The laws stand in
`training.audit.leaks`. The audit reads the whole export, the test period too, because its findings
only ever remove something; nothing is learned from them.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from features.arrays import NEVER, Int64
from features.engine.history import MICROSECONDS_PER_DAY, is_known, when_known
from features.export.mapping import near_miss
from features.spine import Spine, ended_at, microseconds
from features.tables import Tables
from training.audit.leaks import (
    AUDITED_FIELDS,
    Finding,
    InteractionField,
    Subject,
    filled_late_reason,
    gives_away_reason,
    gravest_finding,
    hopeless_reason,
    late_reason,
    learned_later_warning,
    nearly_too_good_warning,
    ranking_figures,
    share_figures,
    too_good_reason,
)
from training.audit.look_times import grid_findings, trigger_finding
from training.audit.quarantine import without_quarantined
from training.audit.ranking import ComparableLooks, Ranking, comparable_looks, ranking, surest_value
from training.audit.timing import LeadShare, Timing, conversions_after, shares_filled_at_end, timing
from training.config import AuditSettings, DatasetSettings, SnapshotSettings
from training.dataset.lives import SAME_MOMENT, Lives, first_by_lead, lead_index
from training.dataset.snapshots import Labels, labels, snapshots, triggered_looks
from training.dataset.values import EncodedValues, attribute_versions, encode_values


@dataclass(frozen=True, slots=True)
class _Ground:
    """What every name is judged on: the leads' lives, and the looks with a known outcome."""

    tables: Tables
    settings: DatasetSettings
    lives: Lives
    looks: ComparableLooks
    first_looks: ComparableLooks
    base: LeadShare


def audit(
    tables: Tables, settings: DatasetSettings, exceptions: AuditSettings
) -> tuple[Finding, ...]:
    """Findings on every attribute, every kind, outcome and channel, and the grid of looks.

    Parameters
    ----------
    tables : Tables
        The export as it was read.
    settings : DatasetSettings
        Its horizons and its grid of looks are those of the training.
    exceptions : AuditSettings
        Names that are allowed whatever the audit says.

    Returns
    -------
    tuple of Finding
        First the attributes by name, then the values of the interactions' fields, then the grid.

    Raises
    ------
    ValueError
        A name in ``[audit] allow`` is nowhere in the export.
    """
    ground = _ground(tables, settings)
    findings = [
        *(_attribute_finding(ground, name) for name in sorted(tables.attribute_kinds)),
        *(finding for field in AUDITED_FIELDS for finding in _field_findings(ground, field)),
    ]
    names = {finding.name for finding in findings}
    for name in exceptions.allow:
        if name not in names:
            raise ValueError(
                f"[audit] allow: {name!r} is no attribute and no kind, outcome or channel of the "
                f"export.{near_miss(name, names)}"
            )
    findings = [_with_allowance(finding, exceptions.allow) for finding in findings]
    return (
        *findings,
        *grid_findings(ground.looks, ground.first_looks, ground.lives),
        *_trigger_findings(ground, findings),
    )


def _with_allowance(finding: Finding, allow: Sequence[str]) -> Finding:
    if finding.quarantined and finding.name in allow:
        return dataclasses.replace(finding, verdict="allowed")
    return finding


def _ground(tables: Tables, settings: DatasetSettings) -> _Ground:
    created_at = microseconds(tables.leads["created_at"])
    converted_at = microseconds(tables.leads["converted_at"])
    lives = Lives(created_at, converted_at, ended_at(tables), tables.data_end)
    spine = snapshots(tables, _grid(settings.snapshots))
    outcomes = labels(tables, spine, settings.horizons.warm_days)
    looks = _looks(tables, settings.snapshots, spine, outcomes)
    first_looks = looks.among(looks.step == 0)
    return _Ground(
        tables=tables,
        settings=settings,
        lives=lives,
        looks=looks,
        first_looks=first_looks,
        base=LeadShare.of(lives.won[first_looks.lead], np.ones(len(first_looks.lead), np.bool_)),
    )


def _looks(
    tables: Tables, grid: SnapshotSettings, spine: Spine, outcomes: Labels
) -> ComparableLooks:
    """Looks whose outcome is known; their age counts in steps of the grid."""
    lead, as_of = spine.lead[outcomes.mature], spine.as_of[outcomes.mature]
    days = (as_of - microseconds(tables.leads["created_at"])[lead]) / MICROSECONDS_PER_DAY
    step = np.floor((days - grid.first_days) / grid.every_days + 1e-9)
    converted = outcomes.converted[outcomes.mature]
    return comparable_looks(lead, as_of, step.astype(np.int64), converted)


def _trigger_findings(ground: _Ground, findings: Sequence[Finding]) -> Iterator[Finding]:
    """Finding on the looks that triggers add, where there are any."""
    settings = ground.settings.snapshots
    if settings.triggers:
        tables = without_quarantined(ground.tables, findings)
        grid, added = snapshots(tables, _grid(settings)), triggered_looks(tables, settings)
        lead = np.concatenate([grid.lead, added.spine.lead])
        spine = Spine(lead, np.concatenate([grid.as_of, added.spine.as_of]))
        outcomes = labels(tables, spine, ground.settings.horizons.warm_days)
        trigger = np.concatenate([np.full(len(grid), len(settings.triggers)), added.trigger])
        yield trigger_finding(_looks(tables, settings, spine, outcomes), trigger[outcomes.mature])


def _grid(settings: SnapshotSettings) -> SnapshotSettings:
    """Settings without triggers: such looks are at the same ages of every lead, so comparable."""
    return settings.model_copy(update={"triggers": ()})


def _attribute_finding(ground: _Ground, name: str) -> Finding:
    if name in ground.tables.leads.column_names:
        return _column_finding(ground, name)
    looks, created_at = ground.looks, ground.lives.created_at
    history = attribute_versions(ground.tables, name, created_at)
    leads = np.arange(history.leads)
    latest = history.known_before(leads, np.full(history.leads, NEVER))
    return _timed_finding(
        ground,
        name,
        "attribute",
        history.first_known(),
        as_known=ranking(looks, history.known_before(looks.lead, looks.as_of)),
        as_stored_today=ranking(looks, latest[looks.lead]),
        at_creation=EncodedValues(
            history.known_before(leads, created_at + SAME_MOMENT + 1), history.values.words
        ),
    )


def _field_findings(ground: _Ground, field: InteractionField) -> Iterator[Finding]:
    events, looks, created_at = ground.tables.interactions, ground.looks, ground.lives.created_at
    lead = lead_index(ground.tables, events["lead_id"])
    occurred_at = microseconds(events["occurred_at"])
    known_at = when_known(occurred_at, microseconds(events["recorded_at"]))
    words = encode_values(events[field], "category", created_at[lead])
    used_codes = np.unique(words.codes[words.present]).tolist()
    for code in sorted(used_codes, key=lambda code: words.words[code]):
        rows = np.flatnonzero(words.codes == code)
        first_known, first_occurred = (
            first_by_lead(lead[rows], instant[rows], len(created_at))
            for instant in (known_at, occurred_at)
        )
        not_at_creation = (first_known > created_at + SAME_MOMENT).astype(np.int64)
        yield _timed_finding(
            ground,
            words.words[code],
            field,
            first_known,
            as_known=ranking(
                looks, is_known(first_known[looks.lead], looks.as_of).astype(np.int64)
            ),
            as_stored_today=ranking(
                looks, (first_occurred[looks.lead] < looks.as_of).astype(np.int64)
            ),
            at_creation=EncodedValues(not_at_creation, ("seen", "not seen")),
        )


def _column_finding(ground: _Ground, name: str) -> Finding:
    """Judge a column of the leads by its values and their absence, because it carries no times."""
    first, days = ground.first_looks, ground.settings.horizons.hot_days
    kind = ground.tables.attribute_kinds[name]
    won, ended = ground.lives.won, ground.lives.ended
    values = encode_values(ground.tables.leads[name], kind, ground.lives.created_at)
    value_ranking = ranking(first, values.codes[first.lead])
    filled = values.present[first.lead]
    presence = ranking(first, filled.astype(np.int64))
    code, share = surest_value(values.codes[first.lead], won[first.lead], len(values.words))
    with_value = LeadShare.of(won[first.lead], filled)
    without_value = LeadShare.of(won[first.lead], ~filled)
    ended_lately, still_open = shares_filled_at_end(values.present, ground.lives, days)
    instants = microseconds(ground.tables.leads[name]) if kind == "timestamp" else None
    reasons = [
        late_reason(_timing(ground, instants)) if instants is not None else "",
        too_good_reason(value_ranking),
        gives_away_reason(share, ground.base, f"leads with '{values.words[code]}'"),
        gives_away_reason(with_value, ground.base, "leads with a value"),
        hopeless_reason(without_value, ground.base, "leads without a value"),
        hopeless_reason(with_value, ground.base, "leads with a value"),
        filled_late_reason(ended_lately, still_open, days),
    ]
    figures = {
        **ranking_figures("auc", value_ranking),
        "presence_auc": presence.auc,
        "had_by_won": LeadShare.of(values.present, won).share,
        "had_by_lost": LeadShare.of(values.present, ended & ~won).share,
        "had_by_open": LeadShare.of(values.present, ~ended).share,
        "surest_value": values.words[code],
        **share_figures("surest", share),
        **share_figures("with_value", with_value),
        **share_figures("without_value", without_value),
        **share_figures("filled_ended_lately", ended_lately),
        **share_figures("filled_open_still", still_open),
    }
    warnings = [nearly_too_good_warning(value_ranking)]
    return gravest_finding(name, "attribute", reasons, warnings, figures)


def _timed_finding(
    ground: _Ground,
    name: str,
    subject: Subject,
    first_known: Int64,
    as_known: Ranking,
    as_stored_today: Ranking,
    at_creation: EncodedValues,
) -> Finding:
    """Judge what carries times: when it was known, what followed, and what stood at creation."""
    first, base = ground.first_looks, ground.base
    times = _timing(ground, first_known)
    won_after = conversions_after(first_known, ground.lives, ground.settings.horizons.warm_days)
    at_creation_ranking = ranking(first, at_creation.codes[first.lead])
    won = ground.lives.won[first.lead]
    code, share = surest_value(at_creation.codes[first.lead], won, len(at_creation.words))
    reasons = [
        late_reason(times),
        too_good_reason(at_creation_ranking),
        gives_away_reason(won_after, base, "leads that have it before an outcome"),
        gives_away_reason(share, base, f"leads with '{at_creation.words[code]}' at creation"),
    ]
    figures = {
        **ranking_figures("auc", as_known),
        **ranking_figures("auc_today", as_stored_today),
        **ranking_figures("auc_at_creation", at_creation_ranking),
        "had_by_won": times.won.share,
        "had_by_lost": times.lost.share,
        "had_by_open": times.open.share,
        **share_figures("late", times.known_late),
        "late_won": times.late_won.share,
        "near_won": times.near_won.share,
        **share_figures("surest", won_after),
    }
    warnings = [
        nearly_too_good_warning(at_creation_ranking),
        learned_later_warning(as_known, as_stored_today),
    ]
    return gravest_finding(name, subject, reasons, warnings, figures)


def _timing(ground: _Ground, first_known: Int64) -> Timing:
    return timing(first_known, ground.lives, ground.settings.snapshots.every_days)
