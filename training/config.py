"""What stands in ``lead_temperature.toml``: the export's mapping and the choices of a training.

Every choice has a default that works; a key that means nothing is refused with a suggestion, so a
typing error never trains a model quietly on something else.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, PlainValidator, ValidationError, field_validator, model_validator

from features.export.mapping import ExportMapping, export_mapping
from features.export.sections import (
    FILE_NAME,
    Names,
    Section,
    explanation,
    near_miss,
    read_toml,
)
from features.language.kinds import Selection
from models.policy import FixedCutoff, HighestLift, Policy, policy_from_json

Direction = Literal["increasing", "decreasing"]
Days = Annotated[float, Field(ge=0, le=3650)]


class HorizonSettings(Section):
    """Section ``[horizons]``: what "soon" and "later" mean, in days.

    Attributes
    ----------
    hot_days, warm_days : int
        A hot lead converts within the first, a warm one within the second, longer one. Where both
        are the same, one question is asked: hot and warm then promise different rates of it.
        Without a word ``warm_days`` is 90, or ``hot_days`` if that is longer.
    """

    hot_days: int = Field(default=14, ge=1, le=365)
    warm_days: int = Field(
        default_factory=lambda sent: max(90, sent.get("hot_days", 90)), ge=1, le=1095
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.hot_days > self.warm_days:
            raise ValueError(
                f"hot_days must be no more than warm_days, got {self.hot_days} and {self.warm_days}"
            )
        return self


class SnapshotSettings(Section):
    """Section ``[snapshots]``: when leads are looked at, blind to what became of them.

    Attributes
    ----------
    first_days : float
        First look, days after the lead's creation.
    every_days : float
        Days from one look to the next.
    until_days : float
        Last look at the latest, days after the lead's creation.
    triggers : tuple of str
        Directions, kinds or channels of interactions, such as "inbound": a lead is also looked at
        when such an interaction has become known, once a day at most.
    thin : int
        Of this many looks in a row at a lead without news, boosters and linear
        models learn from one, with the weight of all (`training.dataset.thinning`); 1 keeps all.
    after_refusal_days : float or None
        For so many days after a refusal a lead is still looked at, since it may buy; what is known
        of the refusal is then part of its history (`features.refusals`). None: a closing ends it.
    """

    first_days: Days = 0.0
    every_days: Annotated[float, Field(gt=0, le=3650)] = 7.0
    until_days: Days = 180.0
    triggers: Names = ()
    thin: int = Field(default=2, ge=1, le=10)
    after_refusal_days: Annotated[float, Field(gt=0, le=3650)] | None = None

    def __repr_args__(self) -> Iterable[tuple[str | None, object]]:
        """Settings that were made; without the one that need not be, recipes keep their names."""
        return [pair for pair in super().__repr_args__() if pair[1] is not None]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first_days > self.until_days:
            raise ValueError(
                "first_days must not be more than until_days, "
                f"got {self.first_days} and {self.until_days}"
            )
        return self


class SplitSettings(Section):
    """Section ``[split]``: what is learned from, and what it is judged on.

    Attributes
    ----------
    test_from : datetime or None
        First instant of the test period. By default so late that a `test_share` of the export's
        time lies between it and the last look whose warm horizon has ended.
    test_share : float
        See `test_from`.
    calibrate_share : float
        Share of the time before the test period, the latest, that rolling origins predict. What
        serves is fitted on all of it in the end (`training.fitting.bundle`).
    leads : {"shared", "apart"}
        Whether a lead that lives on from one period into the next is looked at in both, or in one
        of them alone (`training.dataset.split.leads_apart`).
    """

    test_from: datetime | None = None
    test_share: float = Field(default=0.15, gt=0, lt=0.9)
    calibrate_share: float = Field(default=0.6, gt=0, lt=0.9)
    leads: Literal["shared", "apart"] = "shared"

    @field_validator("test_from", mode="before")
    @classmethod
    def _iso_text(cls, value: object) -> object:
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        if isinstance(value, date) and not isinstance(value, datetime):
            return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - see `start`
        if value is not None and not isinstance(value, datetime):
            raise ValueError("must be a day or a moment such as '2011-12-15'")
        return value


BandPolicy = Annotated[Policy, PlainValidator(policy_from_json)]


class BandSettings(Section):
    """Section ``[bands]``: what is promised of the leads called hot, and of those called warm.

    Attributes
    ----------
    hot, warm : Policy
        The highest multiple of the base rate that the data bear while the band, with the hotter
        one, holds a share of all buyers such as ``{least_reach = 0.25}``; a rate that is guaranteed
        such as ``{rate = 0.30, confidence = 0.90}``, the highest one that the data bear such as
        ``{up_to = 0.30}``, a share of all buyers such as ``{reach = 0.50}``, if you like with the
        lowest rate that is worth having such as ``{rate = 0.15, reach = 0.50}``; a capacity such as
        ``{per_week = 40}``; what a call costs and a sale brings such as ``{sale_value = 900,
        call_cost = 60}``; or the cut-off itself.
    hysteresis : float
        Share by which the odds of a lead that is in a band may fall below those of the cut-off
        before it leaves; 0 lets it leave at once.
    """

    hot: BandPolicy = HighestLift(0.25)
    warm: BandPolicy = HighestLift(0.25)
    hysteresis: float = Field(default=0.2, ge=0, lt=1)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        match self.hot, self.warm:
            case FixedCutoff(hot), FixedCutoff(warm) if warm > hot:
                raise ValueError(
                    "cut-offs must satisfy warm <= hot, so that a hot lead would be warm as well; "
                    f"got warm={warm}, hot={hot}"
                )
        return self


class ModelSettings(Section):
    """Section ``[model]``: the boosters. The defaults need no tuning.

    Attributes
    ----------
    kind : {"auto", "blend", "booster", "scorecard"}
        What predicts: the mean of a linear model and a booster (the blend, which is "auto"), a
        booster alone, or a points card. What else stands here is of boosters, `monotone` of blends
        too.
    trees, leaves : int
        Number of trees and leaves of each. The looks of one lead are much alike, so what seems much
        evidence is little, and trees of few leaves hold better than large ones.
    learning_rate : float
        Share of each tree's correction that is taken.
    least_rows : int
        Independent looks that a leaf needs at least: the looks of one lead say much the same, so
        it needs that many times the design effect (`training.fitting.predictor`).
    seed : int
        Seed of everything that is random: the same data and seed give the same bundle.
    threads : int
        Threads in training; part of the recipe, because sums depend on it in their last bit.
    monotone : mapping of str to {"increasing", "decreasing"}
        Names of features, or patterns with ``*``, with more of which a lead never becomes the
        colder (the warmer), all else equal.
    """

    kind: Literal["auto", "blend", "booster", "scorecard"] = "auto"
    trees: int = Field(default=100, ge=1, le=10_000)
    leaves: int = Field(default=7, ge=2, le=1024)
    learning_rate: float = Field(default=0.07, gt=0, le=1)
    least_rows: int = Field(default=30, ge=1)
    seed: int = Field(default=1, ge=0, lt=2**31)
    threads: int = Field(default=1, ge=1, le=256)
    monotone: dict[str, Direction] = Field(default_factory=dict)


CalibrationMethod = Literal[
    "auto", "anchored", "beta", "wide_beta", "platt", "isotonic", "venn_abers"
]


class CalibrationSettings(Section):
    """Section ``[calibration]``: how margins become probabilities.

    Attributes
    ----------
    method : str
        "anchored" turns the margins about the base rate and leaves the level to the latest fit;
        "beta" finds a level of its own, "wide_beta" may bend further, "platt" bends both ends
        alike. "auto" compares all on leads that they were not learned from and takes "anchored"
        unless another is surely better.
    """

    method: CalibrationMethod = "anchored"


class ScorecardSettings(Section):
    """Section ``[scorecard]``: points cards that a person has edited, in place of learned ones.

    Attributes
    ----------
    hot, warm : Path or None
        Files such as the hot.json and warm.json of a bundle with a points card, relative to the
        TOML file. They are calibrated and judged like any other predictor.
    """

    hot: Path | None = None
    warm: Path | None = None


class FeatureSettings(Section):
    """Section ``[features]``: what is added to the standard catalogue, and what is dropped.

    Attributes
    ----------
    owner : str or None
        Attribute, fixed at creation, that names the lead's owner: contacts by the owner are then
        told from those by others.
    drop : tuple of str
        Names of features to leave out, or patterns with ``*``.
    add : tuple of dict
        Features by kind and parameters, such as
        ``{feature = "Count", selection = {kind = ["call"]}, days = 5}``.
    file : str or None
        A Python file that sets ``FEATURES`` to a list of features; it is run.
    """

    owner: str | None = None
    drop: Names = ()
    add: tuple[dict[str, Any], ...] = ()
    file: str | None = None


class AuditSettings(Section):
    """Section ``[audit]``: the search for values that know the future.

    Attributes
    ----------
    enabled : bool
        Whether `train` runs the audit and leaves out what it proves to be a leak.
    allow : tuple of str
        Names that are used whatever the audit says of them.
    drop : tuple of str
        Names that are left out whatever the audit says of them, for instance a suspect that turned
        out to be filled in at the sale.
    """

    enabled: bool = True
    allow: Names = ()
    drop: Names = ()

    @model_validator(mode="after")
    def _either_allowed_or_dropped(self) -> Self:
        if contradictory := sorted(set(self.allow) & set(self.drop)):
            raise ValueError(
                f"allow and drop both name {contradictory[0]!r}: keep it in one of them."
            )
        if self.drop and not self.enabled:
            raise ValueError("drop needs the audit: remove enabled = false, or drop.")
        return self


class GateSettings(Section):
    """Section ``[gate]``: what a model must show before it becomes the champion.

    Attributes
    ----------
    least_conversions : int
        Leads that must have converted within a horizon, after all that champion and challenger
        learned from, before the two are compared on it.
    margin : float
        Share of what the champion gains over the base rate, in log loss, that a challenger may
        lose, earlier losses counted in. Whether it loses less must be sure.
    """

    least_conversions: int = Field(default=30, ge=2)
    margin: float = Field(default=0.1, gt=0, le=1)


class ContractSettings(Section):
    """Section ``[contract]``: what callers of the server may rely on.

    Attributes
    ----------
    retired_days : int
        For how many days the server surely accepts a name that a new champion does not read.
    """

    retired_days: int = Field(default=180, ge=0, le=36_500)


class FunnelStep(Section):
    """One step of the funnel between lead and purchase.

    Attributes
    ----------
    step : str
        What the report calls it.
    selection : Selection
        An interaction of this kind takes a lead there: ``{kind = ["quote_sent"]}``.
    """

    step: str = Field(min_length=1)
    selection: Selection


class ReportSettings(Section):
    """Section ``[report]``: what the managers' report counts by.

    Attributes
    ----------
    channel, source_kind, owner : str or None
        Attributes that say where a lead comes from, whether that is a seed, a net or a spear, and
        who works it. By default they are known by their usual names, the owner by ``[features]``.
    seeds, nets, spears : tuple of str
        Channels of each kind, where no attribute says it.
    funnel : tuple of FunnelStep
        Between lead and purchase; by default contacted by us, and heard from.
    spend : Path or None
        A CSV file of channel, month, reach, clicks and cost, relative to the TOML file.
    """

    channel: str | None = None
    source_kind: str | None = None
    owner: str | None = None
    seeds: Names = ()
    nets: Names = ()
    spears: Names = ()
    funnel: tuple[FunnelStep, ...] = ()
    spend: Path | None = None

    @model_validator(mode="after")
    def _one_kind_each(self) -> Self:
        channels = [*self.seeds, *self.nets, *self.spears]
        repeated = sorted({name for name in channels if channels.count(name) > 1})
        if repeated:
            raise ValueError(f"a channel is of one kind, found in two: {', '.join(repeated)}")
        if channels and self.source_kind:
            raise ValueError("source_kind and seeds, nets, spears exclude each other")
        return self


class RegistrySettings(Section):
    """Section ``[registry]``: where MLflow keeps runs and versions.

    Attributes
    ----------
    folder : Path
        Folder of the SQLite store and of the runs' files, relative to the TOML file.
    tracking_uri : str or None
        Address of an MLflow server, used in place of the folder's store. Where the file names none,
        the environment's ``MLFLOW_TRACKING_URI`` does.
    model : str
        Name of the registered model.
    """

    folder: Path = Path("artifacts")
    tracking_uri: str | None = None
    model: str = Field(default="lead-temperature", pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$")


@dataclass(frozen=True, slots=True)
class DatasetSettings:
    """What the rows of a training are made by: looks, outcomes, periods and features.

    Parameters
    ----------
    horizons : HorizonSettings
        How long after a look a purchase counts.
    snapshots : SnapshotSettings
        When leads are looked at.
    split : SplitSettings
        Which looks are learned from and which the model is judged on.
    features : FeatureSettings
        What is added to the standard features and what is dropped.
    timezone : str or None
        Time zone of the export, by its IANA name; UTC where it has none.
    base : pathlib.Path
        Folder of the configuration's file; a file of features is named relative to it.
    """

    horizons: HorizonSettings
    snapshots: SnapshotSettings
    split: SplitSettings
    features: FeatureSettings
    timezone: str | None
    base: Path

    @property
    def horizon_days(self) -> dict[str, int]:
        """Length of the "hot" and of the "warm" horizon."""
        return {"hot": self.horizons.hot_days, "warm": self.horizons.warm_days}

    def configured_test_from(self) -> int | None:
        """First instant of the test period in microseconds, where the configuration names it.

        A time without a zone is in the export's time zone.
        """
        moment = self.split.test_from
        if moment is None:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo(self.timezone) if self.timezone else UTC)
        return round(moment.timestamp() * 1_000_000)


@dataclass(frozen=True, slots=True)
class FittingSettings:
    """What a model is made by, once there are rows to learn from.

    Parameters
    ----------
    model : ModelSettings
        What predicts, and how it is learned.
    calibration : CalibrationSettings
        How margins become probabilities.
    bands : BandSettings
        What is promised of hot and of warm leads.
    scorecard : ScorecardSettings
        Points cards that a person has edited, with absolute paths.
    """

    model: ModelSettings
    calibration: CalibrationSettings
    bands: BandSettings
    scorecard: ScorecardSettings

    def edited_scorecard(self, horizon: str) -> Path | None:
        """Points card that a person has edited for the "hot" or the "warm" horizon."""
        return {"hot": self.scorecard.hot, "warm": self.scorecard.warm}[horizon]


class Config(Section):
    """All of ``lead_temperature.toml``.

    Attributes
    ----------
    export : ExportMapping
        Sections ``[data]``, ``[files]``, ``[leads]``, ``[interactions]`` and ``[attributes]``.
    horizons, snapshots, split, bands, model, scorecard, calibration, audit, features, gate,
    report, registry
        The sections of those names.
    """

    export: ExportMapping
    horizons: HorizonSettings = HorizonSettings()
    snapshots: SnapshotSettings = SnapshotSettings()
    split: SplitSettings = SplitSettings()
    bands: BandSettings = BandSettings()
    model: ModelSettings = ModelSettings()
    scorecard: ScorecardSettings = ScorecardSettings()
    calibration: CalibrationSettings = CalibrationSettings()
    audit: AuditSettings = AuditSettings()
    features: FeatureSettings = FeatureSettings()
    gate: GateSettings = GateSettings()
    contract: ContractSettings = ContractSettings()
    report: ReportSettings = ReportSettings()
    registry: RegistrySettings = RegistrySettings()

    @property
    def registry_folder(self) -> Path:
        """Folder of the registry, absolute."""
        return (self.export.base / self.registry.folder).resolve()

    @property
    def dataset(self) -> DatasetSettings:
        """What the rows of a training are made by."""
        return DatasetSettings(
            horizons=self.horizons,
            snapshots=self.snapshots,
            split=self.split,
            features=self.features,
            timezone=self.export.data.timezone,
            base=self.export.base,
        )

    @property
    def fitting(self) -> FittingSettings:
        """What a model is made by."""
        path_by_horizon = {"hot": self.scorecard.hot, "warm": self.scorecard.warm}
        paths = {
            name: path and (self.export.base / path).resolve()
            for name, path in path_by_horizon.items()
        }
        return FittingSettings(
            model=self.model,
            calibration=self.calibration,
            bands=self.bands,
            scorecard=self.scorecard.model_copy(update=paths),
        )

    @property
    def practice(self) -> ReportSettings:
        """What the report counts by: owners as ``[features]`` names them where it does not."""
        spend = self.report.spend
        resolved = {
            "owner": self.report.owner or self.features.owner,
            "spend": spend and self.export.base / spend,
        }
        return self.report.model_copy(update=resolved)


EXPORT_SECTIONS = ("data", "files", "leads", "interactions", "attributes")


def read_config(path: Path) -> Config:
    """Configuration that a TOML file holds.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        The file is no TOML, or a section, key or value is not allowed.
    """
    sections = read_toml(
        path,
        "`lead-temperature init DIR` writes a commented one, and --config names another.",
    )
    return config_of(sections, path.resolve().parent, str(path))


def config_of(sections: Mapping[str, object], base: Path, file: str = FILE_NAME) -> Config:
    """Configuration that a TOML file's sections describe.

    Parameters
    ----------
    sections : mapping of str to object
        Plain values by section.
    base : pathlib.Path
        Folder that relative paths are relative to.
    file : str
        Name of the file, for messages.

    Raises
    ------
    ValueError
        A section, key or value is not allowed; one line for each finding.
    """
    training_sections = [name for name in Config.model_fields if name != "export"]
    all_sections = (*EXPORT_SECTIONS, *training_sections)
    for name in sections:
        if name not in all_sections:
            raise ValueError(
                f"{file}: unknown section [{name}].{near_miss(name, all_sections)} "
                f"Sections: {', '.join(all_sections)}"
            )
    mapped = {name: sections[name] for name in EXPORT_SECTIONS if name in sections}
    export = export_mapping(mapped, base, file)
    try:
        config = Config.model_validate(
            {
                "export": export,
                **{name: sections[name] for name in training_sections if name in sections},
            }
        )
    except ValidationError as error:
        raise ValueError(explanation(error, file)) from None
    days = config.snapshots.after_refusal_days
    export = export.model_copy(update={"after_refusal_days": days})
    return config.model_copy(update={"export": export})
