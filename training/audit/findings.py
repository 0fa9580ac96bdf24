"""The leak audit: which attributes and interactions know what became of a lead.

A column that was filled in when the deal was signed, a field that was overwritten afterwards, an
event that is the outcome under another name: each makes a model brilliant in training and useless
in service. `audit` examines every declared attribute and every kind, outcome and channel of
interactions. For each it asks when it came to be known relative to the outcome. Only what times
prove to come with the outcome or after it is left out; how well a name alone ranks leads is told,
and decides nothing. The laws and the grades stand in `training.audit.leaks`. The audit reads the
whole export, the test period too, because its findings only ever remove something; nothing is
learned from them.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features.arrays import NEVER, Int64
from features.engine.history import MICROSECONDS_PER_DAY, is_known, when_known
from features.export.first_seen import FirstSeen
from features.export.sections import near_miss
from features.spine import Spine, ended_at, microseconds, observed_until
from features.tables import Kind, Tables
from training.audit.ageing import scarcest_open_leads
from training.audit.clock import clock, truncation
from training.audit.echo import LogQuantity, agreements, log_quantities
from training.audit.leaks import (
    AUDITED_FIELDS,
    Finding,
    FindingFigures,
    Grounds,
    InteractionField,
    Subject,
    clock_reason,
    echo_reason,
    gravest_finding,
    is_the_sale_reason,
    late_reason,
    learned_later_note,
    only_on_ended_reason,
    partial_echo_suspicion,
    ranking_figures,
    share_figures,
    truncation_reason,
    untold_text,
    written_by_outcome_suspicion,
)
from training.audit.look_times import grid_findings, trigger_finding
from training.audit.overwriting import missing_share
from training.audit.quarantine import without_quarantined
from training.audit.ranking import ComparableLooks, Ranking, comparable_looks, ranking, surest_value
from training.audit.rewriting import (
    Rewriting,
    rewriting_figures,
    rewriting_reason,
    rewritings,
)
from training.audit.timing import LeadShare, Timing, conversions_after, timing
from training.audit.triangle import Witness, scores_of_values, triangle, witness
from training.config import AuditSettings, DatasetSettings, SnapshotSettings
from training.dataset.lives import SAME_MOMENT, Lives, first_by_lead, lead_index
from training.dataset.snapshots import Labels, labels, snapshots, triggered_looks
from training.dataset.values import EncodedValues, attribute_versions, encode_values


@dataclass(frozen=True, slots=True)
class _Ground:
    """What every name is judged on: the leads' lives, and the looks with a known outcome.

    A column that carries no times is judged by when the leads were converted or closed. What
    carries times may follow on a refusal after which the lead is still looked at: it is judged by
    when the leads ceased to be observed.
    """

    tables: Tables
    settings: DatasetSettings
    lives: Lives
    observed: Lives
    looks: ComparableLooks
    first_looks: ComparableLooks
    base: LeadShare
    log: tuple[LogQuantity, ...]
    third: Witness
    rewritings: Mapping[str, Rewriting]


def audit(
    tables: Tables,
    settings: DatasetSettings,
    exceptions: AuditSettings,
    earlier: FirstSeen | None = None,
) -> tuple[Finding, ...]:
    """Findings on every attribute, every kind, outcome and channel, and the grid of looks.

    Parameters
    ----------
    tables : Tables
        The export as it was read.
    settings : DatasetSettings
        Its horizons and its grid of looks are those of the training.
    exceptions : AuditSettings
        Names that are used, or left out, whatever the audit says.
    earlier : FirstSeen, optional
        What earlier exports held of leads that were open, for columns that sales rewrite.

    Returns
    -------
    tuple of Finding
        First the attributes by name, then the values of the interactions' fields, then the grid.

    Raises
    ------
    ValueError
        A name in ``[audit] allow`` or ``drop`` is nowhere in the export.
    """
    ground = _ground(tables, settings, earlier)
    findings = [
        *(_attribute_finding(ground, name) for name in sorted(tables.attribute_kinds)),
        *(finding for field in AUDITED_FIELDS for finding in _field_findings(ground, field)),
    ]
    names = {finding.name for finding in findings}
    for setting, exempt in (("allow", exceptions.allow), ("drop", exceptions.drop)):
        for name in exempt:
            if name not in names:
                raise ValueError(
                    f"[audit] {setting}: {name!r} is no attribute and no kind, outcome or channel "
                    f"of the export.{near_miss(name, names)}"
                )
    findings = [_by_hand(finding, exceptions) for finding in findings]
    return (
        *findings,
        *grid_findings(ground.looks, ground.first_looks, ground.observed),
        *_trigger_findings(ground, findings),
    )


def _by_hand(finding: Finding, exceptions: AuditSettings) -> Finding:
    """Finding with the verdict that the configuration gives it, if it names it."""
    if finding.name in exceptions.drop:
        return dataclasses.replace(finding, verdict="dropped", reason="named in [audit] drop")
    if finding.name in exceptions.allow and finding.verdict in ("leak", "suspect"):
        return dataclasses.replace(finding, verdict="allowed")
    return finding


def _ground(tables: Tables, settings: DatasetSettings, earlier: FirstSeen | None) -> _Ground:
    created_at = microseconds(tables.leads["created_at"])
    converted_at = microseconds(tables.leads["converted_at"])
    lives = Lives(created_at, converted_at, ended_at(tables), tables.data_end)
    observed = lives
    if tables.after_refusal is not None:
        last_instant = observed_until(tables)
        has_passed = last_instant <= tables.data_end
        observed = dataclasses.replace(lives, ended_at=np.where(has_passed, last_instant, NEVER))
    spine = snapshots(tables, _grid(settings.snapshots))
    outcomes = labels(tables, spine, settings.horizons.warm_days)
    looks = _looks(tables, settings.snapshots, spine, outcomes)
    first_looks = looks.among(looks.step == 0)
    return _Ground(
        tables=tables,
        settings=settings,
        lives=lives,
        observed=observed,
        looks=looks,
        first_looks=first_looks,
        base=LeadShare.of(lives.won[first_looks.lead], np.ones(len(first_looks.lead), np.bool_)),
        log=log_quantities(tables, lives),
        third=witness(tables, lives, settings.horizons.warm_days),
        rewritings={} if earlier is None else rewritings(tables, earlier),
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
    first = ground.first_looks
    kind = ground.tables.attribute_kinds[name]
    won, ended = ground.lives.won, ground.lives.ended
    values = encode_values(ground.tables.leads[name], kind, ground.lives.created_at)
    value_ranking = ranking(first, values.codes[first.lead])
    filled = values.present[first.lead]
    presence = ranking(first, filled.astype(np.int64))
    code, share = surest_value(values.codes[first.lead], won[first.lead], len(values.words))
    with_value = LeadShare.of(won[first.lead], filled)
    without_value = LeadShare.of(won[first.lead], ~filled)
    column = ground.tables.leads[name]
    echoes = tuple(agreements(column, kind, ground.log))
    changes = ground.rewritings.get(name)
    leaks = [
        rewriting_reason(changes),
        *_leaks_by_time(ground, column, kind),
        echo_reason(echoes),
    ]
    grounds, grounds_figures = _written_by_the_outcome(ground, values, kind, value_ranking)
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
        **rewriting_figures(changes),
        **grounds_figures,
    }
    return gravest_finding(
        name, "attribute", grounds.and_also(leaks, [partial_echo_suspicion(echoes)]), figures
    )


def _leaks_by_time(ground: _Ground, column: pa.ChunkedArray, kind: Kind) -> list[str]:
    """Reasons against a column of numbers or instants: late, truncated, a clock."""
    if kind == "category":
        return []
    if kind == "number":
        numbers = np.asarray(column.cast(pa.float64()).to_numpy(), np.float64)
        return [clock_reason(*clock(numbers, ground.lives))]
    instants = microseconds(column)
    beyond = truncation(instants, ground.lives)
    values = np.where(instants < NEVER, instants.astype(np.float64), np.nan)
    by_clock = "" if beyond.lies_ahead else clock_reason(*clock(values, ground.lives))
    return [
        late_reason(_timing(ground, instants, ground.lives)),
        truncation_reason(beyond),
        by_clock,
    ]


def _written_by_the_outcome(
    ground: _Ground, at_creation: EncodedValues, kind: Kind, by_value: Ranking
) -> tuple[Grounds, FindingFigures]:
    """What open leads and the first week say against a value that should date from creation."""
    days = ground.settings.horizons.warm_days
    open_leads = scarcest_open_leads(at_creation, kind, ground.lives, days)
    scores = scores_of_values(ground.third, at_creation.codes)
    third = triangle(ground.third, scores)
    missing = missing_share(scores, ground.lives, ground.settings.snapshots.until_days)
    figures: FindingFigures = {
        "kappa": third.kappa,
        "kappa_low": third.low,
        "kappa_high": third.high,
        "missing_in_open": missing.share if missing else None,
        "missing_in_open_low": missing.low if missing else None,
        "missing_in_open_high": missing.high if missing else None,
        "open": open_leads.still_open if open_leads else None,
        "open_expected": open_leads.expected if open_leads else None,
    }
    grounds = Grounds(
        leak=[only_on_ended_reason(open_leads)],
        suspect=[written_by_outcome_suspicion(third, missing)],
        cannot_be_told=[untold_text(third, missing, by_value)],
    )
    return grounds, figures


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
    first = ground.first_looks
    times = _timing(ground, first_known, ground.observed)
    won_after = conversions_after(first_known, ground.observed, ground.settings.horizons.warm_days)
    at_creation_ranking = ranking(first, at_creation.codes[first.lead])
    leaks = [late_reason(times), is_the_sale_reason(won_after, ground.base, times)]
    grounds, grounds_figures = _written_by_the_outcome(
        ground, at_creation, "category", at_creation_ranking
    )
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
        "within_day_won": times.within_day_won.share,
        "days_before_won": times.days_before_won,
        **share_figures("surest", won_after),
        **grounds_figures,
    }
    note = [learned_later_note(as_known, as_stored_today)]
    return gravest_finding(name, subject, grounds.and_also(leaks, note=note), figures)


def _timing(ground: _Ground, first_known: Int64, lives: Lives) -> Timing:
    return timing(first_known, lives, ground.settings.snapshots.every_days)
