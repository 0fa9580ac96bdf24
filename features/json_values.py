"""The type of a JSON object, for the few functions that read or write one.

Rooms hand each other frozen values. Only where JSON itself enters or leaves (a bundle's files, the
model card, an HTTP answer) does a signature speak of a JSON object, and then by this name, so that
these borders can be listed.

Tests: tests/test_json_borders.py.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

JsonObject: TypeAlias = Mapping[str, Any]
"""An object of JSON: names and JSON values."""
