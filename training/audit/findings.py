"""The leak audit: which attributes and interactions know what became of a lead.

A column that was filled in when the deal was signed, a field overwritten afterwards, an event that
is the outcome under another name: each makes a model brilliant in training and useless in service.
`audit` examines every declared attribute and every kind, outcome and channel of interactions, says
of each when it was first known against the outcome and how well it alone ranks leads, and
quarantines what knows the future (`training.audit.leaks` has the laws). It reads the whole export,
the judged period too: what it finds is only ever left out, never learned from.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from features.arrays import Int64
from features.engine.history import MICROSECONDS_PER_DAY
from features.export.mapping import near_miss
from features.spine import Spine, ended_at, microseconds
from features.tables import Tables
from training.audit.leaks import (
    FIELDS,
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
from training.config import Config, SnapshotSettings
from training.dataset.lives import NEVER, SAME_MOMENT, Lives, first_by_lead, lead_index
from training.dataset.snapshots import Labels, labels, snapshots, triggered
from training.dataset.values import Coded, coded, versions


@dataclass(frozen=True, slots=True)
class _Ground:
    """What everything is judged on: the leads' lives, and the looks with a known outcome."""

    tables: Tables
    config: Config
    lives: Lives
    looks: ComparableLooks
    first_looks: ComparableLooks
    base: LeadShare


def audit(tables: Tables, config: Config) -> tuple[Finding, ...]:
    """Findings on every attribute, every kind, outcome and channel, and the grid of looks.

    Parameters
    ----------
    tables : Tables
        An export as read.
    config : Config
        Horizons, grid, and the names that are allowed all the same.

    Returns
    -------
    tuple of Finding
        The attributes by name, then the values of the interactions' fields, then the grid.

    Raises
    ------
    ValueError
        A name in ``[audit] allow`` is nowhere in the export.
    """
    ground = _ground(tables, config)
    findings = [
        *(_attribute(ground, name) for name in sorted(tables.attribute_kinds)),
        *(found for field in FIELDS for found in _field(ground, field)),
    ]
    names = {found.name for found in findings}
    for name in config.audit.allow:
        if name not in names:
            raise ValueError(
                f"[audit] allow: {name!r} is no attribute and no kind, outcome or channel of the "
                f"export.{near_miss(name, names)}"
            )
    findings = [_allowed(found, config) for found in findings]
    return (
        *findings,
        *grid_findings(ground.looks, ground.first_looks, ground.lives),
        *_triggers(ground, findings),
    )


def _allowed(found: Finding, config: Config) -> Finding:
    if found.quarantined and found.name in config.audit.allow:
        return dataclasses.replace(found, verdict="allowed")
    return found


def _ground(tables: Tables, config: Config) -> _Ground:
    created_at = microseconds(tables.leads["created_at"])
    converted_at = microseconds(tables.leads["converted_at"])
    lives = Lives(created_at, converted_at, ended_at(tables), tables.data_end)
    spine = snapshots(tables, _grid(config))
    looks = _looks(tables, config, spine, labels(tables, spine, config.horizons.warm_days))
    first_looks = looks.among(looks.step == 0)
    return _Ground(
        tables=tables,
        config=config,
        lives=lives,
        looks=looks,
        first_looks=first_looks,
        base=LeadShare.of(lives.won[first_looks.lead], np.ones(len(first_looks.lead), np.bool_)),
    )


def _looks(tables: Tables, config: Config, spine: Spine, found: Labels) -> ComparableLooks:
    """Looks whose outcome is known; their step is that of the grid which they fall into."""
    lead, as_of = spine.lead[found.mature], spine.as_of[found.mature]
    days = (as_of - microseconds(tables.leads["created_at"])[lead]) / MICROSECONDS_PER_DAY
    step = np.floor((days - config.snapshots.first_days) / config.snapshots.every_days + 1e-9)
    return comparable_looks(lead, as_of, step.astype(np.int64), found.converted[found.mature])


def _triggers(ground: _Ground, findings: Sequence[Finding]) -> Iterator[Finding]:
    """Finding on the looks that triggers add, where there are any."""
    config, settings = ground.config, ground.config.snapshots
    if settings.triggers:
        tables = without_quarantined(ground.tables, findings)
        grid, added = snapshots(tables, _grid(config)), triggered(tables, settings)
        lead = np.concatenate([grid.lead, added.spine.lead])
        spine = Spine(lead, np.concatenate([grid.as_of, added.spine.as_of]))
        found = labels(tables, spine, config.horizons.warm_days)
        trigger = np.concatenate([np.full(len(grid), len(settings.triggers)), added.trigger])
        yield trigger_finding(_looks(tables, config, spine, found), trigger[found.mature])


def _grid(config: Config) -> SnapshotSettings:
    """The looks without triggers: they are at the same ages of every lead, and so comparable."""
    return config.snapshots.model_copy(update={"triggers": ()})


def _attribute(ground: _Ground, name: str) -> Finding:
    if name in ground.tables.leads.column_names:
        return _column(ground, name)
    looks, created_at = ground.looks, ground.lives.created_at
    found = versions(ground.tables, name, created_at)
    leads = np.arange(found.leads)
    latest = found.known_before(leads, np.full(found.leads, NEVER))
    return _timed(
        ground,
        name,
        "attribute",
        found.first_known(),
        then=ranking(looks, found.known_before(looks.lead, looks.as_of)),
        today=ranking(looks, latest[looks.lead]),
        at_creation=Coded(
            found.known_before(leads, created_at + SAME_MOMENT + 1), found.values.words
        ),
    )


def _field(ground: _Ground, field: InteractionField) -> Iterator[Finding]:
    events, looks, created_at = ground.tables.interactions, ground.looks, ground.lives.created_at
    lead = lead_index(ground.tables, events["lead_id"])
    occurred_at = microseconds(events["occurred_at"])
    known_at = np.maximum(occurred_at, microseconds(events["recorded_at"]))
    words = coded(events[field], "category", created_at[lead])
    used = np.unique(words.codes[words.present]).tolist()
    for code in sorted(used, key=lambda code: words.words[code]):
        mine = np.flatnonzero(words.codes == code)
        known, occurred = (
            first_by_lead(lead[mine], instant[mine], len(created_at))
            for instant in (known_at, occurred_at)
        )
        not_at_creation = (known > created_at + SAME_MOMENT).astype(np.int64)
        yield _timed(
            ground,
            words.words[code],
            field,
            known,
            then=ranking(looks, (known[looks.lead] < looks.as_of).astype(np.int64)),
            today=ranking(looks, (occurred[looks.lead] < looks.as_of).astype(np.int64)),
            at_creation=Coded(not_at_creation, ("seen", "not seen")),
        )


def _column(ground: _Ground, name: str) -> Finding:
    """Judge a column of the leads: it carries no times, so by its values and their absence."""
    first, days = ground.first_looks, ground.config.horizons.hot_days
    kind = ground.tables.attribute_kinds[name]
    won, ended = ground.lives.won, ground.lives.ended
    values = coded(ground.tables.leads[name], kind, ground.lives.created_at)
    found = ranking(first, values.codes[first.lead])
    filled = values.present[first.lead]
    presence = ranking(first, filled.astype(np.int64))
    code, share = surest_value(values.codes[first.lead], won[first.lead], len(values.words))
    with_value, without = (LeadShare.of(won[first.lead], which) for which in (filled, ~filled))
    ended_lately, open_still = shares_filled_at_end(values.present, ground.lives, days)
    instants = microseconds(ground.tables.leads[name]) if kind == "timestamp" else None
    reasons = [
        late_reason(_timing(ground, instants)) if instants is not None else "",
        too_good_reason(found),
        gives_away_reason(share, ground.base, f"leads with '{values.words[code]}'"),
        gives_away_reason(with_value, ground.base, "leads with a value"),
        hopeless_reason(without, ground.base, "leads without a value"),
        hopeless_reason(with_value, ground.base, "leads with a value"),
        filled_late_reason(ended_lately, open_still, days),
    ]
    figures = {
        **ranking_figures("auc", found),
        "presence_auc": presence.auc,
        "had_by_won": LeadShare.of(values.present, won).share,
        "had_by_lost": LeadShare.of(values.present, ended & ~won).share,
        "had_by_open": LeadShare.of(values.present, ~ended).share,
        "surest_value": values.words[code],
        **share_figures("surest", share),
        **share_figures("with_value", with_value),
        **share_figures("without_value", without),
        **share_figures("filled_ended_lately", ended_lately),
        **share_figures("filled_open_still", open_still),
    }
    return gravest_finding(name, "attribute", reasons, [nearly_too_good_warning(found)], figures)


def _timed(
    ground: _Ground,
    name: str,
    what: Subject,
    first_known: Int64,
    then: Ranking,
    today: Ranking,
    at_creation: Coded,
) -> Finding:
    """Judge what carries times: by when it was known, what follows, and what stood at creation."""
    first, base = ground.first_looks, ground.base
    times = _timing(ground, first_known)
    after = conversions_after(first_known, ground.lives, ground.config.horizons.warm_days)
    created = ranking(first, at_creation.codes[first.lead])
    won = ground.lives.won[first.lead]
    code, share = surest_value(at_creation.codes[first.lead], won, len(at_creation.words))
    reasons = [
        late_reason(times),
        too_good_reason(created),
        gives_away_reason(after, base, "leads that have it before an outcome"),
        gives_away_reason(share, base, f"leads with '{at_creation.words[code]}' at creation"),
    ]
    figures = {
        **ranking_figures("auc", then),
        **ranking_figures("auc_today", today),
        **ranking_figures("auc_at_creation", created),
        "had_by_won": times.won.share,
        "had_by_lost": times.lost.share,
        "had_by_open": times.open.share,
        **share_figures("late", times.late),
        "late_won": times.late_won.share,
        "near_won": times.near_won.share,
        **share_figures("surest", after),
    }
    return gravest_finding(
        name,
        what,
        reasons,
        [nearly_too_good_warning(created), learned_later_warning(then, today)],
        figures,
    )


def _timing(ground: _Ground, first_known: Int64) -> Timing:
    return timing(first_known, ground.lives, ground.config.snapshots.every_days)
