"""What `import lead_temperature as lt` offers: one function for each thing that a user wants.

Each function is a few calls of the packages below, and each does the same as the command of its
name; a score from here has the bits that `lead-temperature score` and the server give. Tables come
back as pandas data frames. Where a configuration is asked for, the path of its file, or of the
folder that holds it, does as well. Heavy packages are imported when a function needs them.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from features.progress import Progress, no_progress
from features.worlds import WorldName
from lead_temperature.arguments import as_config, as_path, read_config, require_tables
from lead_temperature.frames import AnyPath
from lead_temperature.inputs import CONFIG
from lead_temperature.scoring_bundle import ScoringBundle

if TYPE_CHECKING:
    from features.language.kinds import Feature
    from features.tables import Tables
    from features.worlds.crm import MadeUpCrm
    from models.bundle import Bundle
    from training.config import Config
    from training.dataset.split import Split
    from training.report.past import Past
    from training.report.served import ServedHorizon


__all__ = [
    "ScoringBundle",
    "backtest",
    "load_bundle",
    "read_config",
    "read_export",
    "report",
    "save_bundle",
    "synthesize",
    "train",
    "training_frame",
]


def read_export(config: "Config | AnyPath" = CONFIG) -> "Tables":
    """Read the export that a configuration describes.

    Rows and values that break a rule are not in the tables; they stand in ``rejects``, each with
    its rule.

    Parameters
    ----------
    config : Config, str or path
        What `read_config` returns, or where it would read it.

    Returns
    -------
    Tables
        Arrow tables ``leads``, ``interactions``, ``attribute_log`` and ``rejects``. Each becomes a
        data frame by its method ``to_pandas``.

    Raises
    ------
    FileNotFoundError
        A file does not exist.
    ValueError
        A table is empty, lacks a column that it must have, or cannot be read.
    """
    from features.export.sources import read_export as read_mapping

    return read_mapping(as_config(config).export)


def synthesize(
    folder: AnyPath,
    leads: int = 20_000,
    seed: int = 1,
    format: Literal["csv", "parquet"] = "csv",  # noqa: A002 - as the command's option
    world: WorldName = "chain",
    **knobs: Any,
) -> "MadeUpCrm":
    """Write a made-up export with its configuration, to try things on.

    Parameters
    ----------
    folder : str or path
        Made where it is missing; files of the same names in it are replaced.
    leads : int
        How many leads, 1 or more.
    seed : int
        The same seed gives the same export.
    format : {"csv", "parquet"}
        Format of the tables.
    world : {"acting", "chain", "excited", "long_cycles", "persons", "seasons"}
        Which made-up firm.
    **knobs : float or int
        What else is asked of the world, by the fields of ``features.worlds.crm.Knobs``:
        ``rate=0.05, delay_days=2.0, noise=0.1, duplicates=0.02, days=304``.

    Returns
    -------
    MadeUpCrm
        The tables, and ``truth``: the true probability of each lead at several instants.
    """
    from features.worlds.crm import Knobs, write_export
    from features.worlds.registry import made_up_crm

    target = as_path(folder, "folder", 'Use the path of a folder: synthesize("crm").')
    crm = made_up_crm(world, leads, seed, Knobs(**knobs))
    write_export(crm, target, format)
    return crm


def training_frame(
    tables: "Tables", config: "Config | AnyPath" = CONFIG, report_progress: Progress = no_progress
) -> pd.DataFrame:
    """The rows that `train` learns from and judges on, for a model of your own.

    A row is a lead at an instant, with what was known of it then and what became of it. Attributes
    and interactions that the audit quarantines are left out first, as `train` does.

    Parameters
    ----------
    tables : Tables
        What `read_export` returns.
    config : Config, str or path
        What `read_config` returns, or where it would read it.
    report_progress : callable, optional
        Called with the name of a stage, how much of it is done, and how much there is.

    Returns
    -------
    pandas.DataFrame
        ``lead_id`` and ``as_of``; one column for each feature, a categorical where the feature has
        levels, else float64 with NaN where nothing is known; ``hot_label`` and ``warm_label``,
        whether the lead converted within the horizon, missing where the horizon had not ended when
        the data did; ``hot_period`` and ``warm_period``, "fit", "calibrate" or "test", missing
        where a row belongs to none of them. Names of the features stand in ``attrs["features"]``.

    Raises
    ------
    ValueError
        The export is too short or has too few conversions to be divided into periods.
    """
    from features.tables import INSTANT
    from training.audit.findings import audit
    from training.audit.quarantine import without_quarantined
    from training.dataset.frame import training_frame as frame_of

    tables, settings = require_tables(tables), as_config(config)
    findings = audit(tables, settings.dataset, settings.audit) if settings.audit.enabled else ()
    frame = frame_of(without_quarantined(tables, findings), settings.dataset, report_progress)
    as_of = pd.Series(frame.spine.as_of, dtype="int64").astype("datetime64[us]")
    columns: dict[str, Any] = {
        "lead_id": tables.leads["lead_id"].take(frame.spine.lead).to_pandas(),
        "as_of": as_of.dt.tz_localize(INSTANT.tz),
    }
    for feature, values in zip(frame.spec.features, frame.matrix.T, strict=True):
        columns[feature.name] = _column(feature, values)
    for name, labels in frame.labels.items():
        columns[f"{name}_label"] = pd.array(labels.converted, dtype="boolean")
        columns[f"{name}_label"][~labels.mature] = pd.NA
        columns[f"{name}_period"] = _periods(frame.splits[name])
    table = pd.DataFrame(columns)
    table.attrs["features"] = list(frame.spec.names)
    return table


def train(
    tables: "Tables",
    config: "Config | AnyPath" = CONFIG,
    report_progress: Progress = no_progress,
    *,
    earlier: ScoringBundle | None = None,
) -> ScoringBundle:
    """Train, calibrate and judge a model; nothing is written or registered.

    The audit also reads what the commands `train` and `score` have kept of earlier exports beside
    the registry, so that the command and this function give the same model.

    Parameters
    ----------
    tables : Tables
        What `read_export` returns.
    config : Config, str or path
        What `read_config` returns, or where it would read it.
    report_progress : callable, optional
        Called with the name of a stage, how much of it is done, and how much there is.
    earlier : ScoringBundle, optional
        The model that serves until now: its bands are kept while chance explains what would change.

    Returns
    -------
    ScoringBundle
        Its card holds the evaluation on the latest period.

    Raises
    ------
    ValueError
        The export is too short or has too few conversions.
    """
    from features.export.first_seen import FIRST_SEEN, read_first_seen
    from training.pipeline import trained_bundle

    settings = as_config(config)
    return ScoringBundle(
        trained_bundle(
            require_tables(tables),
            settings,
            report_progress,
            None if earlier is None else earlier.bundle.bands,
            read_first_seen(settings.registry_folder / FIRST_SEEN),
        )
    )


def save_bundle(bundle: ScoringBundle, folder: AnyPath, *, reports: bool = True) -> ScoringBundle:
    """Write a bundle as a folder, complete or not at all, ready to serve.

    Beside the model lie its golden leads and the managers' report in all languages, as
    ``lead-temperature train`` writes them. A backtest that lies beside a loaded bundle goes along.

    Parameters
    ----------
    bundle : ScoringBundle
        What `train` or `load_bundle` returned.
    folder : str or path
        A bundle that lies there is replaced.
    reports : bool
        Whether the reports are written too, which takes some seconds.

    Returns
    -------
    ScoringBundle
        The same one with its version.

    Raises
    ------
    FileExistsError
        `folder` holds something that is not a bundle.
    """
    from models.bundle import save_bundle as write_bundle
    from models.folder import require_replaceable
    from training.report.past import PAST, read_past

    if not isinstance(bundle, ScoringBundle):
        raise TypeError(
            "bundle must be what lt.train or lt.load_bundle returns, found "
            f"{type(bundle).__name__}. Use lt.load_bundle(folder) for one that is saved."
        )
    target = as_path(folder, "folder", 'Use the path of a folder: save_bundle(bundle, "bundle").')
    require_replaceable(target)
    past = None if bundle.folder is None else read_past(bundle.folder / PAST)
    with TemporaryDirectory() as temporary:
        saved = write_bundle(bundle.bundle, Path(temporary, "bundle"))
    write_bundle(saved, target, companion_files(saved, past, reports=reports))
    return ScoringBundle(saved, target)


def load_bundle(folder: AnyPath) -> ScoringBundle:
    """Read a bundle's folder.

    Parameters
    ----------
    folder : str or path
        As `save_bundle`, ``lead-temperature train`` or ``lead-temperature pull`` wrote it.

    Returns
    -------
    ScoringBundle
        It scores with the bits that it had where it was trained.

    Raises
    ------
    FileNotFoundError
        There is no bundle, or a file of it is missing.
    ValueError
        The format is unknown, or a file was changed.
    """
    from models.bundle import load_bundle as read_bundle

    source = as_path(folder, "folder", 'Use the path of a bundle\'s folder: load_bundle("bundle").')
    return ScoringBundle(read_bundle(source, with_judged_fit=True), source)


def backtest(
    tables: "Tables",
    config: "Config | AnyPath" = CONFIG,
    origins: int = 5,
    report_progress: Progress = no_progress,
) -> pd.DataFrame:
    """Train as on several days of the past and judge each model by what came after.

    Parameters
    ----------
    tables : Tables
        What `read_export` returns.
    config : Config, str or path
        What `read_config` returns, or where it would read it.
    origins : int
        How many days of the past, 2 or more.
    report_progress : callable, optional
        Called with the name of a stage, how much of it is done, and how much there is.

    Returns
    -------
    pandas.DataFrame
        A row for each figure, named by what it is ``about`` and the ``figure``; a column for each
        day of the past, then ``mean``, ``spread`` (standard deviation) and ``trend``, the change
        from the first to the last day along the line of least squares.

    Raises
    ------
    ValueError
        There is too little to learn from before the test period, or before any earlier day.
    """
    from features.spine import iso
    from training.search.backtest import backtest as run_backtest

    result = run_backtest(require_tables(tables), as_config(config), origins, report_progress)
    days = [iso(origin)[:10] for origin in result.origins]
    return pd.DataFrame(
        [
            (row.about, row.name, *row.values, row.mean, row.spread, row.trend)
            for row in result.series
        ],
        columns=["about", "figure", *days, "mean", "spread", "trend"],
    ).set_index(["about", "figure"])


def report(
    bundle: ScoringBundle | AnyPath,
    language: Literal["en", "pt", "ru", "ro", "it"] = "en",
    *,
    config: "Config | AnyPath | None" = None,
    previous: ScoringBundle | AnyPath | None = None,
) -> str:
    """The managers' report as one self-contained HTML page.

    Parameters
    ----------
    bundle : ScoringBundle, str or path
        The model, or the folder that it is saved in.
    language : {"en", "pt", "ru", "ro", "it"}
        Language of the page.
    config : Config, str or path, optional
        A fresh export: open leads and the team's work are counted from it, and the latest backtest
        is taken from beside its registry.
    previous : ScoringBundle, str or path, optional
        Model of an earlier report: the page then tells what has changed since.

    Returns
    -------
    str
        The page.

    Raises
    ------
    ValueError
        The language is unknown, or the fresh export lacks what the model was trained with.
    """
    from training.report.past import PAST, read_past
    from training.report.render import bundle_report

    scoring = _scoring(bundle, "bundle")
    model, past = scoring.bundle, None
    if scoring.folder is not None:
        past = read_past(scoring.folder / PAST)
    if config is not None:
        settings = as_config(config)
        model, latest = brought_up_to_date(model, settings, read_export(settings))
        past = latest or past
    earlier = None if previous is None else _scoring(previous, "previous").bundle
    return bundle_report(model, language, earlier, past)


def brought_up_to_date(
    bundle: "Bundle", settings: "Config", tables: "Tables"
) -> "tuple[Bundle, Past | None]":
    """A model whose card tells of a fresh export, and the backtest beside its registry, if any.

    Parameters
    ----------
    bundle : Bundle
        A judged model.
    settings : Config
        Configuration of the fresh export.
    tables : Tables
        That export.
    """
    from training.card.fresh import with_fresh_export
    from training.report.past import PAST, read_past
    from training.team.practice import practice

    team_practice = practice(tables, settings.practice, settings.horizons.warm_days)
    fresh = with_fresh_export(bundle, tables, team_practice, settings.model.threads)
    return fresh, read_past(settings.registry_folder / PAST)


def companion_files(
    bundle: "Bundle",
    past: "Past | None" = None,
    served: "tuple[ServedHorizon, ...]" = (),
    *,
    reports: bool = True,
) -> dict[str, str]:
    """Files that travel with a bundle, by name: its reports, its golden leads, the latest backtest.

    Parameters
    ----------
    bundle : Bundle
        Saved, because the reports name its version.
    past : Past, optional
        The latest backtest; it is left out where it was made with other settings.
    served : tuple of ServedHorizon
        What came of answers that were given, for the reports; empty without a ledger.
    reports : bool
        Whether the reports are among them.
    """
    from models.bundle import REPORTS
    from models.golden import GOLDEN, golden_json
    from training.card.values import read_card
    from training.report.past import PAST, past_text, standing
    from training.report.render import bundle_report

    pages = REPORTS if reports else {}
    files = {
        name: bundle_report(bundle, code, past=past, served=served) for code, name in pages.items()
    }
    files[GOLDEN] = golden_json(bundle)
    if past is not None and standing(past, read_card(bundle.card)) != "other settings":
        files[PAST] = past_text(past)
    return files


def _scoring(bundle: ScoringBundle | AnyPath, argument: str) -> ScoringBundle:
    if isinstance(bundle, ScoringBundle):
        return bundle
    way_out = "Use what lt.train or lt.load_bundle returns, or the path of a bundle's folder."
    return load_bundle(as_path(bundle, argument, way_out))


def _column(feature: "Feature", values: Any) -> Any:
    """Values of a feature; where they count levels, a categorical with the levels' names."""
    from features.language.kinds import AttributeCategory, LatestValue

    if not isinstance(feature, AttributeCategory | LatestValue):
        return values
    remainder = "other"
    while remainder in feature.levels:
        remainder = f"({remainder})"
    codes = np.nan_to_num(values, nan=-1).astype(np.int64)
    return pd.Categorical.from_codes(codes, categories=pd.Index([*feature.levels, remainder]))


def _periods(split: "Split") -> Any:
    periods = ("fit", "calibrate", "test")
    codes = np.full(len(split.fit), -1, np.int64)
    for code, name in enumerate(periods):
        codes[getattr(split, name)] = code
    return pd.Categorical.from_codes(codes, categories=pd.Index(periods))
