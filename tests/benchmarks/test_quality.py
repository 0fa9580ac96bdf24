"""The benchmark of quality on tiny data and without the peers: it tells good from bad."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from benchmarks import quality_logs
from benchmarks.quality_known import Export, Known, known, made_up_export, true_probabilities
from benchmarks.quality_logs import (
    Rolled,
    choice_figures,
    contemporaries_figure,
    loan_figures,
    longer_figures,
    order_figure,
    rolled,
    rolled_figures,
)
from benchmarks.quality_peer_fit import Cost
from benchmarks.quality_peer_run import (
    REQUIREMENTS,
    Answer,
    peer_answer,
    peers_python,
    write_frames,
)
from benchmarks.quality_peers import PEERS, compared
from benchmarks.quality_table import AtLeast, AtMost, Figure, Goal, NotWorse, show_quality
from benchmarks.quality_truth import covered_figure, error_figure, excess_figures, kept_figure
from features.spine import Spine, microseconds
from models.bands import Bands, Promise
from models.policy import GuaranteedRate
from tests.support.cards import card_of, lifelike_card
from training.config import Config
from training.dataset.frame import TrainingFrame, training_frame
from training.dataset.snapshots import snapshots
from training.evaluation.evaluation import BandEvaluations
from training.fitting.bundle import fit_bundle
from training.statistics.figures import JudgedRows

pytestmark = [pytest.mark.slow, pytest.mark.training]

ROOT = Path(__file__).parents[2]


def quick(config: Config, **horizons: int) -> Config:
    """Training that takes no time, and is worth as little."""
    model = config.model.model_copy(update={"kind": "booster", "trees": 15, "threads": 1})
    parts = {
        "model": model,
        "horizons": config.horizons.model_copy(update=horizons),
        "calibration": config.calibration.model_copy(update={"method": "beta"}),
    }
    return config.model_copy(update=parts)


@pytest.fixture(scope="module")
def export() -> Export:
    made = made_up_export(2_500, seed=3)
    return replace(made, config=quick(made.config))


@pytest.fixture(scope="module")
def hot(export: Export) -> Known:
    return known(export)[0]


@pytest.fixture(scope="module")
def frame(export: Export) -> TrainingFrame:
    return training_frame(export.tables, export.config.dataset, lambda stage, done, total: None)


def promising(one: Known, probability: np.ndarray) -> Known:
    return replace(one, scores=replace(one.scores, hot_probability=probability))


@pytest.mark.parametrize(
    ("value", "high", "goal", "verdict"),
    [
        (0.85, None, AtLeast(0.85), "ok"),
        (0.849, 0.9, AtLeast(0.85), "missed"),
        (0.01, None, AtMost(0.01), "ok"),
        (0.011, 0.02, AtMost(0.01), "missed"),
        (0.0, -0.1, NotWorse(), "ok"),
        (-0.1, 0.1, NotWorse(), "cannot be told"),
        (-0.1, -0.05, NotWorse(), "missed"),
        (-0.1, None, NotWorse(), "missed"),
        (0.5, None, None, ""),
    ],
)
def test_a_verdict_follows_from_the_figure_and_its_goal(
    value: float, high: float | None, goal: Goal | None, verdict: str
) -> None:
    assert Figure("leads", "AUC", value, None, high, goal).verdict == verdict


def test_what_was_not_measured_says_why() -> None:
    assert Figure("leads", "AUC", None, goal=AtLeast(0.5), note="no file").verdict == "skipped"
    with pytest.raises(ValueError, match="needs a note that says why"):
        Figure("leads", "AUC", None)


def test_the_table_shows_what_was_missed() -> None:
    console = Console(file=StringIO(), width=120)
    figures = [
        Figure("some leads", "AUC", 0.8, 0.75, 0.84, AtLeast(0.85), "of few"),
        Figure("some leads", "error [of] it", 0.01, goal=AtMost(0.02)),
    ]
    show_quality(console, {"--loans": figures})
    told = console.file.getvalue()  # type: ignore[attr-defined]
    assert re.search(r"AUC.*0\.800.*0\.750 … 0\.840.*≥ 0\.85.*missed.*--loans", told)
    assert "error [of] it" in told
    assert "Goals: 1 missed, 1 ok." in told


def test_every_look_finds_its_own_truth_in_whatever_order_it_is_told(export: Export) -> None:
    spine = snapshots(export.tables, export.config.snapshots)
    order = np.random.default_rng(1).permutation(export.truth.num_rows)
    found = true_probabilities(export.tables, spine, export.truth.take(order))
    ids = export.tables.leads["lead_id"].to_pylist()
    told = {
        (row["lead_id"], row["as_of"]): row["hot_probability"] for row in export.truth.to_pylist()
    }
    instants = export.truth["as_of"].type
    for row in range(0, len(spine), 997):
        at = pc.cast(np.int64(spine.as_of[row]).item(), instants).as_py()
        assert found["hot"][row] == told[ids[spine.lead[row]], at]


def test_a_look_that_the_truth_does_not_tell_of_is_refused(export: Export) -> None:
    spine = snapshots(export.tables, export.config.snapshots)
    with pytest.raises(ValueError, match="it does not of 1,000"):
        true_probabilities(export.tables, spine, export.truth.slice(1_000))
    between = Spine(spine.lead, spine.as_of + 1)
    with pytest.raises(ValueError, match="must lie on the grid"):
        true_probabilities(export.tables, between, export.truth)


def test_the_truth_has_no_excess_and_no_error_and_the_base_rate_all_of_it(hot: Known) -> None:
    perfect = promising(hot, hot.truth)
    assert [figure.value for figure in excess_figures(perfect, "leads")] == [0.0, 0.0]
    assert error_figure(perfect, "leads").value == 0.0
    ignorant = promising(hot, np.full(len(hot.truth), hot.base_rate))
    assert [f.value for f in excess_figures(ignorant, "leads")] == pytest.approx([1.0, 1.0])


def test_a_model_lies_between_the_truth_and_the_base_rate(hot: Known) -> None:
    happened, expected = excess_figures(hot, "leads")
    assert expected.low is not None
    assert expected.high is not None
    assert 0 < expected.low < expected.value < expected.high < 1  # type: ignore[operator]
    assert happened.verdict in {"ok", "missed"}


def test_promises_twice_as_high_as_the_truth_are_an_error(hot: Known) -> None:
    found = error_figure(promising(hot, 2 * hot.truth), "leads")
    assert found.value == pytest.approx(hot.truth.mean())
    assert found.verdict == "missed"


def test_what_a_group_truly_converts_at_is_the_mean_truth_of_its_looks(hot: Known) -> None:
    by_score = [group.rate for group in hot.groups if group.by == "score"]
    total = sum(rate.observed * rate.rows for rate in by_score)
    assert total / len(hot.truth) == pytest.approx(hot.truth.mean())


def test_groups_are_covered_or_lie_below_or_above(hot: Known) -> None:
    def ends(low: float, high: float) -> Known:
        groups = tuple(replace(g, promised_low=low, promised_high=high) for g in hot.groups)
        return replace(hot, groups=groups)

    assert covered_figure([ends(0.0, 1.0)], "leads").value == 1.0
    assert covered_figure([ends(0.9, 1.0), ends(0.0, 1.0)], "leads").value == 0.5
    assert " 0 truly lie below" in covered_figure([ends(0.0, 0.0)], "leads").note


def promised(hot: Known, rate: float | None, truth: float) -> Known:
    promises = {}
    if rate is not None:
        promises["hot"] = Promise(GuaranteedRate(rate), rate, 9, 9, 3, 0.3, rate, "made up")
    bundle = replace(hot.bundle, bands=Bands(rate, None, 0.0, promises))
    band = np.full(len(hot.truth), "hot" if rate is not None else "cold")
    scores = replace(hot.scores, band=band)
    return replace(hot, bundle=bundle, scores=scores, truth=np.full(len(band), truth))


def test_a_promise_is_broken_where_the_truth_is_below_it_and_no_promise_is_not(
    hot: Known,
) -> None:
    seeds = {1: promised(hot, 0.25, 0.25), 2: promised(hot, 0.25, 0.2), 3: promised(hot, None, 0.1)}
    assert kept_figure({1: seeds[1], 3: seeds[3]}, [], "seeds").verdict == "ok"
    found = kept_figure(seeds, [], "seeds")
    assert found.value == 2
    assert found.note == "called hot is anybody in 2; seed 2: 25 % promised, 20 % true"
    assert found.verdict == "missed"


def test_a_seed_whose_training_refuses_has_not_kept_its_promise(hot: Known) -> None:
    found = kept_figure({1: promised(hot, 0.2, 0.3)}, ["seed 2 refused: too few"], "seeds")
    assert found.verdict == "missed"
    assert "seed 2 refused: too few" in found.note


@pytest.mark.parametrize(
    ("rates", "verdict", "told"),
    [
        ((0.5, 0.2, 0.1), "ok", "hot 50.0 %, warm 20.0 %, cold 10.0 %"),
        ((0.5, 0.1, 0.2), "missed", "warm 10.0 %, cold 20.0 %"),
        ((0.5, None, 0.2), "ok", "nobody is warm"),
        ((None, None, 0.2), "skipped", "fewer than two bands"),
    ],
)
def test_bands_are_in_order_when_the_hotter_converts_more_often(
    rates: tuple[float | None, ...], verdict: str, told: str
) -> None:
    measured = card_of(lifelike_card()).bands
    names = ("hot", "warm", "cold")
    bands = {
        n: replace(measured[n], hot_rate=r, hot_low=r, hot_high=r)
        for n, r in zip(names, rates, strict=True)
    }
    found = order_figure("leads", BandEvaluations(**bands))
    assert found.verdict == verdict
    assert told in found.note


def test_a_set_that_is_not_there_is_skipped_with_its_name(tmp_path: Path) -> None:
    (found,) = loan_figures(tmp_path, lambda stage, done, total: None)
    assert found.verdict == "skipped"
    assert "no bpi2012/bpi_challenge_2012" in found.note
    assert str(tmp_path) not in found.note


def test_among_its_contemporaries_no_lead_foretells_itself(
    export: Export, frame: TrainingFrame
) -> None:
    """Each lead has a name and a fate of its own: only who has seen a lead knows it."""
    lead, columns = frame.spine.lead, frame.matrix.shape[1]
    random = np.random.default_rng(5)
    fate = random.random(int(lead.max()) + 1) < 0.3
    name = random.normal(size=len(fate))
    told = replace(
        frame,
        matrix=np.repeat(name[lead][:, None], columns, axis=1),
        labels={**frame.labels, "hot": replace(frame.labels["hot"], converted=fate[lead])},
    )
    found = contemporaries_figure("leads", told, export.config).value
    assert found is not None
    assert found < 0.6
    known_by_name = replace(told, matrix=np.repeat(fate[lead][:, None] * 1.0, columns, axis=1))
    assert contemporaries_figure("leads", known_by_name, export.config).value == 1.0


def test_what_the_defaults_give_away_is_told_on_the_same_looks(
    export: Export, frame: TrainingFrame
) -> None:
    """A fate that only a lead's name tells, known before it comes: who has met it foretells it.

    No export is like that, for whoever is still open has not bought; the figure would find it.
    """
    lead, random = frame.spine.lead, np.random.default_rng(5)
    fate = random.random(int(lead.max()) + 1) < 0.5
    names = random.normal(size=(len(fate), frame.matrix.shape[1]))
    labels = {n: replace(one, converted=fate[lead]) for n, one in frame.labels.items()}
    by_name = replace(frame, matrix=names[lead], labels=labels)
    large = {"kind": "booster", "trees": 100, "leaves": 63, "learning_rate": 0.3, "least_rows": 5}
    learner = export.config.model.model_copy(update=large)
    config = export.config.model_copy(update={"model": learner})
    model = fit_bundle(by_name, (), config.fitting, lambda stage, done, total: None).bundle
    thinned, apart = choice_figures("leads", export.tables, by_name, model, config)
    assert apart.high is not None
    assert apart.high < 0
    assert thinned.value is not None
    assert abs(thinned.value) < abs(apart.high)
    assert "looks learned from" in apart.note


def test_the_longer_horizon_is_told_beside_its_own_outcomes_alone(export: Export) -> None:
    order, booster, blend = longer_figures("leads", export.tables, export.config)
    assert order.value is not None
    assert order.value > 0.6
    for rival in (booster, blend):
        assert None not in (rival.low, rival.value, rival.high)
        assert rival.low < rival.value < rival.high
        assert "its AUC 0." in rival.note
    assert abs(booster.value) < 0.1


@pytest.fixture(scope="module")
def calls(export: Export) -> Export:
    """Leads that are looked at once, as the bank's are."""
    config = quick(export.config, hot_days=20, warm_days=30)
    once = config.snapshots.model_copy(update={"until_days": 0.0})
    return replace(export, config=config.model_copy(update={"snapshots": once}))


def test_every_lead_after_the_first_is_foretold_once_by_a_model_from_before(calls: Export) -> None:
    found = rolled(calls.tables, calls.config, 1_900, 300, lambda stage, done, total: None)
    created_at = microseconds(calls.tables.leads["created_at"])
    mature = int((created_at + 20 * 86_400_000_000 <= calls.tables.data_end).sum())
    assert len(np.unique(found.judged.lead)) == len(found.judged.lead) == mature - 1_900
    assert np.all(np.diff(found.origin) >= 0)
    assert not found.refused
    assert not np.allclose(found.calibrated, found.uncalibrated)


def test_a_training_that_refuses_leaves_the_model_before_in_service(
    calls: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = []

    def once(*arguments: Any, **named: Any) -> Any:
        if trained:
            raise ValueError("The bands are not in order.")
        trained.append(fitted(*arguments, **named))
        return trained[0]

    fitted = quality_logs.fit_bundle
    monkeypatch.setattr(quality_logs, "fit_bundle", once)
    found = rolled(calls.tables, calls.config, 1_900, 300, lambda stage, done, total: None)
    assert found.refused == ("The bands are not in order.",)
    assert found.origin.max() == 1
    same = trained[0].bundle.hot
    margin = np.log(found.uncalibrated) - np.log1p(-found.uncalibrated)
    np.testing.assert_allclose(same.calibration.probability(margin), found.calibrated)


def drifting(stretch: float) -> Rolled:
    """Two models: many convert with the second, and nothing else tells leads apart."""
    random = np.random.default_rng(4)
    origin = np.repeat([0, 1], 1_000)
    truth = np.where(origin == 0, 0.1, 0.5)
    converted = random.random(len(origin)) < truth
    judged = JudgedRows(converted, np.arange(len(origin)), np.zeros(len(origin)))
    noise = random.uniform(0.99, 1.01, len(origin))
    return Rolled(judged, truth * noise, truth * noise * stretch, origin, ("out of order",))


@pytest.fixture(scope="module")
def halved() -> list[Figure]:
    return rolled_figures("calls", drifting(0.5))


def test_drift_alone_ranks_all_leads_but_not_those_of_one_model(halved: list[Figure]) -> None:
    pooled, within, refused, *_ = halved
    assert pooled.value is not None
    assert within.value is not None
    assert pooled.value > 0.7
    assert abs(within.value - 0.5) < 0.06
    assert (refused.value, refused.note) == (1, "of 2; the model before served on. out of order")


def test_recalibration_is_ok_where_it_lessens_the_error_and_missed_where_it_does_not(
    halved: list[Figure],
) -> None:
    assert halved[-1].verdict == "ok"
    found = drifting(0.5)
    worse = replace(found, calibrated=found.uncalibrated, uncalibrated=found.calibrated)
    assert rolled_figures("calls", worse)[-1].verdict == "missed"


def test_peers_get_the_rows_ours_learns_from_and_no_outcome_of_the_test(
    frame: TrainingFrame, tmp_path: Path
) -> None:
    write_frames(frame, tmp_path)
    train, test = (pq.read_table(tmp_path / f"{name}.parquet") for name in ("train", "test"))
    split = frame.splits["hot"]
    learned = split.refit
    assert train["lead"].to_pylist() == frame.spine.lead[learned].tolist()
    assert train["converted"].to_pylist() == frame.labels["hot"].converted[learned].tolist()
    assert test.num_rows == split.test.sum()
    assert (
        test.column_names
        == train.column_names[:-2]
        == [f"f{i}" for i in range(len(frame.spec.features))]
    )
    numbers = train[f"f{frame.spec.names.index('lead_age_days')}"].to_numpy()
    np.testing.assert_array_equal(numbers, frame.age_days[learned])


def test_levels_of_categories_are_words_and_what_is_missing_stays_missing(
    frame: TrainingFrame, tmp_path: Path
) -> None:
    write_frames(frame, tmp_path)
    test = pq.read_table(tmp_path / "test.parquet")
    for column in frame.spec.categorical:
        levels = frame.matrix[frame.splits["hot"].test, column]
        words = [None if np.isnan(level) else str(int(level)) for level in levels]
        assert test[f"f{column}"].to_pylist() == words
    assert frame.spec.categorical


@pytest.mark.process
def test_a_peer_answers_from_a_process_of_its_own(frame: TrainingFrame, tmp_path: Path) -> None:
    write_frames(frame, tmp_path)
    found = peer_answer(Path(sys.executable), "base_rate", tmp_path, seconds=1, threads=1)
    split = frame.splits["hot"]
    share = frame.labels["hot"].converted[split.refit].mean()
    assert found.probability.tolist() == pytest.approx([share] * int(split.test.sum()))


@pytest.mark.process
def test_a_peer_that_fails_says_where_its_output_is(frame: TrainingFrame, tmp_path: Path) -> None:
    write_frames(frame, tmp_path)
    with pytest.raises(RuntimeError, match=r"failed: .*flaml.*\(its output: .*/flaml.log\)"):
        peer_answer(Path(sys.executable), "flaml", tmp_path, seconds=1, threads=1)


def test_a_peer_is_beaten_by_the_better_probabilities_and_ours_by_its_own(
    frame: TrainingFrame,
) -> None:
    converted = frame.labels["hot"].converted[frame.splits["hot"].test]
    knows = Answer(np.where(converted, 0.9, 0.1), Cost(2.0, 4.0), "knows")
    guesses = Answer(np.full(len(converted), 0.5), Cost(30.0, 60.0), "guesses")
    better, time = compared("leads", frame, knows, PEERS[-1], guesses)
    assert (better.verdict, time.verdict, time.value) == ("ok", "ok", 15.0)
    worse, time = compared("leads", frame, guesses, PEERS[-1], knows)
    assert (worse.verdict, time.verdict) == ("missed", "missed")
    assert worse.value == pytest.approx(-better.value)  # type: ignore[operator]


def test_peers_are_pinned_and_need_no_torch() -> None:
    lines = REQUIREMENTS.read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.match(r"^[A-Za-z0-9._-]+==[0-9]", line) for line in pins)
    names = {line.split("==")[0] for line in pins}
    assert {"autogluon-tabular", "flaml", "catboost", "lightgbm"} <= names
    assert "torch" not in names


def test_an_environment_made_of_the_same_requirements_is_kept(tmp_path: Path) -> None:
    (tmp_path / REQUIREMENTS.name).write_text(REQUIREMENTS.read_text())
    assert peers_python(tmp_path) == tmp_path / "bin" / "python"
    assert list(tmp_path.iterdir()) == [tmp_path / REQUIREMENTS.name]


@pytest.mark.process
def test_the_command_prints_one_table_and_keeps_the_figures_of_other_sections(
    tmp_path: Path,
) -> None:
    kept = [Figure("leads", "AUC", 0.9).to_json()]
    (tmp_path / "quality.json").write_text(json.dumps({"truth": kept, "loans": []}))
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "benchmarks.quality",
            "--loans",
            "--bank",
            f"--data={tmp_path}",
            f"--output={tmp_path}",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "Goals: 2 skipped." in run.stdout
    found = json.loads((tmp_path / "quality.json").read_text())
    assert found["truth"] == kept
    assert [found[name][0]["verdict"] for name in ("loans", "bank")] == ["skipped", "skipped"]
