"""A blend is the mean of its two parts, in margins, in reasons, and after a reload."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.bundle import Bundle, load_bundle, save_bundle
from models.explain import explanation
from models.predictors.linear import Linear, Slope
from models.predictors.predictor import Blend, contributions_of, margin_of, margins_of
from tests.support.bundles import SPEC, small_bundle

COLUMNS = len(SPEC.features)
MATRIX = np.random.default_rng(4).integers(0, 3, (50, COLUMNS)).astype(np.float64)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    plain = small_bundle()
    terms = [Slope(*row) for row in np.random.default_rng(3).normal(size=(COLUMNS, 3)).tolist()]
    hot = Blend(Linear(-1.0, tuple(terms)), plain.hot.predictor)
    return replace(plain, hot=replace(plain.hot, predictor=hot))


def test_its_margin_is_the_mean_of_those_of_its_parts(bundle) -> None:
    blend = bundle.hot.predictor
    expected = (blend.linear.margin(MATRIX) + margin_of(blend.booster, MATRIX)) / 2
    assert margin_of(blend, MATRIX).tolist() == expected.tolist()


def test_a_lead_alone_gets_the_bits_that_it_gets_among_others(bundle) -> None:
    blend = bundle.hot.predictor
    alone = [margin_of(blend, row[None])[0] for row in MATRIX]
    assert margin_of(blend, MATRIX).tolist() == alone


def test_contributions_add_up_to_the_margin(bundle) -> None:
    average, found = contributions_of(bundle.hot.predictor, MATRIX)
    assert average + found.sum(axis=1) == pytest.approx(margin_of(bundle.hot.predictor, MATRIX))


def test_reasons_add_up_to_the_served_probability(bundle) -> None:
    told = explanation(bundle, MATRIX[0])
    assert told.probability == bundle.hot.probability(MATRIX[:1])[0]
    moved = sum(reason.points for reason in told.reasons)
    assert moved == pytest.approx(100 * (told.probability - told.base_probability))


def test_a_saved_blend_is_the_same_bit_for_bit(bundle, tmp_path: Path) -> None:
    saved = save_bundle(bundle, tmp_path / "one")
    loaded = load_bundle(tmp_path / "one")
    assert (tmp_path / "one" / "hot.linear.json").is_file()
    assert margin_of(loaded.hot.predictor, MATRIX).tolist() == bundle.hot.margin(MATRIX).tolist()
    assert save_bundle(loaded, tmp_path / "two").version == saved.version


def test_a_blend_without_its_linear_part_is_no_bundle(bundle, tmp_path: Path) -> None:
    save_bundle(bundle, tmp_path / "one")
    (tmp_path / "one" / "hot.linear.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"hot\.linear\.json is missing"):
        load_bundle(tmp_path / "one")


def test_parts_of_different_features_are_refused(bundle) -> None:
    linear = Linear(0.0, (Slope(1.0, 0.0, 0.0),))
    with pytest.raises(ValueError, match=rf"1 terms and {COLUMNS} columns"):
        Blend(linear, bundle.hot.predictor.booster)


@pytest.mark.parametrize("rows", [1, len(MATRIX)])
def test_a_booster_that_both_horizons_share_is_asked_once(
    bundle, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    hot = bundle.hot.predictor
    warm = Blend(replace(hot.linear, base=0.5), hot.booster)
    expected = [margin_of(one, MATRIX[:rows]).tolist() for one in (hot, warm)]
    asked: list[int] = []
    whole = Blend.booster_margin

    def counted(self: Blend, matrix: np.ndarray, threads: int = 1) -> np.ndarray:
        asked.append(len(matrix))
        return whole(self, matrix, threads)

    monkeypatch.setattr(Blend, "booster_margin", counted)
    margins = margins_of((hot, warm), MATRIX[:rows])
    assert [one.tolist() for one in margins] == expected
    assert asked == [rows]
    assert [len(one) for one in margins_of((hot, warm), MATRIX[:0])] == [0, 0]


def test_boosters_of_their_own_are_each_asked(bundle) -> None:
    hot, warm = bundle.hot.predictor, bundle.warm.predictor
    expected = [margin_of(one, MATRIX).tolist() for one in (hot, warm)]
    assert [one.tolist() for one in margins_of((hot, warm), MATRIX)] == expected


def test_one_text_is_loaded_as_one_booster(bundle, tmp_path: Path) -> None:
    twins = replace(bundle, warm=replace(bundle.warm, predictor=bundle.hot.predictor))
    save_bundle(twins, tmp_path / "twins")
    loaded = load_bundle(tmp_path / "twins")
    assert loaded.hot.predictor.booster is loaded.warm.predictor.booster
    before, after = twins.scores(MATRIX), loaded.scores(MATRIX)
    assert after.warm_probability.tolist() == before.warm_probability.tolist()
    save_bundle(bundle, tmp_path / "strangers")
    strangers = load_bundle(tmp_path / "strangers")
    assert strangers.hot.predictor.booster is not strangers.warm.predictor
