"""Does a list help? A year of a made-up firm under each way to hand out leads.

`make bench-work` draws firms of the world `acting`, whose true chances are known
(`features.worlds.acting`). Each has a history of leads that were handed out by how good they
looked. A score and the effects of people are learned from it. Then 52 weeks of fresh leads are
handed out by each policy (`benchmarks.work_policies`) and valued by *true probabilities*, not by
drawn purchases: of leads that somebody calls, and of leads that wait. Firms are paired: a seed has
the same people and the same year in every cell. In every other seed standing followed skill.

The score is a ridge over the attributes known at the hand-over, out of fold for the history: it
stands for a trained bundle, which would see the same columns then, and does not know the owner. All
results go to ``artifacts/bench/work.jsonl``; what stands there is not run again.
"""

import hashlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.table import Table
from scipy.special import logit
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from benchmarks import work_policies
from benchmarks.work_policies import (
    FAIRLY,
    POLICIES,
    WAITS,
    Beliefs,
    Morning,
    PolicyName,
    hand_out,
)
from features.arrays import Bool, Float64, Int64
from features.worlds import acting
from features.worlds.acting import (
    FRESH,
    HOT_LOOK,
    TEMPERATURES,
    WARM_LOOK,
    Firm,
    buying_chances,
    draw_firm,
    draw_fresh_leads,
    owner_chances,
    waiting_week,
)
from features.worlds.crm import WARM_DAYS
from features.worlds.records import draw_by_row
from training.team import effects
from training.team.effects import LEAST_GAIN_CHANCE, HandOvers, chance_of_gain, fit_effects

RUNS = Path("artifacts/bench/work.jsonl")
FIRMS, FIRST_JUDGED_FIRM = 60, 1_000
HISTORIES = (2_000, 10_000, 30_000)
BIASES = (0.0, 0.1, 0.2)
PERSON_DEVIATION, TEMPERATURE_DEVIATION = 0.2, 0.14
"""Of people, and of people by temperature, in log-odds."""
YEAR_WEEKS = 52
WEEKLY_LEADS = 40
BOOTSTRAPS = 1_000
GOAL_LEARNED = {2_000: 0.4, 10_000: 0.6, 30_000: 0.8}
GOAL_GATED = {2_000: 0.2, 10_000: 0.55}
GOAL_WORSE, GOAL_TOLD_APART = 0.05, 0.1

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
PIPED_WIDTH = 140
console = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)


@dataclass(frozen=True, slots=True)
class Case:
    """One firm with one history.

    Parameters
    ----------
    seed : int
        Of people and year; where it is even, standing followed skill.
    leads : int
        Leads of the history.
    hidden_bias : float
        By how much those of standing got leads that are better than they look, in log-odds.
    calls : int
        Fresh leads that each person can call in a week; 40 come in.
    are_equal : bool
        Whether all people are equal.
    """

    seed: int
    leads: int
    hidden_bias: float
    calls: int = 5
    are_equal: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """A case, and what each policy brought.

    Parameters
    ----------
    case : Case
        The firm.
    code : str
        Fingerprint of the code that made it.
    gain_chance : float
        Chance that the list by learned effects gains, by the less sure reading.
    purchases : dict of PolicyName to float
        Expected purchases of the year's leads by policy; none where people are equal.
    """

    case: Case
    code: str
    gain_chance: float
    purchases: dict[PolicyName, float]


_RUN = TypeAdapter(Run)


def run_of(case: Case) -> Run:
    """Learn from the history of a firm, and play its year under every policy."""
    rng = np.random.default_rng([case.seed, 0])
    spread = 0.0 if case.are_equal else 1.0
    firm = draw_firm(
        rng,
        standing_follows_skill=case.seed % 2 == 0,
        hidden_bias=case.hidden_bias,
        person_deviation=PERSON_DEVIATION * spread,
        temperature_deviation=TEMPERATURE_DEVIATION * spread,
    )
    model, beliefs, chance = learned_from(firm, case)
    if case.are_equal:
        return Run(case, code_fingerprint(), chance, {})
    year = np.random.default_rng([case.seed, 2])
    arrivals = [draw_fresh_leads(year, WEEKLY_LEADS) for _ in range(YEAR_WEEKS)]
    weeks = [
        (leads.belief, leads.temperature, model.decision_function(leads.attributes))
        for leads in arrivals
    ]
    acts = chance > LEAST_GAIN_CHANCE
    truth = TrueChances.of(firm)
    purchases = {
        policy: replayed(truth, weeks, policy, beliefs, case.calls, acts) for policy in POLICIES
    }
    return Run(case, code_fingerprint(), chance, purchases)


@dataclass(frozen=True, slots=True)
class TrueChances:
    """What a firm's calls truly do to fresh leads.

    Parameters
    ----------
    called : float64 array of shape (people, temperatures, states)
        Chance to buy within 90 days of a lead that a person calls today.
    silent : float64 array of shape (states,)
        The same of a lead that nobody ever calls.
    bought : float64 array of shape (states,)
        Chance to buy within a week of waiting.
    stays : float64 array of shape (states, states)
        Chance to be still open after it in each state.
    """

    called: Float64
    silent: Float64
    bought: Float64
    stays: Float64

    @classmethod
    def of(cls, firm: Firm) -> "TrueChances":
        """Those of a firm."""
        bought, stays = waiting_week(firm)
        return cls(
            called=buying_chances(firm, WARM_DAYS, today=True)[:, :, FRESH],
            silent=buying_chances(firm, WARM_DAYS, calls=False)[0, 0, FRESH],
            bought=bought,
            stays=stays,
        )


def learned_from(firm: Firm, case: Case) -> tuple[LogisticRegression, Beliefs, float]:
    """Score and beliefs that a history gives, and the chance that a list by them gains."""
    rng = np.random.default_rng([case.seed, 1, case.leads])
    leads = draw_fresh_leads(rng, case.leads)
    person = draw_by_row(rng, owner_chances(firm, leads)[np.arange(case.leads), leads.state])
    chance = buying_chances(firm, WARM_DAYS)[person, leads.temperature, FRESH, leads.state]
    bought: Bool = rng.random(case.leads) < chance
    model = LogisticRegression(C=1.0, max_iter=200)
    attributes = leads.attributes
    margin = cross_val_predict(model, attributes, bought, cv=5, method="decision_function")
    temperature = temperature_of(margin)
    shape = (firm.people, TEMPERATURES)
    handed, won = np.full(shape, 1.0), np.full(shape, 0.5)
    np.add.at(handed, (person, temperature), 1.0)
    np.add.at(won, (person, temperature), bought)
    history = HandOvers(person, temperature, margin, bought)
    learned = fit_effects(history, firm.people)
    beliefs = Beliefs(learned=learned, win_rates=logit(won / handed))
    return model.fit(attributes, bought), beliefs, chance_of_gain(learned, history)


def temperature_of(margin: Float64) -> Int64:
    """Temperature by what a score says."""
    return np.searchsorted(logit([WARM_LOOK, HOT_LOOK]), margin, side="right")


def replayed(
    truth: TrueChances,
    weeks: Sequence[tuple[Float64, Int64, Float64]],
    policy: PolicyName,
    beliefs: Beliefs,
    calls: int,
    acts: bool,
) -> float:
    """Expected purchases within 90 days of the call of all leads of a year, under one policy.

    Parameters
    ----------
    truth : TrueChances
        What calls do.
    weeks : sequence of (belief, temperature, margin)
        True belief of each fresh lead's state, its true temperature, and its served log-odds.
    policy : PolicyName
        How leads are handed out.
    beliefs : Beliefs
        What is taken for known of people.
    calls : int
        Calls of each person in a week.
    acts : bool
        Whether learned effects gain surely enough for the list behind the gate.
    """
    usual = truth.called.mean(axis=(0, 1))
    mass, temperature, margin = np.zeros((0, 4)), np.zeros(0, np.int64), np.zeros(0)
    purchases = 0.0
    for belief, fresh_temperature, fresh_margin in weeks:
        mass = np.concatenate([mass, belief])
        temperature = np.concatenate([temperature, fresh_temperature])
        margin = np.concatenate([margin, fresh_margin])
        open_share = mass.sum(axis=1)
        # Purchases of each lead by each person who may call it.
        value = np.einsum("is,pis->ip", mass, truth.called[:, temperature])
        log_odds = logit(value / open_share[:, None])
        effect = log_odds - log_odds.mean(axis=1, keepdims=True)
        morning = Morning(margin, temperature_of(margin), effect)
        person = hand_out(policy, morning, beliefs, calls, acts)
        fair, waits = person == FAIRLY, person == WAITS
        purchases += value[fair].mean(axis=1).sum()
        own = np.flatnonzero(~fair & ~waits)
        purchases += value[own, person[own]].sum()
        mass, temperature = mass[waits], temperature[waits]
        purchases += float((mass @ truth.bought).sum())
        cooled = mass @ truth.stays
        # A lead that waits is scored again: by as much lower as it is truly worse.
        margin = margin[waits] + logit(cooled @ usual / cooled.sum(axis=1))
        margin -= logit(mass @ usual / mass.sum(axis=1))
        mass = cooled
    return float(purchases + (mass @ truth.silent).sum())


def share_of_gain(runs: Sequence[Run], policy: PolicyName) -> tuple[float, float, float]:
    """Gain over turns as a share of that with true effects, and its 95 % interval over firms."""
    gain, best = (
        np.array([run.purchases[name] - run.purchases["turns"] for run in runs])
        for name in (policy, "true_effects")
    )
    rng = np.random.default_rng(1)
    rows = rng.integers(len(runs), size=(BOOTSTRAPS, len(runs)))
    shares = gain[rows].sum(axis=1) / best[rows].sum(axis=1)
    low, high = np.quantile(shares, [0.025, 0.975])
    return float(gain.sum() / best.sum()), float(low), float(high)


def worse_share(runs: Sequence[Run], policy: PolicyName) -> float:
    """Share of firms in which a policy brings less than turns."""
    worse = [run.purchases[policy] < run.purchases["turns"] - 1e-9 for run in runs]
    return float(np.mean(worse))


def cases(firms: int, histories: Sequence[int], biases: Sequence[float]) -> Iterator[Case]:
    """Every case, firm by firm, so that a run that is cut off has whole firms."""
    for seed in range(FIRST_JUDGED_FIRM, FIRST_JUDGED_FIRM + firms):
        for leads in histories:
            for bias in biases:
                yield Case(seed, leads, bias)
                yield Case(seed, leads, bias, are_equal=True)
            yield Case(seed, leads, biases[0], calls=3)


def stored_runs(path: Path) -> dict[Case, Run]:
    """Runs on disk by case, those of other code left out.

    Raises
    ------
    ValueError
        A line is no run of this version.
    """
    if not path.is_file():
        return {}
    code, runs = code_fingerprint(), {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            run = _RUN.validate_json(line)
        except ValidationError as error:
            raise ValueError(
                f"{path}, line {number} is no run of this version: {error.errors()[0]['msg']}. "
                "Move the file away, or remove the line."
            ) from error
        if run.code == code:
            runs[run.case] = run
    return runs


def code_fingerprint() -> str:
    """Hash of the files that decide what a run gives."""
    modules = (acting, effects, work_policies, sys.modules[__name__])
    sources = (Path(str(module.__file__)).read_bytes() for module in modules)
    return hashlib.sha256(b"".join(sources)).hexdigest()[:16]


def groups(runs: Sequence[Run], *, are_equal: bool) -> dict[tuple[int, float, int], list[Run]]:
    """Runs by leads of history, bias and calls."""
    cells: dict[tuple[int, float, int], list[Run]] = {}
    for run in runs:
        if run.case.are_equal == are_equal:
            cell = (run.case.leads, run.case.hidden_bias, run.case.calls)
            cells.setdefault(cell, []).append(run)
    return dict(sorted(cells.items(), key=lambda item: (-item[0][2], *item[0])))


def goals(runs: Sequence[Run]) -> list[tuple[str, str, bool]]:
    """Each goal with the figure beside it, and whether it is met."""
    lines = []
    for (leads, bias, calls), cell in groups(runs, are_equal=False).items():
        if calls * 8 < WEEKLY_LEADS:
            continue
        where = f"{leads:,} leads, hidden bias {bias:g}"
        for name, policy, goal in (
            ("learned", "learned", GOAL_LEARNED.get(leads)),
            ("behind the gate", "gated", GOAL_GATED.get(leads)),
        ):
            if goal is not None and (leads < 30_000 or bias == 0):
                share, _, _ = share_of_gain(cell, policy)  # type: ignore[arg-type]
                lines.append(
                    (f"{where}: {name} ≥ {goal:.0%} of the gain", f"{share:.1%}", share >= goal)
                )
        worse = worse_share(cell, "gated")
        text = f"{where}: behind the gate worse than turns in ≤ {GOAL_WORSE:.0%}"
        lines.append((text, f"{worse:.0%}", worse <= GOAL_WORSE))
    for (leads, bias, _), cell in groups(runs, are_equal=True).items():
        apart = float(np.mean([run.gain_chance > LEAST_GAIN_CHANCE for run in cell]))
        text = f"{leads:,} leads, hidden bias {bias:g}: equal people told apart"
        text += f" in ≤ {GOAL_TOLD_APART:.0%}"
        lines.append((text, f"{apart:.0%}", apart <= GOAL_TOLD_APART))
    return lines


def show(runs: Sequence[Run]) -> None:
    """Print gains by cell and policy, then the goals, missed ones too."""
    table = Table(title="Share of the gain over turns that the list with true effects has")
    for heading in (
        "leads",
        "bias",
        "calls",
        "firms",
        "best ÷ turns",
        *POLICIES[1:-1],
        "gate open",
        "worse",
    ):
        table.add_column(heading, justify="right")
    for (leads, bias, calls), cell in groups(runs, are_equal=False).items():
        best = sum(run.purchases["true_effects"] for run in cell)
        table.add_row(
            f"{leads:,}",
            f"{bias:g}",
            str(calls),
            str(len(cell)),
            f"{best / sum(run.purchases['turns'] for run in cell):.3f}",
            *(share_text(cell, policy) for policy in POLICIES[1:-1]),
            f"{np.mean([run.gain_chance > LEAST_GAIN_CHANCE for run in cell]):.0%}",
            f"{worse_share(cell, 'gated'):.0%}",
        )
    console.print(table)
    for text, figure, is_met in goals(runs):
        console.print(f"{'ok    ' if is_met else 'MISSED'} {text}: {figure}", highlight=False)


def share_text(runs: Sequence[Run], policy: PolicyName) -> str:
    """A share of the gain with its interval."""
    share, low, high = share_of_gain(runs, policy)
    return f"{share:.0%} ({low:.0%} to {high:.0%})"


@app.command()
def main(
    firms: Annotated[int, typer.Option(min=2, help="Firms of each cell.")] = FIRMS,
    history: Annotated[
        list[int] | None, typer.Option(min=500, help="Leads of the history.")
    ] = None,
    bias: Annotated[
        list[float] | None, typer.Option(min=0, help="Hidden bias, in log-odds.")
    ] = None,
    small: Annotated[
        bool, typer.Option("--small", help="Ten firms without bias; minutes.")
    ] = False,
    show_only: Annotated[bool, typer.Option("--show", help="Run nothing.")] = False,
    runs_file: Annotated[Path, typer.Option(help="Where runs are kept.")] = RUNS,
) -> None:
    """Play the years that are not on disk yet, and print what each policy gains."""
    wanted = list(
        cases(10 if small else firms, history or HISTORIES, bias or ((0.0,) if small else BIASES))
    )
    runs = stored_runs(runs_file)
    runs_file.parent.mkdir(parents=True, exist_ok=True)
    for case in wanted:
        if case not in runs and not show_only:
            runs[case] = run_of(case)
            with runs_file.open("ab") as file:
                file.write(_RUN.dump_json(runs[case]) + b"\n")
    show([runs[case] for case in wanted if case in runs])


if __name__ == "__main__":
    app()
