"""A bundle on disk is the bundle in memory, or it is refused."""

import dataclasses
import json
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from features.export.terms import ExportTerms, FieldTerms, Notation
from models.bundle import JUDGED_FIT, Bundle, load_bundle, read_bundle_files, save_bundle
from models.explain import explanation
from models.folder import MANIFEST
from serving.answers.limits import Limits
from serving.answers.model import describe_model, served_model
from tests.support.bundles import SPEC, random_lead, rehashed, small_bundle
from tests.support.features import feature_matrix
from tests.support.histories import DAY

MATRIX = np.concatenate(
    [
        feature_matrix(SPEC, random_lead(np.random.default_rng(i)), np.array([0]), np.array([t]))
        for i in range(60)
        for t in (5 * DAY, 25 * DAY)
    ]
)


@pytest.fixture(scope="module")
def bundle():
    return small_bundle()


def test_scores_are_the_same_bits_after_saving_and_loading(bundle, tmp_path: Path) -> None:
    saved = save_bundle(bundle, tmp_path / "bundle")
    loaded = load_bundle(tmp_path / "bundle")
    for again in (saved, loaded):
        for name in ("hot_probability", "warm_probability"):
            before = getattr(bundle.scores(MATRIX), name)
            assert getattr(again.scores(MATRIX), name).tobytes() == before.tobytes()
    assert loaded.spec == bundle.spec
    assert loaded.version == saved.version
    assert saved.version.startswith("1970-02-01-")


def test_the_terms_of_the_export_travel_along(bundle, tmp_path: Path) -> None:
    terms = ExportTerms(lead={"lead_id": FieldTerms(("Id",), (Notation({"x": ""}),))})
    save_bundle(dataclasses.replace(bundle, terms=terms), tmp_path / "bundle")
    assert load_bundle(tmp_path / "bundle").terms == terms
    plain = save_bundle(bundle, tmp_path / "plain")
    assert plain.terms is None
    assert "terms" not in json.loads((tmp_path / "plain" / "bundle.json").read_text())


def test_terms_that_nothing_can_be_read_by_are_refused(bundle, tmp_path: Path) -> None:
    save_bundle(bundle, tmp_path / "bundle")
    settings = json.loads((tmp_path / "bundle" / "bundle.json").read_text())
    notation = {"format_": {"timezone": "Mars/Olympus"}}
    settings["terms"] = {"lead": {"created_at": {"notations": [notation]}}}
    rehashed(tmp_path / "bundle", "bundle.json", json.dumps(settings).encode())
    with pytest.raises(ValueError, match="'Mars/Olympus' must be a time zone"):
        load_bundle(tmp_path / "bundle")


def test_a_row_alone_scores_as_it_does_among_others(bundle) -> None:
    together = bundle.scores(MATRIX, threads=2)
    for row in range(len(MATRIX)):
        alone = bundle.scores(MATRIX[row : row + 1])
        assert alone.hot_probability[0] == together.hot_probability[row]
        assert alone.warm_probability[0] == together.warm_probability[row]


def test_converting_soon_is_converting(bundle) -> None:
    scores = bundle.scores(MATRIX)
    assert np.all(scores.warm_probability >= scores.hot_probability)
    assert len(set(scores.band)) > 1


def test_the_same_bundle_is_the_same_bytes(bundle, tmp_path: Path) -> None:
    save_bundle(bundle, tmp_path / "one")
    save_bundle(small_bundle(), tmp_path / "two")
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def with_judged_fit(bundle: Bundle, shift: float) -> Bundle:
    """The bundle, and beside it a fit that says something else."""
    calibration = dataclasses.replace(bundle.hot.calibration, c=bundle.hot.calibration.c + shift)
    hot = dataclasses.replace(bundle.hot, calibration=calibration)
    return dataclasses.replace(bundle, judged_fit=dataclasses.replace(bundle, hot=hot))


def test_the_judged_fit_travels_along_and_is_read_when_it_is_asked_for(bundle, tmp_path) -> None:
    saved = save_bundle(with_judged_fit(bundle, -1.0), tmp_path / "bundle")
    alone = load_bundle(tmp_path / "bundle")
    both = load_bundle(tmp_path / "bundle", with_judged_fit=True)
    assert alone.judged_fit is None
    assert alone.judged_model is alone
    assert alone.version == both.version == saved.version
    for again in (saved, both):
        served, judged = (one.scores(MATRIX).hot_probability for one in (again, again.judged_model))
        assert served.tobytes() == bundle.scores(MATRIX).hot_probability.tobytes()
        assert (judged < served).all()
    other = save_bundle(with_judged_fit(bundle, -2.0), tmp_path / "other")
    assert other.version != saved.version
    again = save_bundle(both, tmp_path / "again")
    assert again.version == saved.version


def test_a_judged_fit_that_is_not_the_bundles_own_is_refused(bundle, tmp_path: Path) -> None:
    for name, shift in (("one", -1.0), ("two", -2.0)):
        save_bundle(with_judged_fit(bundle, shift), tmp_path / name)
    fit = tmp_path / "one" / JUDGED_FIT
    shutil.rmtree(fit)
    with pytest.raises(FileNotFoundError, match=JUDGED_FIT):
        load_bundle(tmp_path / "one", with_judged_fit=True)
    shutil.copytree(tmp_path / "two" / JUDGED_FIT, fit)
    with pytest.raises(
        ValueError, match=f"{JUDGED_FIT} is not the fit that this bundle was judged"
    ):
        load_bundle(tmp_path / "one", with_judged_fit=True)
    (fit / "hot.txt").write_text("changed")
    with pytest.raises(ValueError, match="was changed after it was written"):
        load_bundle(tmp_path / "one", with_judged_fit=True)
    assert load_bundle(tmp_path / "one").scores(MATRIX).hot_probability.shape == (len(MATRIX),)


@pytest.mark.parametrize("name", ["hot.txt", "spec.json", "card.json", "card.md", "bundle.json"])
def test_an_edited_file_is_named(bundle, tmp_path: Path, name: str) -> None:
    save_bundle(bundle, tmp_path / "bundle")
    with (tmp_path / "bundle" / name).open("a") as file:
        file.write(" ")
    with pytest.raises(ValueError, match=rf"changed after it was written: {name}"):
        load_bundle(tmp_path / "bundle")


def test_a_missing_file_is_named(bundle, tmp_path: Path) -> None:
    save_bundle(bundle, tmp_path / "bundle")
    (tmp_path / "bundle" / "warm.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"warm\.txt is missing"):
        load_bundle(tmp_path / "bundle")


def test_another_format_says_what_to_do(bundle, tmp_path: Path) -> None:
    save_bundle(bundle, tmp_path / "bundle")
    manifest = tmp_path / "bundle" / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"format": 99}))
    with pytest.raises(ValueError, match=r"format 99, this version reads 1\. Use the version"):
        load_bundle(tmp_path / "bundle")


def changed(folder: Path, name: str, values: dict) -> Path:
    """The folder with other values in a file of JSON, and a manifest that agrees."""
    content = json.dumps({**json.loads((folder / name).read_text()), **values}).encode()
    return rehashed(folder, name, content)


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        (
            "card.json",
            {"horizons": {"hot": {"base_rate": 10**400}}},
            r"card\.json: .*base_rate",
        ),
        ("card.json", {"data_end": None}, r"card\.json: The card's data_end must be .*found null"),
        ("bundle.json", {"horizons": {}}, "the name 'hot' is missing"),
        ("bundle.json", {"horizons": 3}, "a value has another type or size"),
    ],
)
def test_what_a_bundle_holds_wrongly_is_told_in_plain_words(
    bundle, tmp_path: Path, name: str, values: dict, words: str
) -> None:
    save_bundle(bundle, tmp_path / "bundle")
    with pytest.raises(ValueError, match=words) as refusal:
        load_bundle(changed(tmp_path / "bundle", name, values))
    assert "Error" not in str(refusal.value)
    assert ".." not in str(refusal.value).replace(str(tmp_path), "")


def test_a_card_whose_other_fields_are_odd_is_served(bundle, tmp_path: Path) -> None:
    save_bundle(bundle, tmp_path / "bundle")
    odd = {"report": [1], "importance": 3, "bands": [1, 2], "settings": None}
    loaded = load_bundle(changed(tmp_path / "bundle", "card.json", odd))
    assert loaded.version.startswith("1970-02-01-")
    assert describe_model(served_model(loaded, Limits())).card["importance"] == 3


def test_a_manifest_cannot_point_outside_its_folder(bundle, tmp_path: Path) -> None:
    save_bundle(bundle, tmp_path / "bundle")
    manifest = tmp_path / "bundle" / "manifest.json"
    data = json.loads(manifest.read_text())
    data["files"]["../secret"] = "0" * 64
    manifest.write_text(json.dumps(data))
    with pytest.raises(ValueError, match="must list"):
        load_bundle(tmp_path / "bundle")


def test_saving_replaces_a_bundle_and_leaves_nothing_behind(bundle, tmp_path: Path) -> None:
    first = save_bundle(bundle, tmp_path / "bundle")
    second = save_bundle(small_bundle(seed=8), tmp_path / "bundle")
    assert first.version != second.version
    assert load_bundle(tmp_path / "bundle").version == second.version
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_saving_never_replaces_a_folder_that_is_no_bundle(bundle, tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="is not a bundle"):
        save_bundle(bundle, tmp_path)
    assert (tmp_path / "letters.txt").read_text() == "mine"


def test_a_write_that_fails_half_way_leaves_the_earlier_bundle(
    bundle, tmp_path: Path, monkeypatch
) -> None:
    kept = save_bundle(bundle, tmp_path / "bundle")

    def full(path: Path, content: bytes) -> None:
        if path.name == "spec.json":
            raise OSError(28, "No space left on device")
        path.write_bytes(content)

    monkeypatch.setattr("models.bundle.write_durably", full)
    with pytest.raises(OSError, match="No space left"):
        save_bundle(small_bundle(seed=8), tmp_path / "bundle")
    assert load_bundle(tmp_path / "bundle").version == kept.version
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_reasons_add_up_to_the_probability(bundle) -> None:
    for row in MATRIX:
        told = explanation(bundle, row, max_signals=3)
        points = sum(reason.points for reason in told.reasons)
        assert points == pytest.approx(100 * (told.probability - told.base_probability), abs=1e-9)
        assert told.probability == bundle.scores(row[None, :]).hot_probability[0]


def test_each_signal_is_one_reason(bundle) -> None:
    told = explanation(bundle, MATRIX[1], max_signals=100)
    signals = [reason.signal for reason in told.reasons]
    assert len(signals) == len(set(signals))
    assert "price question" in signals


def test_two_trainings_that_write_one_folder_leave_it_whole(tmp_path: Path) -> None:
    bundles = [small_bundle(seed=seed, rows=60) for seed in (1, 2)]
    failed: list[BaseException] = []

    def write(number: int) -> None:
        try:
            for _ in range(15):
                save_bundle(bundles[number], tmp_path / "bundle")
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    load_bundle(tmp_path / "bundle")
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


COMPANIONS = {"report.html": "<p>41 %</p>", "golden.json": "[]"}


def test_companions_are_hashed_and_are_no_part_of_the_version(bundle, tmp_path: Path) -> None:
    alone = save_bundle(bundle, tmp_path / "alone")
    accompanied = save_bundle(bundle, tmp_path / "bundle", COMPANIONS)
    assert accompanied.version == alone.version
    files = read_bundle_files(tmp_path / "bundle")
    assert files.companions == {name: text.encode() for name, text in COMPANIONS.items()}
    assert files.lists_companions
    assert not read_bundle_files(tmp_path / "alone").lists_companions


@pytest.mark.parametrize("name", COMPANIONS)
def test_a_companion_that_is_gone_or_shortened_is_named(bundle, tmp_path: Path, name: str) -> None:
    save_bundle(bundle, tmp_path / "bundle", COMPANIONS)
    path = tmp_path / "bundle" / name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=f"changed after it was written: {name}"):
        load_bundle(tmp_path / "bundle")
    path.unlink()
    with pytest.raises(FileNotFoundError, match=f"{name} is missing"):
        load_bundle(tmp_path / "bundle")


@pytest.mark.parametrize(
    ("companions", "words"),
    [
        ({"../secret": "0"}, "no files beside the model"),
        ({"/etc/passwd": "0"}, "no files beside the model"),
        ({"hot.txt": "0"}, "no files beside the model"),
        ({"manifest.json": "0"}, "no files beside the model"),
        ({"report.html": 3}, "SHA-256 as a text"),
        (3, "is not a bundle's manifest"),
    ],
)
def test_companions_lie_beside_the_model(
    bundle, tmp_path: Path, companions: object, words: str
) -> None:
    save_bundle(bundle, tmp_path / "bundle")
    manifest = tmp_path / "bundle" / MANIFEST
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"companions": companions}))
    with pytest.raises(ValueError, match=words):
        load_bundle(tmp_path / "bundle")


def test_a_tree_that_leads_nowhere_is_refused_before_lightgbm_reads_it(
    bundle, tmp_path: Path
) -> None:
    save_bundle(bundle, tmp_path / "bundle")
    text = (tmp_path / "bundle" / "hot.txt").read_text().replace("left_child=1 ", "left_child=7 ")
    rehashed(tmp_path / "bundle", "hot.txt", text.encode())
    with pytest.raises(ValueError, match="left_child must"):
        load_bundle(tmp_path / "bundle")


@pytest.mark.parametrize("name", ["bundle.json", "spec.json", "card.json"])
def test_numbers_that_are_not_finite_are_refused(bundle, tmp_path: Path, name: str) -> None:
    save_bundle(bundle, tmp_path / "bundle")
    text = (tmp_path / "bundle" / name).read_text().rstrip().removesuffix("}")
    for number in ("NaN", "1e999", "-Infinity"):
        rehashed(tmp_path / "bundle", name, f'{text}, "odd": {number}}}'.encode())
        with pytest.raises(ValueError, match="finite"):
            load_bundle(tmp_path / "bundle")
