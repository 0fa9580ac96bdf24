"""A trained model in the hands of a data scientist: what `train` and `load_bundle` return.

Tests: tests/lead_temperature/test_api.py.
"""

import warnings
from dataclasses import dataclass
from datetime import datetime
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from lead_temperature.arguments import as_config
from lead_temperature.frames import FileOf, TableOrPath, frames_as_files
from lead_temperature.inputs import CONFIG, instant

if TYPE_CHECKING:
    from features.tables import Tables
    from models.bundle import Bundle
    from training.card.schema import ModelCard
    from training.config import Config


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
            A row for each lead and instant: ``lead_id``, ``as_of``, where refused leads are looked
            at ``refused``, the probability of converting
            within each horizon with the range of leads like it, ``not_enough_evidence``,
            ``band``, ``may_be_left`` and ``model_version``. ``attrs["notes"]`` says which leads
            were not scored and why.

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
        with frames_as_files() as file_of:
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
        served = self.bundle.card.served
        notes = scoring_notes(self.bundle.spec, tables, selection.spine, served.judged_days)
        for note in (*notes, *served.notes):
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
        from features.scale.scoring_notes import require_schema
        from features.tables import Tables
        from serving.bulk.selection import ScoringFiles, read_for_scoring
        from training.config import Config

        refusal_days = self.bundle.card.served.after_refusal_days
        is_table = isinstance(leads, pd.DataFrame) or (
            isinstance(leads, str | PathLike) and Path(leads).suffix in (".csv", ".parquet")
        )
        if is_table:
            files = ScoringFiles(None, file_of(leads, "leads"), interactions, attributes)  # type: ignore[arg-type]
            return read_for_scoring(self.bundle.spec, files, after_refusal_days=refusal_days)
        if interactions is not None or attributes is not None:
            raise ValueError(
                "interactions and attributes go with a table of leads, but leads is "
                f"{_described(leads)}, which brings its own. Leave them out."
            )
        if isinstance(leads, Tables):
            require_schema(
                self.bundle.spec,
                leads,
                "Read them as the bundle needs them: bundle.score(config).",
                may_lack_attributes=True,
            )
            return leads
        if isinstance(leads, Config | str | PathLike):
            files = ScoringFiles(as_config(leads).export)
            return read_for_scoring(self.bundle.spec, files, after_refusal_days=refusal_days)
        raise TypeError(
            "leads must be Tables, a configuration, a data frame or a path, found "
            f"{type(leads).__name__}. Use what lt.read_export returns, or a pandas.DataFrame."
        )


def _described(leads: object) -> str:
    return f"'{fspath(leads)}'" if isinstance(leads, str | PathLike) else type(leads).__name__
