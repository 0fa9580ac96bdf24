"""What `import lead_temperature as lt` offers: one function for each thing that a user wants.

Each function is a few calls of the packages below, and each does the same as the command of its
name; a score from here has the bits that `lead-temperature score` and the server give. Tables come
back as pandas data frames. Where a configuration is asked for, the path of its file, or of the
folder that holds it, does as well. Heavy packages are imported when a function needs them.
"""

import tomllib
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from os import PathLike, fspath
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from features.progress import Progress, no_progress
from lead_temperature.inputs import CONFIG, instant

if TYPE_CHECKING:
    from features.language.kinds import Feature
    from features.synthetic import SyntheticCrm
    from features.tables import Tables
    from models.bundle import Bundle
    from training.card.schema import ModelCard
    from training.config import Config
    from training.dataset.split import Split
    from training.report.past import Past

AnyPath: TypeAlias = str | PathLike[str]
TableOrPath: TypeAlias = pd.DataFrame | AnyPath
FileOf: TypeAlias = Callable[[TableOrPath | None, str], Path | None]


def read_config(path: AnyPath = CONFIG, **sections: Mapping[str, object]) -> "Config":
    """Read a configuration, and change settings of it.

    Parameters
    ----------
    path : str or path
        A TOML file as ``lead-temperature init`` writes it, or the folder that holds
        ``lead_temperature.toml``.
    **sections : mapping of setting to value
        Settings that replace those of the file, by section: ``model={"trees": 60}``.

    Returns
    -------
    Config
        Every setting has a value; those that the file leaves out have their default.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        The file is not valid TOML, or a section, setting or value is not allowed.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     _ = synthesize(folder, leads=20)
    ...     config = read_config(folder, horizons={"hot_days": 7})
    >>> config.horizons.hot_days, config.horizons.warm_days
    (7, 90)
    """
    from training.config import config_of
    from training.config import read_config as read_file

    file = _path(path, "path", 'Use the path of a lead_temperature.toml: read_config("crm").')
    if file.is_dir():
        file /= CONFIG
    config = read_file(file)
    if not sections:
        return config
    settings: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    for name, changes in sections.items():
        if not isinstance(changes, Mapping):
            raise TypeError(
                f"{name} must be a mapping of settings to values, found {type(changes).__name__}. "
                f'Use read_config(path, {name}={{"setting": value}}).'
            )
        settings[name] = {**settings.get(name, {}), **changes}
    return config_of(settings, file.resolve().parent, str(file))


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

    return read_mapping(_config(config).export)


def synthesize(
    folder: AnyPath,
    leads: int = 20_000,
    seed: int = 1,
    format: Literal["csv", "parquet"] = "csv",  # noqa: A002 - as the command's option
) -> "SyntheticCrm":
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

    Returns
    -------
    SyntheticCrm
        The tables, and ``truth``: the true probability of each lead at several instants.
    """
    from features.synthetic import synthetic_crm, write_export

    target = _path(folder, "folder", 'Use the path of a folder: synthesize("crm").')
    crm = synthetic_crm(leads, seed)
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

    tables, settings = _tables(tables), _config(config)
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


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ScoringBundle:
    """A trained model that scores leads; what `train` and `load_bundle` return.

    Two of them are equal only where they are one and the same object; equal contents have an equal
    `version`.

    Parameters
    ----------
    bundle : Bundle
        The model itself: its features, predictors, calibrations, bands and card.
    folder : pathlib.Path or None
        Folder in which it is saved; None before that.
    """

    bundle: "Bundle"
    folder: Path | None = None

    def __repr__(self) -> str:
        bundle = self.bundle
        parts = [f"version='{self.version}'"] if self.version else ["not saved yet"]
        parts += [f"folder='{self.folder}'"] if self.folder is not None else []
        days = f"horizons=hot {bundle.hot.days} days, warm {bundle.warm.days} days"
        return f"ScoringBundle({', '.join([*parts, days])})"

    @property
    def version(self) -> str:
        """Date of the data's end and a hash of the contents; empty until the bundle is saved."""
        return self.bundle.version

    @property
    def card(self) -> "ModelCard":
        """The model card: what the model was trained on, and what it reached."""
        from training.card.values import read_card

        return read_card(self.bundle.card)

    @property
    def card_text(self) -> str:
        """The model card for people, in Markdown."""
        return self.bundle.card_text

    def score(
        self,
        leads: "Tables | Config | TableOrPath" = CONFIG,
        interactions: TableOrPath | None = None,
        attributes: TableOrPath | None = None,
        *,
        as_of: str | datetime | None = None,
        spine: TableOrPath | None = None,
        previous: TableOrPath | None = None,
    ) -> pd.DataFrame:
        """Score leads, as ``lead-temperature score`` does and with the same bits.

        Parameters
        ----------
        leads : Tables, Config, DataFrame, str or path
            What `read_export` returned; or a configuration, whose export is then read; or a table
            of leads with our column names (``lead_id``, ``created_at``, attributes), as a data
            frame or a .csv or .parquet file.
        interactions, attributes : DataFrame, str or path, optional
            The other two tables, where `leads` is a table of leads.
        as_of : str or datetime, optional
            Instant with a time zone at which every lead that is open then is scored. By default
            now.
        spine : DataFrame, str or path, optional
            Table of ``lead_id`` and ``as_of``, in place of one instant for all.
        previous : DataFrame, str or path, optional
            Scores of an earlier call: a lead near a cut-off then stays in its band.

        Returns
        -------
        pandas.DataFrame
            A row for each lead and instant: ``lead_id``, ``as_of``, the probability of converting
            within each horizon with its 80 % interval, ``not_enough_evidence``, ``band`` and
            ``model_version``. ``attrs["notes"]`` says which leads were not scored and why.

        Raises
        ------
        ValueError
            The leads lack something that the model reads, a data frame is no such table, or an
            instant has no time zone.
        TypeError
            An argument is none of the kinds above.

        Warns
        -----
        UserWarning
            Rows of the tables were rejected, or something that the model was trained on is missing.
        """
        from features.export.inspection import broken_rules
        from features.scale.scoring_notes import scoring_notes
        from features.spine import open_leads_at
        from serving.bulk.previous import previous_bands
        from serving.bulk.scores import score_spine
        from serving.bulk.selection import read_spine

        if spine is not None and as_of is not None:
            raise ValueError("spine and as_of exclude each other: a spine has its own instants.")
        with _files() as file_of:
            logs = file_of(interactions, "interactions"), file_of(attributes, "attributes")
            tables = self._tables_of(leads, *logs, file_of)
            asked_at = file_of(spine, "spine")
            selection = (
                open_leads_at(instant(as_of, "as_of"), tables)
                if asked_at is None
                else read_spine(asked_at, tables)
            )
            earlier = file_of(previous, "previous")
            bands = None
            if earlier is not None:
                bands = previous_bands(earlier, tables, selection.spine)
            table = score_spine(self.bundle, tables, selection.spine, previous=bands)
        for rule in broken_rules(tables.rejects):
            warnings.warn(
                f"{rule.rows:,} rows of {rule.table} break the rule '{rule.rule}': the "
                f"{rule.left_out} is left out.",
                stacklevel=2,
            )
        judged_days = self.bundle.card.served.judged_days
        for note in scoring_notes(self.bundle.spec, tables, selection.spine, judged_days):
            warnings.warn(note, stacklevel=2)
        scores: pd.DataFrame = table.to_pandas()
        scores.attrs["notes"] = list(selection.notes)
        return scores

    def _tables_of(
        self,
        leads: "Tables | Config | TableOrPath",
        interactions: Path | None,
        attributes: Path | None,
        file_of: "FileOf",
    ) -> "Tables":
        """Tables with what the bundle reads, from any of the forms that `score` takes."""
        from features.tables import Tables
        from serving.bulk.selection import ScoringFiles, read_for_scoring
        from training.config import Config

        is_table = isinstance(leads, pd.DataFrame) or (
            isinstance(leads, str | PathLike) and Path(leads).suffix in (".csv", ".parquet")
        )
        if is_table:
            files = ScoringFiles(None, file_of(leads, "leads"), interactions, attributes)  # type: ignore[arg-type]
            return read_for_scoring(self.bundle.spec, files)
        if interactions is not None or attributes is not None:
            raise ValueError(
                "interactions and attributes go with a table of leads, but leads is "
                f"{_described(leads)}, which brings its own. Leave them out."
            )
        if isinstance(leads, Tables):
            _require_readable(self.bundle, leads)
            return leads
        if isinstance(leads, Config | str | PathLike):
            return read_for_scoring(self.bundle.spec, ScoringFiles(_config(leads).export))
        raise TypeError(
            "leads must be Tables, a configuration, a data frame or a path, found "
            f"{type(leads).__name__}. Use what lt.read_export returns, or a pandas.DataFrame."
        )


def train(
    tables: "Tables", config: "Config | AnyPath" = CONFIG, report_progress: Progress = no_progress
) -> ScoringBundle:
    """Train, calibrate and judge a model; nothing is written or registered.

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
    ScoringBundle
        Its card holds the evaluation on the latest period.

    Raises
    ------
    ValueError
        The export is too short or has too few conversions.
    """
    from training.pipeline import trained_bundle

    return ScoringBundle(trained_bundle(_tables(tables), _config(config), report_progress))


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
    target = _path(folder, "folder", 'Use the path of a folder: save_bundle(bundle, "bundle").')
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

    source = _path(folder, "folder", 'Use the path of a bundle\'s folder: load_bundle("bundle").')
    return ScoringBundle(read_bundle(source), source)


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

    result = run_backtest(_tables(tables), _config(config), origins, report_progress)
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
    from training.card.fresh import with_fresh_export
    from training.report.past import PAST, read_past
    from training.report.render import bundle_report
    from training.team.practice import practice

    scoring = _scoring(bundle, "bundle")
    model, past = scoring.bundle, None
    if scoring.folder is not None:
        past = read_past(scoring.folder / PAST)
    if config is not None:
        settings = _config(config)
        past = read_past(settings.registry_folder / PAST) or past
        tables = read_export(settings)
        worked = practice(tables, settings.practice, settings.horizons.warm_days)
        model = with_fresh_export(model, tables, worked, settings.model.threads)
    earlier = None if previous is None else _scoring(previous, "previous").bundle
    return bundle_report(model, language, earlier, past)


def companion_files(
    bundle: "Bundle", past: "Past | None" = None, *, reports: bool = True
) -> dict[str, str]:
    """Files that travel with a bundle, by name: its reports, its golden leads, the latest backtest.

    Parameters
    ----------
    bundle : Bundle
        Saved, because the reports name its version.
    past : Past, optional
        The latest backtest; it is left out where it was made with other settings.
    reports : bool
        Whether the reports are among them.
    """
    from models.bundle import REPORTS
    from models.golden import GOLDEN, golden_json
    from training.card.values import read_card
    from training.report.past import PAST, past_text, standing
    from training.report.render import bundle_report

    pages = REPORTS if reports else {}
    files = {name: bundle_report(bundle, code, past=past) for code, name in pages.items()}
    files[GOLDEN] = golden_json(bundle)
    if past is not None and standing(past, read_card(bundle.card)) != "other settings":
        files[PAST] = past_text(past)
    return files


def _config(config: "Config | AnyPath") -> "Config":
    from training.config import Config

    if isinstance(config, Config):
        return config
    if isinstance(config, str | PathLike):
        return read_config(config)
    raise TypeError(
        "config must be what lt.read_config returns or the path of a lead_temperature.toml, got "
        f"{type(config).__name__}."
    )


def _tables(tables: "Tables") -> "Tables":
    from features.tables import Tables

    if not isinstance(tables, Tables):
        raise TypeError(
            f"tables must be what lt.read_export returns, got {type(tables).__name__}. "
            "Read them first: tables = lt.read_export(config)."
        )
    return tables


def _scoring(bundle: ScoringBundle | AnyPath, argument: str) -> ScoringBundle:
    if isinstance(bundle, ScoringBundle):
        return bundle
    way_out = "Use what lt.train or lt.load_bundle returns, or the path of a bundle's folder."
    return load_bundle(_path(bundle, argument, way_out))


def _path(path: AnyPath, argument: str, way_out: str) -> Path:
    if not isinstance(path, str | PathLike):
        raise TypeError(f"{argument} must be a path, found {type(path).__name__}. {way_out}")
    return Path(path)


def _described(leads: object) -> str:
    return f"'{fspath(leads)}'" if isinstance(leads, str | PathLike) else type(leads).__name__


@contextmanager
def _files() -> Iterator[FileOf]:
    """Write data frames as files, which live as long as the context; paths stay as they are.

    A message that names such a file names the argument in its place.
    """
    with TemporaryDirectory() as folder:
        arguments: dict[str, str] = {}

        def file_of(table: TableOrPath | None, argument: str) -> Path | None:
            if table is None or isinstance(table, str | PathLike):
                return None if table is None else Path(table)
            path = Path(folder).resolve() / f"{argument}.parquet"
            arguments[str(path)] = argument
            _write_frame(table, argument, path)
            return path

        try:
            yield file_of
        except ValueError as error:
            message = str(error)
            for path, argument in arguments.items():
                message = message.replace(path, argument)
            if message == str(error):
                raise
            raise ValueError(message) from None


def _write_frame(table: pd.DataFrame, argument: str, path: Path) -> None:
    """Write a data frame as a Parquet file, or say what of it is no table of ours."""
    import pyarrow as pa

    if not isinstance(table, pd.DataFrame):
        raise TypeError(
            f"{argument} must be a data frame or the path of a .csv or .parquet file, found "
            f"{type(table).__name__}. Use a pandas.DataFrame with a column for each field."
        )
    for name in ("lead_id", "as_of"):
        if name in table.index.names and name not in table.columns:
            raise ValueError(
                f"{argument} must hold '{name}' as a column, found '{name}' in the index. "
                f"Use {argument}.reset_index()."
            )
    if argument == "spine":
        _require_zoned(table)
    try:
        table.to_parquet(path, index=False)
    except (ValueError, TypeError, NotImplementedError, pa.ArrowException) as error:
        reason = "; ".join(map(str, error.args)).rstrip(".")
        raise ValueError(
            f"{argument} must be a table with one kind of value in each column, found: {reason}. "
            "Use texts, numbers and times, and each name of a column once."
        ) from error


def _require_zoned(spine: pd.DataFrame) -> None:
    """Refuse instants of a spine that are texts or have no time zone."""
    if list(spine.columns).count("as_of") != 1:
        return  # The reader of the spine says so.
    kinds = {"string": "text", "datetime64": "times without a zone"}
    kind = kinds.get(pd.api.types.infer_dtype(spine["as_of"], skipna=True))
    if kind is not None and not isinstance(spine["as_of"].dtype, pd.DatetimeTZDtype):
        raise ValueError(
            f"spine: as_of must be times with a zone, found {kind}. "
            "Use spine['as_of'] = pd.to_datetime(spine['as_of'], utc=True)."
        )


def _require_readable(bundle: "Bundle", tables: "Tables") -> None:
    """Refuse tables in which an attribute has another kind, or a measure is missing."""
    way_out = "Read them as the bundle needs them: bundle.score(config)."
    for name, kind in bundle.spec.attribute_kinds.items():
        table_kind = tables.attribute_kinds.get(name, kind)
        if table_kind != kind:
            raise ValueError(
                f"The bundle reads the attribute '{name}' as a {kind}, these tables have it as a "
                f"{table_kind}. {way_out}"
            )
    missing = [name for name in bundle.spec.measures if name not in tables.measures]
    if missing:
        raise ValueError(
            f"The bundle reads the measures {', '.join(missing)}, which these tables do not have. "
            f"{way_out}"
        )


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
