"""What trainings of the past were worth: a backtest as the report tells it, and as it is kept.

`lead-temperature backtest` leaves its figures beside the registry, with the names of the data and
of the settings that they are of. A later report shows them, says so when the data have changed
since, and leaves them out when the settings have: those figures are of another model.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from features.spine import iso
from features.tables import Tables
from models.bundle import HORIZONS
from training.card.values import carded
from training.config import Config
from training.search.backtest import Backtest, FigureSeries
from training.statistics.rates import LEAST_POSITIVES, Outcome, RateEstimate
from training.versions.fingerprint import data_fingerprint, recipe_fingerprint

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
    trials : tuple of Trial
        Earliest first.
    order, error, promised, happened : Spread
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
        told = [one.order for one in self.trials if one.order is not None]
        if len(told) < 2:
            return "unknown"
        first, last = told[0], told[-1]
        if last.low > first.high:
            return "better"
        return "worse" if last.high < first.low else "chance"

    def found(self, finding: str) -> int:
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


def past_of(found: Backtest, tables: Tables, config: Config) -> Past:
    """What the report tells of a backtest.

    Parameters
    ----------
    found : Backtest
    tables : Tables
    config : Config
        It was run on these.
    """
    hot, warm = (_course(found, name) for name in HORIZONS)
    end = datetime.fromisoformat(iso(tables.data_end))
    return Past(end, data_fingerprint(tables), recipe_fingerprint(config), hot, warm)


def standing(past: Past | None, card: Mapping[str, Any]) -> Standing:
    """What a backtest is to the model of a card."""
    if past is None:
        return "missing"
    if past.recipe != card.get("recipe"):
        return "other settings"
    return "same" if past.data == card.get("data_fingerprint") else "other data"


def past_text(past: Past) -> str:
    """Text of the file that keeps a backtest."""
    values = carded(Past, past)
    return json.dumps(values, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


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
        past: Past = TypeAdapter(Past).validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise ValueError(
            f"{path} is not what a backtest leaves: {place} {first['msg']}. "
            "Run `lead-temperature backtest` again, or remove the file."
        ) from error
    return past


def _course(found: Backtest, name: str) -> Course:
    days = int(found.cards[0]["horizons"][name]["days"])
    series = {(one.about, one.name): one for one in found.series}
    about, called = f"{name}, {days} d", f"called {name}, {days} d"
    return Course(
        name,
        days,
        tuple(_trial(at, card, name) for at, card in zip(found.origins, found.cards, strict=True)),
        order=_spread(series[about, "AUC"]),
        error=_spread(series[about, "calibration error"]),
        promised=_spread(series[called, "promised"]),
        happened=_spread(series[called, "happened"]),
    )


def _spread(series: FigureSeries) -> Spread:
    return Spread(series.mean, series.spread, series.trend)


def _trial(at: int, card: Mapping[str, Any], name: str) -> Trial:
    horizon, band = card["horizons"][name], card["bands"][name]
    enough = (horizon["test"]["positives"] or 0) >= LEAST_POSITIVES
    error = horizon["calibration_error"]
    return Trial(
        day=datetime.fromtimestamp(at / 1e6, UTC),
        order=_rate(horizon, "auc", "auc_low", "auc_high") if enough else None,
        error=None if error is None else error["error"],
        called=Outcome(
            rows=int(band["rows" if name == "hot" else "warm_rows"] or 0),
            positives=int(band[f"{name}_positives"] or 0),
            promised=band[f"predicted_{name}"],
            happened=_rate(band, f"{name}_rate", f"{name}_low", f"{name}_high"),
        ),
    )


def _rate(data: Mapping[str, Any], value: str, low: str, high: str) -> RateEstimate | None:
    found = [data[name] for name in (value, low, high)]
    return None if None in found else RateEstimate(*found)
