"""Approve a bundle for servers that take signed ones alone.

Tests: tests/models/test_signature.py.
"""

import os

import typer

from lead_temperature.inputs import BundleOption
from lead_temperature.output import say

app = typer.Typer()


@app.command(epilog="Example: `lead-temperature sign --bundle bundle`")
def sign(bundle: BundleOption) -> None:
    """Sign a bundle with LEAD_TEMPERATURE_BUNDLE_KEY, which servers with that key ask for."""
    from models.signature import SIGNATURE, sign_bundle
    from serving.http.settings import PREFIX, settings_from

    key = settings_from(os.environ).bundle_key
    if key is None:
        raise ValueError(
            f"The environment has no {PREFIX}BUNDLE_KEY: set it to the secret of the servers."
        )
    sign_bundle(bundle, key)
    say(f"Signed {bundle}: {SIGNATURE} covers every file that its manifest lists.")
