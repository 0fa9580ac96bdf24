"""The split by time: fit, then calibrate, then test, a horizon's gap between each two.

What is fitted first is calibrated on the later slice; then it is fitted again on all that was known
when the test begins, with the promises that it earned (`training.horizon`).

A row may be learned from only when its label was known before the next period began: its horizon
must have ended by then. That is the gap, and it follows from the label, not from a habit. So the
model that is judged could have been trained on the day before its test began. What is too little
to learn from or to judge is refused here, before anything is computed.

A lead that lives on from one period into the next may be looked at in both: the labels it is
learned from had all ended, and a model in service meets such leads too. Whoever wants every lead in
one period alone keeps them apart (`leads_apart`), for fewer looks to learn from and to judge by.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from features.batch import Spine, microseconds
from features.history import MICROSECONDS_PER_DAY, Int64
from features.tables import Tables
from training.config import Config, SplitSettings
from training.snapshots import Labels

Bool = npt.NDArray[np.bool_]
LEAST_FIT_LEADS = 25
LEAST_CALIBRATE_LEADS = 10
"""Converting leads below which not even a points card is learned: on made-up CRMs with 11 to 15 to
fit and 3 to 12 to calibrate on, it was no better than the base rate; from 25 and 11 on, in every
one of six seeds, it was."""


@dataclass(frozen=True, slots=True)
class Split:
    """Which rows do what, for one horizon.

    Parameters
    ----------
    fit, calibrate, test : bool arrays of shape (rows,)
        No row is in two of them; all of them are mature.
    learn : bool array of shape (rows,)
        All that may be learned from before the test: `fit`, `calibrate` and what lies in the gap
        between them, because its labels ended only after calibration began.
    calibrate_from, test_from : int
        Microseconds. Labels of rows in `fit` ended before the first, those of rows in `calibrate`
        before the second.
    left_out : int
        Rows of these periods that are in none, because their lead belongs to another period.
    """

    fit: Bool
    calibrate: Bool
    test: Bool
    learn: Bool
    calibrate_from: int
    test_from: int
    left_out: int = 0


def judged_from(config: Config, spine: Spine, data_end: int) -> int:
    """Start of the test period, in microseconds: the configured one or the default."""
    configured = config.test_from()
    if configured is not None:
        return configured
    days, share = config.horizons.warm_days, config.split.test_share
    return default_test_from(spine, data_end, days, share)


def default_test_from(spine: Spine, data_end: int, warm_days: int, share: float) -> int:
    """Start of the test period where the configuration names none.

    The warm horizon must have ended for the last rows that are judged, so the period is that long
    plus a share of the time before.
    """
    latest = data_end - warm_days * MICROSECONDS_PER_DAY
    first = int(spine.as_of.min())
    return latest - round(share * max(latest - first, 0))


def split_of(
    tables: Tables,
    spine: Spine,
    labels: Labels,
    config: Config,
    test_from: int,
    test_until: int | None = None,
) -> Split:
    """Split of an export's looks for one horizon, as the configuration wants it.

    Parameters
    ----------
    tables : Tables
    spine : Spine
    labels : Labels
    config : Config
    test_from, test_until : int
        Microseconds; the end of the test period is that of the data when it is not given.

    Raises
    ------
    ValueError
        See `time_split`.
    """
    split = time_split(spine, labels, config.split, test_from)
    if test_until is not None:
        split = replace(split, test=split.test & (spine.as_of < test_until))
    if config.split.leads == "apart":
        split = leads_apart(split, tables, spine, config.snapshots.until_days)
    return split


def time_split(spine: Spine, labels: Labels, settings: SplitSettings, test_from: int) -> Split:
    """Split of a spine by time.

    Parameters
    ----------
    spine : Spine
    labels : Labels
        Of the horizon that is split for; its length is the gap.
    settings : SplitSettings
        `calibrate_share` is used.
    test_from : int
        Microseconds.

    Returns
    -------
    Split

    Raises
    ------
    ValueError
        The time before `test_from` is too short for two periods and their gaps, or no look after
        it can be judged.
    """
    gap = labels.days * MICROSECONDS_PER_DAY
    first = int(spine.as_of.min())
    usable = test_from - first - 2 * gap
    if usable <= 0:
        raise ValueError(
            f"The export is too short for a horizon of {labels.days} days: fitting and calibrating "
            f"need two gaps of that length, but only {max(0.0, _days(test_from - first)):.1f} days "
            f"lie between the first look and the test period. {_way_out(spine, labels, settings)}"
        )
    if not np.any(labels.mature & (spine.as_of >= test_from)):
        raise ValueError(
            f"No look can be judged within {labels.days} days: none at or after "
            f"{_moment(test_from)}, where the test period begins, has a horizon that ended before "
            f"the data did. {_way_out(spine, labels, settings)}"
        )
    calibrate_from = test_from - gap - round(settings.calibrate_share * usable)
    ends_at = spine.as_of + gap
    return Split(
        fit=labels.mature & (ends_at < calibrate_from),
        calibrate=labels.mature & (spine.as_of >= calibrate_from) & (ends_at < test_from),
        test=labels.mature & (spine.as_of >= test_from),
        learn=labels.mature & (ends_at < test_from),
        calibrate_from=calibrate_from,
        test_from=test_from,
    )


def leads_apart(split: Split, tables: Tables, spine: Spine, until_days: float) -> Split:
    """Split in which no lead has looks in two periods.

    The looks go on until a known age, so a lead's creation says which periods it can reach,
    whatever becomes of it. A hash of its `lead_id` says which of them is its own: half of the leads
    are for judging, half of those that reach both earlier periods are for calibrating. Of the test
    period all other leads are left out, those too that are created in it: so leads of every age are
    in it in the proportion in which they live.

    Parameters
    ----------
    split : Split
    tables : Tables
    spine : Spine
    until_days : float
        Age at which a lead is looked at for the last time.
    """
    digests = [
        hashlib.blake2b(name.encode(), digest_size=1).digest()[0]
        for name in tables.leads["lead_id"].to_pylist()
    ]
    drawn = np.array(digests, np.uint8)[spine.lead]
    judges, calibrates = drawn & 1 > 0, drawn & 2 > 0
    created_at = microseconds(tables.leads["created_at"])[spine.lead]
    last_look = created_at + round(until_days * MICROSECONDS_PER_DAY)
    learns = ~judges | (last_look < split.test_from)
    fits = ~calibrates | (last_look < split.calibrate_from)
    fit = split.fit & learns & fits
    calibrate = split.calibrate & learns & (calibrates | (created_at >= split.calibrate_from))
    test = split.test & judges
    before, after = split.fit | split.calibrate | split.test, fit | calibrate | test
    left_out = int((before & ~after).sum())
    return replace(
        split, fit=fit, calibrate=calibrate, test=test, learn=fit | calibrate, left_out=left_out
    )


def converting_leads(labels: Labels, lead: Int64, chosen: Bool) -> int:
    """How many leads convert at some of the chosen rows."""
    return len(np.unique(lead[chosen & labels.converted]))


def require_conversions(split: Split, labels: Labels, lead: Int64) -> None:
    """Refuse a split with too few conversions to learn or to calibrate from.

    Leads are counted, not looks: a lead that is looked at every week foresees one purchase.

    Parameters
    ----------
    split : Split
    labels : Labels
        Of the same horizon.
    lead : int64 array of shape (rows,)
        Which rows belong together.

    Raises
    ------
    ValueError
        The message names the period and what is missing.
    """
    for period, chosen, least in (
        ("fitting", split.fit, LEAST_FIT_LEADS),
        ("calibration", split.calibrate, LEAST_CALIBRATE_LEADS),
    ):
        converting = converting_leads(labels, lead, chosen)
        if converting < least:
            raise ValueError(
                f"The {period} period of the {labels.days}-day horizon has {converting} leads that "
                f"converted, at least {least} are needed (of {len(np.unique(lead[chosen])):,} "
                f"leads). About {least - converting} more conversions are missing: export a longer "
                "time or more leads, or choose a longer horizon."
            )


def _way_out(spine: Spine, labels: Labels, settings: SplitSettings) -> str:
    """What can be changed where an export's time does not suffice."""
    way_out = "Export a longer time, or shorten [horizons]"
    if settings.test_from is None or not labels.mature.any():
        return f"{way_out}."
    gap = labels.days * MICROSECONDS_PER_DAY
    earliest, latest = int(spine.as_of.min()) + 2 * gap, int(spine.as_of[labels.mature].max())
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
