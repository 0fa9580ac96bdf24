"""The same features in pandas, as they are usually written."""

from pathlib import Path
from typing import Any

from benchmarks.feature_atoms import Atom, atoms
from features.language.kinds import DaysSinceFirst, DaysSinceLatest, LeadAge, Mean, Share, Trend
from features.language.spec import Spec


def pandas_usual(folder: Path, spec: Spec) -> Any:
    """Pandas as it is usually written: merge, mask, group by lead and instant; one by one."""
    import pandas as pd

    keys = ["lead_id", "as_of"]
    looks = pd.read_parquet(folder / "spine.parquet")
    created = pd.read_parquet(folder / "leads.parquet", columns=["lead_id", "created_at"])
    events = pd.read_parquet(folder / "interactions.parquet")
    looks = looks.merge(created, on="lead_id").set_index(keys)
    pairs = looks.reset_index()[keys].merge(events, on="lead_id")
    pairs = pairs[(pairs["occurred_at"] < pairs["as_of"]) & (pairs["recorded_at"] < pairs["as_of"])]
    cache: dict[Atom, Any] = {}

    def value(atom: Atom) -> Any:
        if atom not in cache:
            chosen = pairs
            if atom.days is not None:
                opens = chosen["as_of"] - pd.Timedelta(days=atom.days)
                chosen = chosen[chosen["occurred_at"] >= opens]
            for name, values in atom.selection.conditions():
                chosen = chosen[chosen[name].isin(values)]
            grouped = chosen.groupby(keys)
            match atom.operation:
                case "count":
                    found = grouped.size().reindex(looks.index, fill_value=0)
                case "has":
                    found = grouped[atom.measure].count().reindex(looks.index, fill_value=0)
                case "sum":
                    found = grouped[atom.measure].sum().reindex(looks.index, fill_value=0)
                case "max":
                    found = grouped["occurred_at"].max().reindex(looks.index)
                case "min":
                    found = grouped["occurred_at"].min().reindex(looks.index)
            cache[atom] = found
        return cache[atom]

    day: Any = pd.Timedelta(days=1)
    as_of = pd.Series(looks.index.get_level_values("as_of"), index=looks.index)
    columns: dict[str, Any] = {}
    for feature in spec.features:
        values = [value(atom) for atom in atoms(feature)]
        match feature:
            case LeadAge():
                columns[feature.name] = (as_of - looks["created_at"]) / day
            case Mean() | Share():
                columns[feature.name] = values[0] / values[1].where(values[1] != 0)
            case Trend(_, short_days, long_days):
                columns[feature.name] = values[0] / short_days - values[1] / long_days
            case DaysSinceLatest() | DaysSinceFirst():
                columns[feature.name] = (as_of - values[0]) / day
            case _:
                columns[feature.name] = values[0].astype("float64")
    return pd.DataFrame(columns).reset_index()
