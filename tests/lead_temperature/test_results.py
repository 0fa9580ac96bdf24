"""`lead-temperature results`: what people sold given what they were handed, without a ranking."""

import io
import re
import tomllib

import numpy as np
import pytest
from rich.console import Console

from lead_temperature.tables.results import show_results, skill_lines
from training.team.effects import HandOvers, fit_effects

PERSON = np.repeat([0, 1], 2_000)
BOUGHT = np.concatenate([np.arange(2_000) < 260, np.arange(2_000) < 140])
HANDED = HandOvers(PERSON, np.zeros(4_000, int), np.full(4_000, np.log(0.1 / 0.9)), BOUGHT)
PEOPLE = ("Zoé [x]", 'a "b"')


def test_people_stand_in_the_order_of_names_with_expected_and_real_purchases() -> None:
    text = io.StringIO()
    show_results(Console(file=text, width=120), HANDED, fit_effects(HANDED, 2), PEOPLE, 90)
    assert "Within 90 days of the hand-over" in text.getvalue()
    first, second = (line.split("│") for line in text.getvalue().splitlines() if "×" in line)
    assert [cell.strip() for cell in first[1:5]] == ["Zoé [x]", "2,000", "200.0", "260"]
    assert [cell.strip() for cell in second[1:5]] == ['a "b"', "2,000", "200.0", "140"]


def test_skills_are_toml_of_the_people_s_file() -> None:
    effects = fit_effects(HANDED, 2)
    read = tomllib.loads("\n".join(skill_lines(effects, PEOPLE)))["person"]
    assert [person["id"] for person in read] == list(PEOPLE)
    factors = [[person["skills"][band] for band in ("cold", "warm", "hot")] for person in read]
    np.testing.assert_allclose(factors, np.exp(effects.log_odds), atol=0.005)


@pytest.mark.slow
def test_an_export_says_its_results(run, trained) -> None:
    done = run("results", "--bundle", trained.bundle, "--config", trained.config)
    assert done.returncode == 0, done.stderr
    names = [line.split("│")[1].strip() for line in done.stdout.splitlines() if "×" in line]
    assert names == ["ana", "boris", "carla", "dinu", "elena", "fabio"]
    assert "no measure of anybody's ability" in " ".join(done.stdout.split())
    assert ("share leads fairly" in done.stdout) != ("[[person]]" in done.stdout)


@pytest.mark.slow
def test_skills_of_the_people_s_file_are_where_learning_starts(run, trained, tmp_path) -> None:
    people = tmp_path / "people.toml"
    people.write_text(
        '[[person]]\nid = "zoe"\ncapacity = 5\nskills = { cold = 3.0 }\n'
        '[[person]]\nid = "ana"\ncapacity = 5\n'
    )
    done = run("results", "-b", trained.bundle, "-c", trained.config, "--people", people)
    assert done.returncode == 0, done.stderr
    zoe, ana = (line.split("│") for line in done.stdout.splitlines() if "×" in line)
    assert [cell.strip() for cell in zoe[1:5]] == ["zoe", "0", "0.0", "0"]
    assert float(zoe[5].strip(" ×")) > 1.15 > float(ana[5].strip(" ×"))


@pytest.mark.slow
def test_an_export_that_does_not_name_owners_is_refused(run, trained) -> None:
    config = re.sub(r',?\s*"owner"', "", trained.config.read_text())
    (trained.config.parent / "ownerless.toml").write_text(config)
    done = run(
        "results", "--bundle", trained.bundle, "--config", trained.config.parent / "ownerless.toml"
    )
    assert done.returncode == 1
    assert "name the attribute" in " ".join(done.stderr.split())
