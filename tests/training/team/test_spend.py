"""The table of spending is read strictly and stands beside the leads of the same months."""

from pathlib import Path

import pytest

from tests.support.practice import made_up, practice_of
from training.config import config_of
from training.team.spend import ChannelSpend, read_spend

SPEND = "channel,month,reach,clicks,cost\nads,1970-01,1000,50,200.50\nads,1970-02,800,40,100\n"


def spend_file(folder: Path, text: str) -> Path:
    path = folder / "spend.csv"
    path.write_text(text)
    return path


def test_a_channels_cost_stands_beside_the_leads_of_the_same_months(tmp_path):
    tables = made_up()
    spend_file(tmp_path, SPEND + "fair,1970-03,10,10,999\n")
    sections = {"leads": {"source": "leads.csv"}, "report": {"spend": "spend.csv"}}
    ads, fair = sorted(
        practice_of(tables, config_of(sections, tmp_path)).spend, key=lambda one: one.channel
    )
    mine = [
        row
        for row in tables.leads.to_pylist()
        if row["source"] == "ads" and row["created_at"].month in (1, 2)
    ]
    assert (ads.months, ads.reach, ads.clicks, ads.cost) == (2, 1800, 90, 300.5)
    assert ads.leads == len(mine) > 0
    assert ads.bought == sum(row["converted_at"] is not None for row in mine)
    assert ads.cost_per_lead == pytest.approx(300.5 / len(mine))
    assert fair.cost == 999


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("channel,month,cost\n", "columns must be channel, month, reach, clicks, cost"),
        ("channel,month,reach,clicks,cost\n", "has no rows"),
        ("", "has no rows"),
        (SPEND + "ads,1970-02,1,1,1\n", "row 4: ads in 1970-02 is in row 3 already"),
        (SPEND + "ads,1970-13,1,1,1\n", "row 4: month must be such as 2025-03, got '1970-13'"),
        (SPEND + "ads,1970-03,1,2,1\n", "row 4: clicks must be from 0 to reach"),
        (SPEND + "ads,1970-03,1,1,-5\n", "row 4: cost must be a number"),
        (SPEND + "ads,1970-03,1,1,1e400\n", "row 4: cost must be a number"),
        (SPEND + "ads,1970-03,1.5,1,1\n", "row 4: reach must be a whole number, got '1.5'"),
        (SPEND + "ads,1970-03,1,1\n", "row 4"),
        (SPEND + ",1970-03,1,1,1\n", "row 4: channel must not be empty"),
    ],
)
def test_a_wrong_table_of_spending_is_refused_with_its_row(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_spend(spend_file(tmp_path, text))


def test_a_channel_that_no_lead_came_by_is_refused_with_the_channels_there_are(tmp_path):
    spend_file(tmp_path, SPEND.replace("ads", "add"))
    sections = {"leads": {"source": "leads.csv"}, "report": {"spend": "spend.csv"}}
    with pytest.raises(ValueError, match=r"'add' as source\. Did you mean 'ads'"):
        practice_of(made_up(), config_of(sections, tmp_path))


def test_a_cost_of_nothing_that_came_is_no_number():
    nobody = ChannelSpend("ads", 1, 10, 1, 50.0, leads=0, bought=0)
    assert (nobody.cost_per_lead, nobody.cost_per_purchase) == (None, None)
    some = ChannelSpend("ads", 1, 10, 1, 50.0, leads=10, bought=2)
    assert (some.cost_per_lead, some.cost_per_purchase) == (5.0, 25.0)


def test_a_missing_or_unreadable_table_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.csv does not exist"):
        read_spend(tmp_path / "nowhere.csv")
    (tmp_path / "latin.csv").write_bytes(b"channel,month\nb\xfccher")
    with pytest.raises(ValueError, match="is no CSV file in UTF-8"):
        read_spend(tmp_path / "latin.csv")
