"""The split by time: rolling origins, then a test period, each judged by what came after.

At each origin a model is fitted on every look whose outcome was known by then, and predicts the
looks up to the next origin. Together these predictions are out of time: they calibrate, and the
bands are chosen by them. What is fitted on everything known when the test begins is judged on the
test period, and at the end the same is fitted once more on everything that is known at the end of
the data (`training.fitting.bundle`).

A row may be learned from only when its label was known before the next period began: its horizon
must have ended by then. That is the gap, and it follows from the label, not from a habit. So the
model that is judged could have been trained on the day before its test began. What is too little
to learn from or to judge is refused here, before anything is computed.

A lead that lives on from one period into the next may be looked at in both. No outcome is in both:
it is still open, so every label that was learned of it says "not yet", whatever becomes of it; and
a model in service meets such leads too. Whoever wants every lead in one period alone keeps them
apart (`leads_apart`), for fewer looks to judge by.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from features.arrays import NEVER, Bool, Int64
from features.engine.history import MICROSECONDS_PER_DAY
from features.export.data_end import first_in_use
from features.spine import Spine
from features.tables import Tables
from training.config import DatasetSettings, SplitSettings
from training.dataset.draws import drawn_by_lead
from training.dataset.persons import first_and_last_creation
from training.dataset.snapshots import Labels, last_mature_instant

LOST = 0.1
"""Share of its leads that a period loses to the next one where leads are kept apart."""
LEAST_LEARNED_LEADS = 10
"""Converting leads below which nothing is learned: the base rate is then all that is said."""
ROLLING_ORIGINS = 4
"""Origins before the test period: more cost a fit each, and at fewer the early fits are older."""


@dataclass(frozen=True, slots=True)
class Split:
    """Which rows do what, for one horizon.

    Parameters
    ----------
    fit, calibrate, test : bool arrays of shape (rows,)
        No row is in two of them; all of them are mature. `fit` is what the first origin learns
        from, `calibrate` what the origins predict.
    refit : bool array of shape (rows,)
        All that may be learned from before the test: `fit`, `calibrate` and what lies in the gap
        between them, because its labels ended only after calibration began.
    calibrate_from, test_from : int
        Microseconds. Labels of rows in `fit` ended before the first, those of rows in `calibrate`
        before the second.
    origins : tuple of int
        Instants in microseconds, the first of them `calibrate_from`, all before `test_from`.
    fit_eligible, refit_eligible : bool arrays of shape (rows,)
        Rows of the leads that may be fitted on and learned from, whenever they were looked at.
    left_out : int
        Rows neither learned from nor judged on, because their lead belongs to another period.
    """

    fit: Bool
    calibrate: Bool
    test: Bool
    refit: Bool
    fit_eligible: Bool
    refit_eligible: Bool
    calibrate_from: int
    test_from: int
    origins: tuple[int, ...]
    left_out: int = 0


def judged_from(settings: DatasetSettings, spine: Spine, data_end: int) -> int:
    """Start of the test period, in microseconds: the configured one or the default."""
    configured = settings.configured_test_from()
    if configured is not None:
        return configured
    days, share = settings.horizons.warm_days, settings.split.test_share
    return default_test_from(spine, data_end, days, share)


def default_test_from(spine: Spine, data_end: int, warm_days: int, share: float) -> int:
    """Start of the test period where the configuration names none.

    The warm horizon must have ended for the last rows that are judged, so the period is that long
    plus a share of the time before.
    """
    latest = last_mature_instant(data_end, warm_days)
    first = first_look(spine)
    return latest - round(share * max(latest - first, 0))


def first_look(spine: Spine) -> int:
    """Instant of the first look, but for those at the few leads from long before all others."""
    leads, row_lead = np.unique(spine.lead, return_inverse=True)
    firsts = np.full(len(leads), NEVER)
    np.minimum.at(firsts, row_lead, spine.as_of)
    return first_in_use(firsts)


def split_of(
    tables: Tables,
    spine: Spine,
    labels: Labels,
    settings: DatasetSettings,
    test_from: int,
    test_until: int | None = None,
) -> Split:
    """Split of an export's looks for one horizon, as the configuration wants it.

    Parameters
    ----------
    tables : Tables
        Leads, interactions and attribute log of the export.
    spine : Spine
        Lead and instant of each look; one look is one row.
    labels : Labels
        Outcomes of the same looks.
    settings : DatasetSettings
        Sections that decide the rows: horizons, snapshots, split and features.
    test_from, test_until : int
        Microseconds; the end of the test period is that of the data when it is not given.

    Raises
    ------
    ValueError
        The time is too short, or nothing can be judged (`time_split`).
    """
    split = time_split(spine, labels, settings.split, test_from, settings.horizons.warm_days)
    if test_until is not None:
        split = replace(split, test=split.test & (spine.as_of < test_until))
    if settings.split.leads == "apart":
        split = leads_apart(split, tables, spine, settings.snapshots.until_days)
    return split


def time_split(
    spine: Spine,
    labels: Labels,
    settings: SplitSettings,
    test_from: int,
    longest_days: int | None = None,
) -> Split:
    """Split of a spine by time.

    Parameters
    ----------
    spine : Spine
        Lead and instant of each look; one look is one row.
    labels : Labels
        Outcomes of the same looks; the length of their horizon is the gap.
    settings : SplitSettings
        Its `calibrate_share` is used.
    test_from : int
        Start of the test period in microseconds.
    longest_days : int, optional
        Length of the longest horizon, whose gaps place the origins of all; that of the labels by
        default.

    Returns
    -------
    Split

    Raises
    ------
    ValueError
        No look before `test_from` has a known outcome, or no look after it can be judged.
    """
    gap = labels.days * MICROSECONDS_PER_DAY
    first = first_look(spine)
    if test_from - first <= gap:
        raise ValueError(
            f"The export is too short for a horizon of {labels.days} days: an outcome is known "
            f"that long after a look, but only {max(0.0, _days(test_from - first)):.1f} days lie "
            f"between the first look and the test period. {_way_out(spine, labels, settings)}"
        )
    if not np.any(labels.mature & (spine.as_of >= test_from)):
        raise ValueError(
            f"No look can be judged within {labels.days} days: none at or after "
            f"{_moment(test_from)}, where the test period begins, has a horizon that ended before "
            f"the data did. {_way_out(spine, labels, settings)}"
        )
    origins = rolling_origins(first, test_from, longest_days or labels.days, settings)
    calibrate_from = origins[0]
    refit = labels.known_before(spine, test_from)
    everyone = np.ones(len(spine), np.bool_)
    return Split(
        fit=labels.known_before(spine, calibrate_from),
        calibrate=refit & (spine.as_of >= calibrate_from),
        test=labels.mature & (spine.as_of >= test_from),
        refit=refit,
        fit_eligible=everyone,
        refit_eligible=everyone,
        calibrate_from=calibrate_from,
        test_from=test_from,
        origins=origins,
    )


def rolling_origins(
    first: int, test_from: int, longest_days: int, settings: SplitSettings
) -> tuple[int, ...]:
    """Instants before the test period at which a training fits, too, to see what came of it.

    Parameters
    ----------
    first, test_from : int
        First look, and start of the test period, later than that, in microseconds.
    longest_days : int
        Length of the longest horizon.
    settings : SplitSettings
        Its `calibrate_share` is used.
    """
    begin = _first_origin(first, test_from, longest_days * MICROSECONDS_PER_DAY, settings)
    return origins_between(begin, test_from, ROLLING_ORIGINS)


def _first_origin(first: int, test_from: int, gap: int, settings: SplitSettings) -> int:
    """First origin: late enough to learn from, early enough that outcomes of its looks are known.

    Where the time is too short for both, it lies half way.
    """
    usable = test_from - first - 2 * gap
    if usable > 0:
        return test_from - gap - round(settings.calibrate_share * usable)
    return (max(first, min(first + gap, test_from - 1)) + test_from) // 2


def origins_between(first: int, end: int, count: int) -> tuple[int, ...]:
    """Evenly spaced instants from the first on, before the end; none where there is no time.

    Examples
    --------
    >>> origins_between(0, 8, 4)
    (0, 2, 4, 6)
    >>> origins_between(8, 8, 4)
    ()
    """
    instants = np.linspace(first, end, count, endpoint=False).astype(np.int64)
    return tuple(instants.tolist()) if first < end else ()


def leads_apart(split: Split, tables: Tables, spine: Spine, until_days: float) -> Split:
    """Split in which no lead, and no person, has looks in two periods.

    Parameters
    ----------
    split : Split
        Which of the same looks fit, calibrate and test.
    tables : Tables
        Leads, interactions and attribute log of the export.
    spine : Spine
        Lead and instant of each look; one look is one row.
    until_days : float
        Age at which a lead is looked at for the last time.

    See Also
    --------
    two_sides : Which period is a lead's own.
    """
    lead_hash = drawn_by_lead(tables)
    created_at, last_created_at = first_and_last_creation(tables)
    lives = created_at, last_created_at + round(until_days * MICROSECONDS_PER_DAY)
    learns, judges = two_sides(*lives, split.test_from, lead_hash)
    # Other digits of the hash, so that who calibrates is drawn independently of who judges.
    fits, calibrates = two_sides(*lives, split.calibrate_from, lead_hash << np.uint64(32))
    # All new leads calibrate, though those that were there before are then too few among them:
    # curves want conversions more than they want the proportions of ages.
    fits, calibrates = learns & fits, calibrates | (created_at >= split.calibrate_from)
    fit_eligible, refit_eligible = fits[spine.lead], learns[spine.lead]
    apart = replace(
        split,
        fit=split.fit & fit_eligible,
        calibrate=split.calibrate & refit_eligible & calibrates[spine.lead],
        test=split.test & judges[spine.lead],
        refit=split.refit & refit_eligible,
        fit_eligible=fit_eligible,
        refit_eligible=refit_eligible,
        # A later origin would learn from leads that calibrate.
        origins=split.origins[:1],
    )
    used, still_used = (one.refit | one.test for one in (split, apart))
    return replace(apart, left_out=int((used & ~still_used).sum()))


def two_sides(
    created_at: Int64, looked_at_until: Int64, begin: int, lead_hash: npt.NDArray[np.uint64]
) -> tuple[Bool, Bool]:
    """Which leads belong to the time before an instant, and which to the time from it on.

    The looks go on until a known age, so a lead's creation says whether it can live on across the
    instant, whatever becomes of it. The draw decides to which side such a lead belongs: the later
    side takes as many as cost the earlier one about `LOST` of its leads. Of the later side all
    other leads are left out, those too that are created in it: so leads of every age are in it in
    the proportion in which they live.

    Parameters
    ----------
    created_at : int64 array of shape (leads,)
        Creation of each lead in microseconds; of leads of one person, that of the first.
    looked_at_until : int64 array of shape (leads,)
        When each lead is looked at for the last time, whatever becomes of it; of leads of one
        person, the last of them.
    begin : int
        The instant between the two sides, in microseconds.
    lead_hash : uint64 array of shape (leads,)
        A number for each lead, evenly over 64 bits.
    """
    lives_on = looked_at_until >= begin
    created_before = created_at < begin
    crossing = int((created_before & lives_on).sum())
    share = min(1.0, LOST * int(created_before.sum()) / crossing) if crossing else 1.0
    later = lead_hash / 2.0**64 <= share
    return ~later | ~lives_on, later


def converting_leads(labels: Labels, lead: Int64, rows: Bool) -> int:
    """How many leads convert at some of the chosen rows."""
    return len(np.unique(lead[rows & labels.converted]))


def only_base_rate(split: Split, labels: Labels, lead: Int64) -> bool:
    """Whether so few leads are known to have converted that the base rate is all that is said.

    Parameters
    ----------
    split : Split
        Which of the same looks fit, calibrate and test.
    labels : Labels
        Outcomes of the same looks within the split's horizon.
    lead : int64 array of shape (rows,)
        Index of each row's lead; evidence is counted in leads, not in rows.
    """
    return converting_leads(labels, lead, split.refit) < LEAST_LEARNED_LEADS


def require_conversions(split: Split, labels: Labels, lead: Int64) -> None:
    """Refuse a split with no known conversion before its test, or with nothing else.

    Parameters
    ----------
    split : Split
        Which of the same looks fit, calibrate and test.
    labels : Labels
        Outcomes of the same looks within the split's horizon.
    lead : int64 array of shape (rows,)
        Index of each row's lead; evidence is counted in leads, not in rows.

    Raises
    ------
    ValueError
        The message says what is missing.
    """
    converted = labels.converted[split.refit]
    if converted.any() and not converted.all():
        return
    leads = len(np.unique(lead[split.refit]))
    if converted.any():
        raise ValueError(
            f"Before the test period all {leads:,} leads whose outcome is known converted within "
            f"{labels.days} days, so there is nothing to tell apart. Export the leads that did "
            "not buy, too, or choose a shorter horizon."
        )
    raise ValueError(
        f"Before the test period, 0 of {leads:,} leads are known to have converted within "
        f"{labels.days} days, and not even a base rate follows from that. Export a longer time or "
        "more leads, choose a longer horizon, or see whether converted_at is mapped rightly."
    )


def _way_out(spine: Spine, labels: Labels, settings: SplitSettings) -> str:
    """What can be changed where an export's time does not suffice."""
    way_out = "Export a longer time, or shorten [horizons]"
    if settings.test_from is None or not labels.mature.any():
        return f"{way_out}."
    gap = labels.days * MICROSECONDS_PER_DAY
    earliest, latest = first_look(spine) + gap, int(spine.as_of[labels.mature].max())
    if earliest >= latest:
        return f"{way_out}: there is no [split] test_from for which it would do."
    return (
        f"[split] test_from = {settings.test_from.isoformat()} must lie after {_moment(earliest)} "
        f"and no later than {_moment(latest)}. Correct it or leave it out."
    )


def _moment(microseconds: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)).isoformat()


def _days(microseconds: int) -> float:
    return microseconds / MICROSECONDS_PER_DAY
