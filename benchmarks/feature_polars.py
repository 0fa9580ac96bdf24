"""The same features in Polars: the way of `feature_sql.duckdb_best`, in lazy expressions."""

from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.feature_atoms import Atom, atoms, formula, numbered_atoms, window_days
from features.engine.history import MICROSECONDS_PER_DAY as DAY
from features.language.kinds import Selection
from features.language.spec import Spec


def polars_best(folder: Path, spec: Spec) -> Any:
    """Polars: sums of what enters and leaves by look, then running sums over the lead's looks."""
    wanted = numbered_atoms(spec)
    windows = window_days(wanted)
    rows = _looks(folder)
    selections = list(dict.fromkeys(atom.selection for atom in wanted))
    masks = {selection: f"chosen_{i}" for i, selection in enumerate(selections)}
    placed = _placed(folder, spec, rows, windows, masks)
    for days in windows:
        sums = (
            placed.lazy()
            .filter(pl.col(f"look_{days}") < pl.col("first") + pl.col("looks"))
            .group_by(pl.col(f"look_{days}").alias("look"))
            .agg(
                _total(atom, masks).alias(f"g{number}")
                for atom, number in wanted.items()
                if atom.window == days
            )
            .collect()
        )
        rows = rows.join(sums, on="look", how="left", maintain_order="left")
    known = rows.lazy().with_columns(
        _running(atom, wanted).over("first").alias(f"a{number}") for atom, number in wanted.items()
    )
    columns = (
        pl.sql_expr(formula(feature, [f"a{wanted[atom]}" for atom in atoms(feature)])).alias(
            feature.name
        )
        for feature in spec.features
    )
    return known.select("lead_id", "as_of", *columns).collect().to_arrow()


def _looks(folder: Path) -> pl.DataFrame:
    """Looks in order of lead and instant, numbered, each with its lead's first number."""
    created = pl.scan_parquet(folder / "leads.parquet").select(
        "lead_id", pl.col("created_at").cast(pl.Int64)
    )
    return (
        pl.scan_parquet(folder / "spine.parquet")
        .with_columns(pl.col("as_of").cast(pl.Int64))
        .sort("lead_id", "as_of")
        .with_row_index("look")
        .join(created, on="lead_id", maintain_order="left")
        .with_columns(pl.col("look").min().over("lead_id").alias("first"))
        .collect()
    )


def _placed(
    folder: Path, spec: Spec, rows: pl.DataFrame, windows: list[int], masks: dict[Selection, str]
) -> pl.DataFrame:
    """Events, each with the look that first knows it and those at which it has left each window."""
    leads = rows.group_by("lead_id", "first").agg(pl.len().alias("looks"), pl.col("as_of"))
    times = [f"time_{i}" for i in range(int(leads["looks"].to_numpy().max()))]
    leads = leads.with_columns(
        pl.col("as_of").list.get(i, null_on_oob=True).alias(name) for i, name in enumerate(times)
    ).drop("as_of")

    def look(days: int) -> pl.Expr:
        leaves = pl.max_horizontal("known_at", pl.col("occurred_at") + days * DAY)
        passed = [(pl.col(name) <= leaves).fill_null(False).cast(pl.UInt8) for name in times]
        return (pl.col("first") + pl.sum_horizontal(passed)).alias(f"look_{days}")

    return (
        pl.scan_parquet(folder / "interactions.parquet")
        .select(
            "lead_id",
            pl.col("occurred_at").cast(pl.Int64),
            pl.max_horizontal("occurred_at", "recorded_at").cast(pl.Int64).alias("known_at"),
            *spec.measures,
            *(_chosen(selection).alias(name) for selection, name in masks.items()),
        )
        .join(leads.lazy(), on="lead_id")
        .select(
            "first",
            "looks",
            "occurred_at",
            *spec.measures,
            *masks.values(),
            *(look(days) for days in windows),
        )
        .collect()
    )


def _chosen(selection: Selection) -> pl.Expr:
    tests = [pl.col(name).is_in(values) for name, values in selection.conditions()]
    return pl.all_horizontal(pl.lit(value=True), *tests).fill_null(value=False)


def _total(atom: Atom, masks: dict[Selection, str]) -> pl.Expr:
    mask = pl.col(masks[atom.selection])
    match atom.operation:
        case "count":
            return mask.sum().cast(pl.Int64)
        case "has":
            return (mask & pl.col(atom.measure).is_not_null()).sum().cast(pl.Int64)
        case "sum":
            return pl.col(atom.measure).filter(mask).sum()
        case "max":
            return pl.col("occurred_at").filter(mask).max()
        case "min":
            return pl.col("occurred_at").filter(mask).min()


def _running(atom: Atom, wanted: dict[Atom, int]) -> pl.Expr:
    entered = pl.col(f"g{wanted[atom.whole]}")
    if atom.operation == "max":
        return entered.cum_max().forward_fill()
    if atom.operation == "min":
        return entered.cum_min().forward_fill()
    entered = entered.fill_null(0)
    if atom.days is not None:
        entered = entered - pl.col(f"g{wanted[atom]}").fill_null(0)
    return entered.cum_sum()
