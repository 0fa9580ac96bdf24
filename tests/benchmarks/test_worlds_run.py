"""One run: a refusal keeps its reason, a model is put beside the truth, a process is its own."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import worlds_run
from benchmarks.worlds_export import CutExport, cut_export
from benchmarks.worlds_run import (
    Task,
    code_fingerprint,
    model_figures,
    rate_promised,
    run_all,
    run_task,
    train,
)
from features.scale.batch import point_in_time_features
from models.bands import Bands, Promise
from models.bundle import Bundle
from models.policy import Capacity, Economics, GuaranteedRate, Promised
from training.card.values import read_card

pytestmark = [pytest.mark.slow, pytest.mark.training]


@pytest.fixture(scope="module")
def export() -> CutExport:
    return cut_export("chain", 2_500, seed=8)


@pytest.fixture(scope="module")
def bundle(export: CutExport) -> Bundle:
    trained, refused = train(export)
    assert not refused
    assert trained is not None
    return trained


def with_bands(bundle: Bundle, policy: Promised, cutoff: float | None) -> Bundle:
    promise = Promise(policy, 0.1, 10, 10, 5, 0.5, 0.3, "by hand")
    return replace(bundle, bands=Bands(cutoff, cutoff, 0.0, {"hot": promise, "warm": promise}))


def test_a_training_that_refuses_leaves_its_reason_and_the_peers_figures() -> None:
    run = run_task(Task("chain", 8, 20, 3))
    assert "0 of 9 leads are known to have converted" in run.refused
    assert (run.hot.model, run.warm.model, run.kind) == (None, None, "")
    assert run.conversions == cut_export("chain", 20, 3).conversions
    assert 0 < run.hot.peer.excess < 20
    assert run.cut == "2025-10-03T00:00:00+00:00"


def test_a_model_is_trained_by_one_thread_on_what_was_known_at_the_cut(
    bundle: Bundle, export: CutExport
) -> None:
    assert bundle.card.served.data_end.isoformat() == "2025-10-03T00:00:00+00:00"
    card = read_card(bundle.card)
    assert card.settings["threads"] == 1
    assert card.export.conversions == export.conversions


def test_figures_of_a_model_are_those_of_its_scores_beside_the_truth(
    bundle: Bundle, export: CutExport
) -> None:
    scores = bundle.scores(point_in_time_features(export.full, export.looks, bundle.spec))
    banded = with_bands(bundle, GuaranteedRate(0.2), 0.07)
    figures = model_figures(banded, export, BASE_RATES)
    again = banded.bands.assign(*scores.decisive(banded.bands))
    for name in ("hot", "warm"):
        truth, in_band = export.truth[name], again == name
        band = figures[name].band
        assert band.looks == in_band.sum() > 0
        assert band.promised == 0.2
        assert band.true == pytest.approx(truth[in_band].mean())
        at_least = in_band if name == "hot" else again != "cold"
        assert band.reach == pytest.approx(truth[at_least].sum() / truth.sum())
        said = scores.probability(name)
        assert figures[name].predictions.said_over_true == pytest.approx(said.mean() / truth.mean())
        assert 0 < figures[name].predictions.excess < 1.5
        assert figures[name].groups.groups > 20


BASE_RATES = {"hot": 0.035, "warm": 0.1}


def test_groups_are_held_by_the_mean_truth_and_not_by_outcomes(
    bundle: Bundle, export: CutExport
) -> None:
    scores = bundle.scores(point_in_time_features(export.full, export.looks, bundle.spec))
    middle = {
        name: (getattr(scores, f"{name}_low") + getattr(scores, f"{name}_high")) / 2
        for name in ("hot", "warm")
    }
    held = model_figures(bundle, replace(export, truth=middle), BASE_RATES)
    above = model_figures(
        bundle,
        replace(export, truth={n: np.minimum(3 * m, 0.99) for n, m in middle.items()}),
        BASE_RATES,
    )
    for name in ("hot", "warm"):
        assert held[name].groups.held == 1
        assert above[name].groups.above > 0.5 * above[name].groups.groups
        assert above[name].groups.below == 0


@pytest.mark.parametrize(
    ("policy", "cutoff", "rate"),
    [
        (GuaranteedRate(0.25), 0.3, 0.25),
        (Economics(900, 90), 0.3, 0.1),
        (GuaranteedRate(0.25), None, None),
        (Capacity(20), 0.3, None),
    ],
)
def test_a_rate_is_promised_where_somebody_can_be_in_the_band(
    bundle: Bundle, policy: Promised, cutoff: float | None, rate: float | None
) -> None:
    assert rate_promised(with_bands(bundle, policy, cutoff), "hot") == rate


def test_errors_that_are_no_refusals_are_not_swallowed(
    export: CutExport, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object) -> Bundle:
        raise TypeError("a bug")

    monkeypatch.setattr(worlds_run, "trained_bundle", broken)
    with pytest.raises(TypeError, match="a bug"):
        train(export)


def test_the_fingerprint_changes_with_the_code_alone(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path_factory.mktemp("code")
    for name in ("features/a.py", "models/b.py", "benchmarks/worlds_run.py", "benchmarks/other.py"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("pass\n")
    monkeypatch.setattr(worlds_run, "ROOT", root)
    first = code_fingerprint.__wrapped__()
    (root / "benchmarks/other.py").write_text("1\n")
    assert code_fingerprint.__wrapped__() == first
    seen = {first}
    for name in ("features/a.py", "models/b.py", "benchmarks/worlds_run.py"):
        (root / name).write_text("1\n")
        seen.add(code_fingerprint.__wrapped__())
    assert len(seen) == 4


@pytest.mark.process
def test_runs_of_processes_of_their_own_are_the_same_as_here() -> None:
    tasks = [Task("chain", 20, 200, seed) for seed in (3, 4)]
    runs = {run.task: run for run in run_all(tasks, jobs=2)}
    assert set(runs) == set(tasks)
    here = run_task(tasks[0])
    assert (runs[tasks[0]].hot, runs[tasks[0]].warm) == (here.hot, here.warm)
    assert runs[tasks[0]].code == here.code
