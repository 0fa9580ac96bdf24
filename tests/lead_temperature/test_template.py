"""The template is a configuration, and each commented setting stands on a line of its own."""

import re
import tomllib

from lead_temperature.template import TEMPLATE

SETTING = re.compile(r'# (?=\[attributes\]|(?:[a-z_]+|"TEL") = )')
SECTIONS = {
    "data": "timezone decimal thousands dates missing most_rejected ends_at database",
    "leads": "source delimiter encoding fixed_at_creation "
    "allow_sensitive allow_flags columns kinds",
    "interactions": "source measures columns values",
    "attributes": "source",
    "horizons": "hot_days warm_days",
    "snapshots": "first_days every_days until_days thin after_refusal_days triggers",
    "split": "test_from test_share leads",
    "bands": "hot warm hysteresis",
    "features": "owner drop add file",
    "audit": "allow drop",
    "calibration": "method",
    "model": "kind trees leaves seed monotone",
    "scorecard": "hot",
    "gate": "least_conversions margin",
    "contract": "retired_days",
    "report": "channel owner source_kind funnel spend",
    "registry": "folder tracking_uri",
}
"""Names of every section, those of commented settings included, in the order of the template."""


def test_each_commented_setting_can_be_uncommented() -> None:
    """Where a long comment is wrapped, it swallows the setting on the next line."""
    lines = [SETTING.sub("", line, count=1) for line in TEMPLATE.splitlines()]
    sections = tomllib.loads("\n".join(lines))
    assert {name: " ".join(section) for name, section in sections.items()} == SECTIONS
