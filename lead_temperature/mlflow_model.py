"""A registered bundle as a model of MLflow's: leads with their interactions in, answers out.

MLflow keeps a file ``MLmodel`` beside a registered bundle that names this module, imports it and
calls `_load_pyfunc` with the bundle's folder. So ``mlflow.pyfunc.load_model`` and
``mlflow models serve`` load the bundle's text as the server does; nothing is pickled. A row of the
input is a lead as it travels over HTTP (``lead_id``, ``created_at``, ``as_of``, ``previous_band``,
``attributes``, ``interactions``), and its answer has the bits of the server's.
"""

import json
import math
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from models.bundle import Bundle, load_bundle
from models.golden import GOLDEN
from serving.answers.examples import example_leads
from serving.answers.golden import replay_golden_leads
from serving.answers.limits import Limits
from serving.answers.model import ServedModel, served_model
from serving.answers.problem import Problem
from serving.answers.schemas import ScoredLead
from serving.answers.scorer import score_leads
from serving.http.settings import settings_from

DEFAULT_REASONS = 3
MOST_REASONS = 20
LEFT_OUT = ("trend", "forecast", "request_id")
"""Fields of an answer over HTTP that are always empty here."""

ModelInput: TypeAlias = pd.DataFrame | pd.Series | Mapping[str, Any] | Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class LeadModel:
    """What MLflow asks for answers.

    Parameters
    ----------
    model : ServedModel
        The bundle, prepared for requests.
    """

    model: ServedModel

    def predict(
        self,
        model_input: ModelInput,
        params: Mapping[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Answers about leads, in their order.

        Parameters
        ----------
        model_input : DataFrame, sequence of mappings, mapping or Series
            A lead in each row, with the fields that it has over HTTP; a mapping or a Series is one
            lead. A missing value (NaN, NA, NaT) is a field that is left out, inside attributes and
            interactions too. A time is an ISO 8601 text or a datetime.
        params : mapping, optional
            ``reasons``: how many signals to name for each lead, 3 by default.

        Returns
        -------
        pandas.DataFrame
            The fields of the server's answers, and ``problem``: why a lead was refused, None where
            it was scored.

        Raises
        ------
        ValueError
            ``reasons`` is no whole number from 0 to 20, or a column is there twice.
        TypeError
            The input is none of the kinds above.
        """
        reasons = (params or {}).get("reasons", DEFAULT_REASONS)
        is_whole = isinstance(reasons, int | np.integer) and not isinstance(reasons, bool)
        if not is_whole or not 0 <= reasons <= MOST_REASONS:
            raise ValueError(
                f"reasons must be a whole number from 0 to {MOST_REASONS}, found {reasons!r}. "
                f"Leave it out for {DEFAULT_REASONS}."
            )
        leads = _leads(model_input)
        answers = score_leads(self.model, leads, time.time_ns() // 1_000, int(reasons))
        return _table([_row(lead, answer) for lead, answer in zip(leads, answers, strict=True)])


def input_example(bundle: Bundle) -> str:
    """Leads of a bundle's schema, as the JSON of a data frame that MLflow keeps as an example."""
    leads = example_leads(served_model(bundle, Limits()))
    columns = list(dict.fromkeys(name for lead in leads for name in lead))
    rows = [[lead.get(name) for name in columns] for lead in leads]
    return json.dumps({"columns": columns, "data": rows}, indent=1, ensure_ascii=False) + "\n"


def _load_pyfunc(path: str) -> LeadModel:
    """The model that a folder holds; MLflow calls this by its name.

    Like the server, it first asks the bundle its golden leads again.
    """
    folder = Path(path)
    bundle = load_bundle(folder)
    if (folder / GOLDEN).is_file():
        text = (folder / GOLDEN).read_text(encoding="utf-8")
        rounded = settings_from(os.environ).golden == "rounded"
        replay_golden_leads(bundle, text, rounded=rounded)
    return LeadModel(served_model(bundle, Limits()))


def _leads(model_input: ModelInput) -> list[dict[str, Any]]:
    """Rows as JSON values, without the fields whose value is missing."""
    return [
        {str(name): _plain(value) for name, value in lead.items() if not _is_absent(value)}
        for lead in _mappings(model_input)
    ]


def _mappings(model_input: ModelInput) -> Sequence[Mapping[Any, Any]]:
    if isinstance(model_input, pd.DataFrame):
        counts = model_input.columns.value_counts()
        if (counts > 1).any():
            raise ValueError(
                f"model_input must have each column once, found '{counts.index[0]}' "
                f"{counts.iloc[0]} times. Use a data frame without the column's copy."
            )
        return model_input.astype(object).to_dict(orient="records")
    if isinstance(model_input, pd.Series):
        return [model_input.to_dict()]
    if isinstance(model_input, Mapping):
        return [model_input]
    leads: Any = model_input
    is_sequence = isinstance(leads, Sequence | np.ndarray) and not isinstance(leads, str | bytes)
    for lead in leads if is_sequence else [leads]:
        if not isinstance(lead, Mapping):
            raise TypeError(
                "model_input must be a data frame, a lead as a mapping, or a sequence of leads, "
                f"found {type(lead).__name__}. Use a lead's fields as over HTTP, such as "
                '{"lead_id": "A-1", "created_at": "2026-01-01T00:00:00Z"}.'
            )
    return model_input


def _is_absent(value: Any) -> bool:
    return value is None or _is_missing(value)


def _is_missing(value: Any) -> bool:
    """Whether a value is what tables hold where there is none; None has a meaning over HTTP."""
    if isinstance(value, np.datetime64):
        return bool(np.isnat(value))
    is_float = isinstance(value, float | np.floating)
    return value is pd.NaT or value is pd.NA or (is_float and math.isnan(value))


def _plain(value: Any) -> Any:
    """A value as JSON has it: tables keep lists as arrays, times as timestamps."""
    match value:
        case _ if _is_missing(value):
            return None
        case Mapping():
            return {name: _plain(part) for name, part in value.items() if not _is_missing(part)}
        case list() | tuple() | np.ndarray():
            return [_plain(part) for part in value]
        case datetime():
            return value.isoformat(timespec="microseconds")
        case np.datetime64():
            return pd.Timestamp(value).isoformat(timespec="microseconds")
        case np.generic():
            return value.item()
        case _:
            return value


def _row(lead: Mapping[str, Any], answer: ScoredLead | Problem) -> dict[str, Any]:
    if isinstance(answer, Problem):
        errors = [f"{e.field}: {e.law}; found {e.found}. {e.way_out}" for e in answer.errors]
        return {"lead_id": lead.get("lead_id"), "problem": "\n".join(errors) or answer.detail}
    return asdict(answer)


def _table(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows as columns; one with missing values keeps None, which JSON can write, for NaN."""
    names = [field.name for field in fields(ScoredLead) if field.name not in LEFT_OUT]
    columns = {name: [row.get(name) for row in rows] for name in (*names, "problem")}
    return pd.DataFrame(
        {
            name: pd.Series(values, dtype=object if None in values else None)
            for name, values in columns.items()
        }
    )
