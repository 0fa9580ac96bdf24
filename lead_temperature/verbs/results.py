"""Say what people sold so far, given what each was handed.

Tests: tests/lead_temperature/test_results.py.
"""

from pathlib import Path
from typing import Annotated

import typer

from lead_temperature.inputs import CONFIG, BundleOption, ConfigOption, configuration, tables_of
from lead_temperature.output import err, out, say

app = typer.Typer()


@app.command(
    epilog="Example: `lead-temperature results --bundle bundle --config crm/lead_temperature.toml`"
)
def results(
    bundle: BundleOption,
    config: ConfigOption = CONFIG,
    people_file: Annotated[
        Path | None,
        typer.Option(
            "--people", "-p", help="people.toml: whose results, and the skills to start from."
        ),
    ] = None,
) -> None:
    """Say what came of the leads that each person was handed, given how good they were."""
    import numpy as np

    settings = configuration(config)
    from lead_temperature.tables.results import show_results, skill_lines
    from models.bands import LEVELS
    from models.bundle import load_bundle
    from serving.desk.people import read_team
    from training.evaluation.hand_overs import hand_overs
    from training.team.effects import LEAST_GAIN_CHANCE, chance_of_gain, fit_effects
    from training.team.grouping import attribute_levels
    from training.team.practice import owner_attribute

    loaded, tables = load_bundle(bundle), tables_of(settings)
    owner = owner_attribute(tables, settings.practice.owner)
    if owner is None:
        raise ValueError(
            f"{config}: nothing says who has which lead; name the attribute that does as owner "
            "under [report]."
        )
    *words, _ = attribute_levels(tables, owner).words
    people, skill = sorted(words), None
    if people_file is not None:
        team = read_team(people_file).person
        people = [person.id for person in team]
        factors = [[person.skills.get(level.value, 1.0) for level in LEVELS] for person in team]
        skill = np.log(factors)
    with err.status("what each was handed"):
        handed = hand_overs(tables, loaded, owner, people)
        effects = fit_effects(handed, len(people), skill=skill)
    show_results(out, handed, effects, people, loaded.warm.days)
    chance = chance_of_gain(effects, handed)
    say(
        "Results so far, given what each was handed; no measure of anybody's ability, which only "
        "leads given out by lot could show."
    )
    if chance <= LEAST_GAIN_CHANCE:
        say(
            f"A list that acts on them gains with a chance of {chance:.0%}, and "
            f"{LEAST_GAIN_CHANCE:.0%} is asked for: share leads fairly."
        )
        return
    say(f"A list that acts on them gains with a chance of {chance:.0%}. Skills for a list:", "")
    say(*skill_lines(effects, people))
