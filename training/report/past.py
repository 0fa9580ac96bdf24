"""What trainings of the past were worth: a backtest as the report tells it, and as it is kept.

`lead-temperature backtest` leaves its figures beside the registry, with the names of the data and
of the settings that they are of. A later report shows them, says so when the data have changed
since, and leaves them out when the settings have: those figures are of another model.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from features.json_values import JsonObject
from features.spine import iso
from features.tables import Tables
from models.bands import HORIZONS
from training.card.schema import ModelCard
from training.card.values import from_json, to_json
from training.evaluation.evaluation import Evaluation, instant
from training.search.backtest import Backtest, FigureSeries
from training.statistics.rates import LEAST_POSITIVES, Outcome, RateEstimate
from training.versions.fingerprint import data_fingerprint

PAST = "backtest.json"
"""Name of the file, beside the registry and in a bundle's folder."""

Standing = Literal["missing", "other settings", "other data", "same"]
"""Whether there is a backtest, and whether it is of a model's settings and data."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One training of the past, judged by what came after it.

    Parameters
    ----------
    day : datetime.datetime
        It knew what was known on that day.
    order : RateEstimate or None
        Share of pairs (one look that a purchase followed, one that none did) in the right order.
    error : float or None
        Calibration error: how far promised shares lie from those that happened, on average.
    called : Outcome
        Of the looks that were called as the horizon is: hot within the hot one, warm within the
        warm one.
    """

    day: datetime
    order: RateEstimate | None
    error: float | None
    called: Outcome


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean of a figure over the trials, standard deviation, and change from first to last.

    Parameters
    ----------
    mean, spread, trend : float or None
        The trend is that of the line of least squares. None of too few values.
    """

    mean: float | None
    spread: float | None
    trend: float | None


@dataclass(frozen=True, slots=True)
class Course:
    """One horizon over the trials.

    Parameters
    ----------
    name : str
        "hot" or "warm".
    days : int
        Length of the horizon.
    trials : tuple of Trial
        Earliest first.
    order, error, promised, happened : Spread
        Over the trials: what `Trial` calls so, and the two halves of what it calls `called`.
    """

    name: str
    days: int
    trials: tuple[Trial, ...]
    order: Spread
    error: Spread
    promised: Spread
    happened: Spread

    @property
    def ordered(self) -> tuple[Trial, ...]:
        """Trials of which it is told how well they put leads in order."""
        return tuple(one for one in self.trials if one.order is not None)

    @property
    def change(self) -> Literal["better", "worse", "chance", "unknown"]:
        """How the last trial puts leads in order against the first.

        By their intervals: where these have anything in common, it may be chance.
        """
        measured = [trial.order for trial in self.trials if trial.order is not None]
        if len(measured) < 2:
            return "unknown"
        first, latest = measured[0], measured[-1]
        if latest.low > first.high:
            return "better"
        return "worse" if latest.high < first.low else "chance"

    def count(self, finding: str) -> int:
        """Count the trials whose promise has this finding."""
        return sum(one.called.finding == finding for one in self.trials)


@dataclass(frozen=True, slots=True)
class Past:
    """A backtest.

    Parameters
    ----------
    data_end : datetime.datetime
        Of the export that it was run on.
    data, recipe : str
        Fingerprints of that export and of the settings.
    hot, warm : Course
        Both horizons.
    format : int
        Of the file.
    """

    data_end: datetime
    data: str
    recipe: str
    hot: Course
    warm: Course
    format: Literal[1] = 1

    @property
    def courses(self) -> tuple[Course, Course]:
        """Both horizons, the short one first."""
        return self.hot, self.warm


def past_of(backtest: Backtest, tables: Tables, recipe: str) -> Past:
    """What the report shows of a backtest.

    Parameters
    ----------
    backtest : Backtest
        What it found.
    tables : Tables
        The export that it was run on.
    recipe : str
        Fingerprint of the settings that it was run with
        (`training.versions.fingerprint.recipe_fingerprint`).
    """
    hot, warm = (_course(backtest, name) for name in HORIZONS)
    return Past(instant(tables.data_end), data_fingerprint(tables), recipe, hot, warm)


def backtest_json(backtest: Backtest) -> JsonObject:
    """All figures of a backtest: those of each origin as in a model card, and the series."""
    return {
        "series": [to_json(series) for series in backtest.series],
        "origins": [
            {"from": iso(origin), **to_json(evaluation)}
            for origin, evaluation in zip(backtest.origins, backtest.evaluations, strict=True)
        ],
    }


def standing(past: Past | None, card: ModelCard) -> Standing:
    """What a backtest is to the model of a card."""
    if past is None:
        return "missing"
    if past.recipe != card.recipe:
        return "other settings"
    return "same" if past.data == card.data_fingerprint else "other data"


def past_text(past: Past) -> str:
    """Text of the file that keeps a backtest."""
    return json.dumps(to_json(past), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def read_past(path: Path) -> Past | None:
    """Backtest that a file keeps; None where there is no such file.

    Raises
    ------
    ValueError
        The file holds something else.
    """
    if not path.is_file():
        return None
    try:
        return from_json(Past, json.loads(path.read_bytes()), "backtest")
    except ValueError as error:
        raise ValueError(
            f"{path} is not what a backtest leaves: {error} "
            "Run `lead-temperature backtest` again, or remove the file."
        ) from error


def _course(backtest: Backtest, name: str) -> Course:
    days = backtest.evaluations[0].horizons[name].days
    series = {(figure.about, figure.name): figure for figure in backtest.series}
    judged_rows, called_rows = f"{name}, {days} d", f"called {name}, {days} d"
    return Course(
        name,
        days,
        tuple(
            _trial(origin, evaluation, name)
            for origin, evaluation in zip(backtest.origins, backtest.evaluations, strict=True)
        ),
        order=_spread(series[judged_rows, "AUC"]),
        error=_spread(series[judged_rows, "calibration error"]),
        promised=_spread(series[called_rows, "promised"]),
        happened=_spread(series[called_rows, "happened"]),
    )


def _spread(series: FigureSeries) -> Spread:
    return Spread(series.mean, series.spread, series.trend)


def _trial(origin: int, evaluation: Evaluation, name: str) -> Trial:
    horizon = evaluation.horizons[name]
    error = horizon.calibration_error
    return Trial(
        day=datetime.fromtimestamp(origin / 1e6, UTC),
        order=horizon.auc_rate if horizon.test.positives >= LEAST_POSITIVES else None,
        error=None if error is None else error.error,
        called=evaluation.bands[name].outcome(name),
    )
