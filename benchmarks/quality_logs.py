"""Two real logs: loan leads before and after a day, and telephone calls in rolling origins.

The loan leads are trained on and judged as `lead-temperature train` does it. The calls span years
in which ten times as many people came to say yes, so they are judged as a bank would have lived
through them: a new model before every few hundred calls, from nothing but what was known by then.
Beside each model stands the same booster without its calibration, to show what recalibrating on
the latest calls is worth.
"""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks import bank_marketing, bpi2012
from benchmarks.quality_table import AtLeast, AtMost, Figure
from features.arrays import Float64, Int64
from features.engine.history import MICROSECONDS_PER_DAY
from features.export.sources import read_export
from features.progress import Progress, no_progress
from features.scale.batch import point_in_time_features
from features.spine import Spine, microseconds
from features.tables import Tables
from models.bands import HORIZONS
from models.bundle import Bundle
from models.calibration import sigmoid
from models.predictors.predictor import margin_of
from training.audit.findings import audit
from training.audit.quarantine import quarantined_values, without_quarantined
from training.card.values import read_card
from training.config import Config, read_config
from training.dataset.as_of_cut import cut_at
from training.dataset.frame import TrainingFrame, spec_of, training_frame
from training.dataset.persons import person_of_lead
from training.dataset.snapshots import Labels, labels, snapshots
from training.dataset.split import Split, leads_apart, split_of
from training.dataset.thinning import thinning_of
from training.evaluation.evaluation import BandEvaluations, judged_rows
from training.evaluation.reliability import calibration_error
from training.fitting.booster import fit_booster
from training.fitting.bundle import fit_bundle
from training.fitting.predictor import fit_predictor
from training.pipeline import trained_bundle
from training.statistics.figures import JudgedRows, auc_interval, figures
from training.statistics.paired import LOG_LOSS, paired_difference

LOAN_LOG = Path("bpi2012/bpi_challenge_2012_until_2012-01-15.xes.gz")
BANK_ZIP = Path("bank_marketing/bank_marketing.zip")
LOAN_AUC, LOAN_ERROR = 0.85, 0.015
BANK_AUC = 0.77
FIRST_CALLS, EVERY_CALLS = 20_000, 500
SMALL_EVERY_CALLS = 5_000
FOLDS = 5
SEED = 1


@dataclass(frozen=True, slots=True)
class Rolled:
    """Calls that models of the day before predicted.

    Parameters
    ----------
    judged : JudgedRows
    calibrated : float64 array of shape (rows,)
        The hot probability of each call's model.
    uncalibrated : float64 array of shape (rows,)
        The same booster's, without its calibration.
    origin : int64 array of shape (rows,)
        After which of the models it was made.
    refused : tuple of str
        Why a training refused to make a model; then the model before served on.
    """

    judged: JudgedRows
    calibrated: Float64
    uncalibrated: Float64
    origin: Int64
    refused: tuple[str, ...]


def missing(data: Path, file: Path, about: str) -> list[Figure]:
    """A line that says which file is not there; empty where it is."""
    if (data / file).is_file():
        return []
    note = f"there is no {file} in the folder that --data names"
    return [Figure(about, "everything", None, note=note)]


def exported(convert: Callable[[Path, Path], object], source: Path) -> tuple[Tables, Config]:
    """A published file as a CRM export, read, with the configuration that came with it."""
    with tempfile.TemporaryDirectory() as folder:
        convert(source, Path(folder))
        config = read_config(Path(folder) / "lead_temperature.toml")
        return read_export(config.export), config


def loan_export(data: Path) -> tuple[Tables, Config]:
    """The loan leads; a model is trained on what was known before 2011-12-15."""
    return exported(bpi2012.convert, data / LOAN_LOG)


def bank_export(data: Path) -> tuple[Tables, Config]:
    """The telephone calls."""
    return exported(bank_marketing.convert, data / BANK_ZIP)


def loan_figures(data: Path, report_progress: Progress) -> list[Figure]:
    """Loan leads, before and after the day that the configuration names."""
    about = "loan leads before and after 2011-12-15, hot 7 days"
    if absent := missing(data, LOAN_LOG, about):
        return absent
    tables, config = loan_export(data)
    bundle = trained_bundle(tables, config, report_progress)
    card = read_card(bundle.card)
    hot = card.horizons.hot
    examined = without_quarantined(tables, audit(tables, config.dataset, config.audit))
    frame = training_frame(examined, config.dataset, report_progress)
    error, test, base = hot.calibration_error, hot.test, hot.baselines["base rate"]
    order = hot.auc_rate
    if error is None or order is None:
        raise ValueError(f"{about}: too little to judge the model on.")
    return [
        Figure(
            about,
            "AUC",
            order.value,
            order.low,
            order.high,
            AtLeast(LOAN_AUC),
            f"log loss {hot.log_loss:.4f}, of the base rate {base.log_loss:.4f}; "
            f"{test.rows:,} looks at {test.leads:,} leads, {test.positives:,} converted",
        ),
        contemporaries_figure(about, frame, config),
        Figure(
            about,
            "calibration error",
            error.error,
            error.low,
            error.high,
            AtMost(LOAN_ERROR),
            f"over {len(hot.reliability)} bins of about equally many looks",
            places=4,
        ),
        order_figure(about, card.bands),
        *choice_figures(about, examined, frame, bundle.judged_model, config),
        *longer_figures("loan leads in the latest period, warm 30 days", examined, config),
    ]


def longer_figures(about: str, tables: Tables, config: Config) -> list[Figure]:
    """The longer horizon beside what its own outcomes alone would give.

    It is judged on the default test period, because on the day that the configuration names few of
    its outcomes are known. Rivals learn from the same looks: a booster, and a blend that borrows
    nothing from the shorter horizon. Whoever borrows must not do worse than the better of them.
    """
    by_default = {"split": config.split.model_copy(update={"test_from": None})}
    config = config.model_copy(update=by_default)
    frame = training_frame(tables, config.dataset, no_progress)
    bundle = fit_bundle(frame, (), config.fitting, no_progress).bundle
    test, days = frame.splits["warm"].test, bundle.warm.days
    own_outcomes = frame.looks("warm", frame.splits["warm"].refit)
    scores = bundle.scores(frame.matrix[test], config.model.threads)
    ours, judged = scores.warm_probability, judged_rows(frame, "warm", test)
    measured = figures(judged.converted, ours)
    low, high = auc_interval(judged, ours, SEED) or (None, None)
    log_loss = "" if measured.log_loss is None else f"log loss {measured.log_loss:.4f}; "
    longer = [
        Figure(
            about,
            f"AUC within {days} days",
            measured.auc,
            low,
            high,
            note=f"{log_loss}{len(judged.lead):,} looks, {int(judged.converted.sum()):,} converted",
        )
    ]
    for rival, kind in (("a booster", "booster"), ("a blend", "blend")):
        model = config.model.model_copy(update={"kind": kind})
        predictor = fit_predictor(frame.spec, own_outcomes, model)
        theirs = sigmoid(margin_of(predictor, frame.matrix[test], model.threads))
        order = figures(judged.converted, theirs)
        gain = paired_difference(LOG_LOSS, judged.converted, judged.lead, ours, theirs, SEED)
        advantage, least, most = (
            (None, None, None) if gain is None else (gain.advantage, gain.low, gain.high)
        )
        auc = "" if order.auc is None else f"its AUC {order.auc:.3f}"
        longer.append(
            Figure(
                about,
                f"log loss within {days} days below that of {rival} of those outcomes alone",
                advantage,
                least,
                most,
                AtLeast(0.0),
                auc,
                places=4,
            )
        )
    return longer


def choice_figures(
    about: str, tables: Tables, frame: TrainingFrame, bundle: Bundle, config: Config
) -> list[Figure]:
    """What the defaults give away: that quiet looks are stood for, and that leads may be met again.

    Each model is trained as the other choice would have it, and the difference in log loss is told
    on the same looks: all that are judged, and those at leads that only the default model has met.
    """
    split = frame.splits["hot"]
    apart = {
        name: leads_apart(one, tables, frame.spine, config.snapshots.until_days)
        for name, one in frame.splits.items()
    }
    all_looks = replace(frame, thinning=replace(frame.thinning, largest_block=1))
    met = np.isin(frame.spine.lead, frame.spine.lead[split.refit])
    others = {
        "every look is learned from": (all_looks, split.test),
        "leads are kept apart": (replace(frame, splits=apart), apart["hot"].test & met),
    }
    found = []
    for what, (other, test) in others.items():
        rival = fit_bundle(other, (), config.fitting, no_progress).bundle
        ours, theirs = (
            one.scores(frame.matrix[test], config.model.threads).hot_probability
            for one in (bundle, rival)
        )
        judged = judged_rows(frame, "hot", test)
        gain = paired_difference(LOG_LOSS, judged.converted, judged.lead, theirs, ours, SEED)
        learned, by_default = (
            np.count_nonzero(one.thinning.weight(one.splits["hot"].refit)) for one in (other, frame)
        )
        advantage, low, high = (
            (None, None, None) if gain is None else (gain.advantage, gain.low, gain.high)
        )
        found.append(
            Figure(
                about,
                f"log loss gained where {what}",
                advantage,
                low,
                high,
                note=f"{learned:,} looks learned from, by default "
                f"{by_default:,}; told on {int(test.sum()):,} "
                f"looks at {len(np.unique(judged.lead)):,} leads",
                places=4,
            )
        )
    return found


def contemporaries_figure(about: str, frame: TrainingFrame, config: Config) -> Figure:
    """What the same looks allow at most, by a booster that knew how other leads of then fared.

    Leads are drawn into five groups, and each group is predicted from the looks at all others,
    whenever they were. No model could have known that when the test began: what lies between it
    and ours is what the times changed, what lies above it no model finds in these features.
    """
    mature, hot = frame.labels["hot"].mature, frame.labels["hot"].converted
    test, lead = frame.splits["hot"].test, frame.spine.lead
    group = np.random.default_rng(SEED).permutation(int(lead.max()) + 1)[lead] % FOLDS
    probability = np.full(len(frame.spine), np.nan)
    for number in range(FOLDS):
        others, own = mature & (group != number), test & (group == number)
        booster = fit_booster(
            frame.matrix[others], hot[others], frame.spec.categorical, config.model
        )
        probability[own] = sigmoid(margin_of(booster, frame.matrix[own], config.model.threads))
    judged = JudgedRows(hot[test], lead[test], frame.age_days[test])
    low, high = auc_interval(judged, probability[test], SEED) or (None, None)
    return Figure(
        about,
        "AUC, had one known the other leads of the same weeks",
        figures(judged.converted, probability[test]).auc,
        low,
        high,
        note="not possible in life: about the most that these features tell of these weeks",
    )


def order_figure(about: str, bands: BandEvaluations) -> Figure:
    """By how much each band converts more often than the next colder one, at the least."""
    what = "bands in order: least step up in the rate"
    rates = {name: bands[name].hot_rate for name in ("hot", "warm", "cold")}
    there = {name: rate for name, rate in rates.items() if rate is not None}
    told = ", ".join(f"{name} {100 * rate:.1f} %" for name, rate in there.items())
    if len(there) < 2:
        return Figure(about, what, None, note=f"fewer than two bands have leads: {told}")
    empty = "".join(f"; nobody is {name}" for name in rates if name not in there)
    step = float(-np.diff(list(there.values())).max())
    note = f"{told} converted within the hot horizon{empty}"
    return Figure(about, what, step, goal=AtLeast(0.0), note=note)


def bank_figures(data: Path, small: bool, report_progress: Progress) -> list[Figure]:
    """Telephone calls in rolling origins: ranking, and what recalibrating on the latest brings."""
    every = SMALL_EVERY_CALLS if small else EVERY_CALLS
    about = f"telephone calls, a new model every {every:,}"
    if absent := missing(data, BANK_ZIP, about):
        return absent
    return rolled_figures(about, rolled(*bank_export(data), FIRST_CALLS, every, report_progress))


def rolled(
    tables: Tables, config: Config, first: int, every: int, report_progress: Progress
) -> Rolled:
    """Models before each block of leads, each judged on that block.

    Parameters
    ----------
    tables : Tables
        Every lead is looked at once.
    config : Config
    first, every : int
        Leads before the first model, and from one to the next.
    report_progress : callable
        Called with each stage, the number of its steps that are done, and their total.
    """
    spine = snapshots(tables, config.snapshots)
    days = {"hot": config.horizons.hot_days, "warm": config.horizons.warm_days}
    found = {name: labels(tables, spine, days[name]) for name in HORIZONS}
    age_days = _age_days(tables, spine)
    origins = np.sort(spine.as_of)[first::every].tolist()
    parts, refused, bundle = [], [], None
    for number, at in enumerate(origins):
        until = origins[number + 1] if number + 1 < len(origins) else None
        splits = {n: split_of(tables, spine, found[n], config.dataset, at, until) for n in HORIZONS}
        try:
            bundle = _trained_at(at, tables, config, spine, found, splits, age_days)
        except ValueError as error:
            if bundle is None:
                raise
            refused.append(str(error))  # as in life: the model before stays in service
        rows = np.flatnonzero(splits["hot"].test)
        looks = Spine(spine.lead[rows], spine.as_of[rows])
        margin = bundle.hot.margin(point_in_time_features(tables, looks, bundle.spec))
        calibrated, origin = bundle.hot.calibration.probability(margin), np.full(len(rows), number)
        parts.append((rows, calibrated, sigmoid(margin), origin))
        report_progress("origins", number + 1, len(origins))
    rows, calibrated, uncalibrated, origin = map(np.concatenate, zip(*parts, strict=True))
    judged = JudgedRows(found["hot"].converted[rows], spine.lead[rows], age_days[rows])
    return Rolled(judged, calibrated, uncalibrated, origin, tuple(refused))


def _age_days(tables: Tables, spine: Spine) -> Float64:
    created_at = microseconds(tables.leads["created_at"])[spine.lead]
    return (spine.as_of - created_at) / MICROSECONDS_PER_DAY


def _trained_at(
    at: int,
    tables: Tables,
    config: Config,
    spine: Spine,
    found: Mapping[str, Labels],
    splits: Mapping[str, Split],
    age_days: Float64,
) -> Bundle:
    """Model of an instant: its audit and its features know nothing of that time or later."""
    before = cut_at(tables, at)
    findings = audit(before, config.dataset, config.audit)
    spec = spec_of(without_quarantined(before, findings), config.dataset, at)
    spec = replace(spec, ignored=quarantined_values(findings))
    matrix = point_in_time_features(tables, spine, spec)
    thinning = thinning_of(without_quarantined(tables, findings), spine, config.snapshots.thin)
    frame = TrainingFrame(
        spine, spec, matrix, found, thinning, person_of_lead(tables)[spine.lead], splits, age_days
    )
    return fit_bundle(frame, findings, config.fitting, no_progress).bundle


def rolled_figures(about: str, found: Rolled) -> list[Figure]:
    """Figures over all leads that were predicted, and the ranking within those of one model."""
    judged, origins = found.judged, np.unique(found.origin)
    with_it, without = (
        figures(judged.converted, p) for p in (found.calibrated, found.uncalibrated)
    )
    error, raw_error = (
        calibration_error(judged, p, SEED) for p in (found.calibrated, found.uncalibrated)
    )
    if with_it.auc is None or error is None or raw_error is None:
        raise ValueError(f"{about}: too few conversions among {len(judged.converted)} to judge by.")
    low, high = auc_interval(judged, found.calibrated, SEED) or (None, None)
    each = [
        figures(judged.converted[chosen], found.calibrated[chosen]).auc
        for chosen in (found.origin == one for one in origins)
    ]
    within = [one for one in each if one is not None]
    rows = f"{len(judged.converted):,} calls, each foretold by the newest of {len(origins)} models"
    return [
        Figure(about, "AUC, all calls pooled", with_it.auc, low, high, AtLeast(BANK_AUC), rows),
        Figure(
            about,
            "AUC among the calls of one model, mean",
            float(np.mean(within)) if within else None,
            note=f"of {len(within)} models; what the pooled figure has more is telling good times "
            "from bad",
        ),
        Figure(
            about,
            "trainings that refused to make a model",
            len(found.refused),
            note=f"of {len(origins)}"
            + "".join(f"; the model before served on. {why}" for why in found.refused[:1]),
            places=0,
        ),
        Figure(
            about,
            "calibration error, the booster's own probability",
            raw_error.error,
            raw_error.low,
            raw_error.high,
            note=f"log loss {without.log_loss:.4f}",
            places=4,
        ),
        Figure(
            about,
            "calibration error, recalibrated on the latest calls",
            error.error,
            error.low,
            error.high,
            AtMost(round(raw_error.error, 4)),
            f"log loss {with_it.log_loss:.4f}",
            places=4,
        ),
    ]
