"""Rolling origins by plain loops over looks: who is fitted before an origin, and who judges it."""

from dataclasses import dataclass

import numpy as np
import pytest

from features.export.sources import read_export
from features.spine import microseconds
from features.tables import Tables
from features.worlds.chain import made_up_crm
from features.worlds.crm import write_export
from training.config import Config, read_config
from training.dataset.as_of_cut import cut_at
from training.dataset.snapshots import snapshots
from training.dataset.split import LEAST_LEARNED_LEADS, judged_from
from training.search import rolling
from training.search.rolling import LEAST_FOLDS, Fold, RollingRows, rolling_rows

pytestmark = [pytest.mark.slow, pytest.mark.training]

DAY = 86_400_000_000
SETTINGS = """
[features]
drop = ["*kind=*", "*outcome=*", "*channel=*"]
"""


@dataclass(frozen=True)
class Crm:
    tables: Tables
    config: Config
    rows: RollingRows


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Crm:
    folder = tmp_path_factory.mktemp("crm")
    write_export(made_up_crm(3_500, seed=9), folder, "parquet")
    file = folder / "lead_temperature.toml"
    text = file.read_text().replace("every_days = 7.0", "every_days = 14.0")
    file.write_text(f"{text}{SETTINGS}")
    config = read_config(file)
    tables = read_export(config.export)
    return Crm(tables, config, rolling_rows(tables, config.dataset, config.audit))


def folds_of(rows: RollingRows, horizon: str) -> list[Fold]:
    return [fold for fold in (*rows.search, *rows.confirm) if fold.horizon == horizon]


def horizons_in(rows: RollingRows) -> list[str]:
    return [fold.horizon for fold in rows.confirm]


def outcomes_by_loop(crm: Crm, days: int) -> list[bool]:
    """Whether the lead of each look converted within the horizon that begins at the look."""
    converted_at = crm.tables.leads["converted_at"].to_pylist()
    micros = [None if at is None else round(at.timestamp() * 1e6) for at in converted_at]
    looks = zip(crm.rows.spine.lead.tolist(), crm.rows.spine.as_of.tolist(), strict=True)
    return [
        micros[lead] is not None and as_of < micros[lead] <= as_of + days * DAY
        for lead, as_of in looks
    ]


def test_the_last_origin_confirms_and_all_earlier_ones_search(crm: Crm) -> None:
    assert horizons_in(crm.rows)
    for horizon in horizons_in(crm.rows):
        folds = folds_of(crm.rows, horizon)
        assert len(folds) >= LEAST_FOLDS
        assert folds[-1] in crm.rows.confirm
        assert [fold.origin for fold in folds] == sorted({fold.origin for fold in folds})


def test_a_look_is_fitted_if_its_outcome_was_known_and_judges_if_it_lies_between_origins(
    crm: Crm,
) -> None:
    as_of, end = crm.rows.spine.as_of.tolist(), int(crm.rows.spine.as_of.max())
    for horizon in horizons_in(crm.rows):
        days, folds = crm.rows.labels[horizon].days, folds_of(crm.rows, horizon)
        next_origins = [*(fold.origin for fold in folds[1:]), end + 1]
        for fold, next_origin in zip(folds, next_origins, strict=True):
            mature = crm.rows.labels[horizon].mature.tolist()
            assert fold.fit.tolist() == [at + days * DAY <= fold.origin for at in as_of]
            assert fold.judge.tolist() == [
                old and fold.origin <= at < next_origin
                for at, old in zip(as_of, mature, strict=True)
            ]


def test_every_fold_has_enough_converting_leads_on_both_sides(crm: Crm) -> None:
    lead = crm.rows.spine.lead.tolist()
    for horizon in horizons_in(crm.rows):
        converted = outcomes_by_loop(crm, crm.rows.labels[horizon].days)
        for fold in folds_of(crm.rows, horizon):
            for rows in (fold.fit, fold.judge):
                winners = {
                    who
                    for who, won, used in zip(lead, converted, rows.tolist(), strict=True)
                    if won and used
                }
                assert len(winners) >= LEAST_LEARNED_LEADS


def test_a_stretch_with_just_enough_is_a_fold_and_with_one_lead_fewer_is_none(
    crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    horizon = horizons_in(crm.rows)[0]
    converted = np.array(outcomes_by_loop(crm, crm.rows.labels[horizon].days))
    folds = folds_of(crm.rows, horizon)
    judges = [len(set(crm.rows.spine.lead[fold.judge & converted].tolist())) for fold in folds]
    fewest = min(judges)
    for threshold in (fewest, fewest + 1):
        monkeypatch.setattr(rolling, "LEAST_LEARNED_LEADS", threshold)
        remaining = rolling_rows(crm.tables, crm.config.dataset, crm.config.audit)
        assert [fold.origin for fold in folds_of(remaining, horizon)] == [
            fold.origin for fold, leads in zip(folds, judges, strict=True) if leads >= threshold
        ]
    monkeypatch.setattr(rolling, "LEAST_LEARNED_LEADS", 100_000)
    with pytest.raises(ValueError, match="too few conversions before the test to compare"):
        rolling_rows(crm.tables, crm.config.dataset, crm.config.audit)


def test_the_rows_are_those_of_an_export_that_ends_where_the_test_begins(crm: Crm) -> None:
    spine = snapshots(crm.tables, crm.config.snapshots)
    test_from = judged_from(crm.config.dataset, spine, crm.tables.data_end)
    past = cut_at(crm.tables, test_from)
    assert len(crm.rows.spine) == len(snapshots(past, crm.config.snapshots))
    assert crm.rows.matrix.shape == (len(crm.rows.spine), len(crm.rows.spec.names))
    created_at = microseconds(crm.tables.leads["created_at"])
    assert created_at[crm.rows.spine.lead].max() < test_from


def test_progress_counts_rows_up_to_their_total(crm: Crm) -> None:
    reports: list[tuple[int, int]] = []
    rows = rolling_rows(
        crm.tables,
        crm.config.dataset,
        crm.config.audit,
        lambda completed, total: reports.append((completed, total)),
    )
    assert reports[-1] == (len(rows.spine), len(rows.spine))
    assert [completed for completed, _ in reports] == sorted({done for done, _ in reports})
