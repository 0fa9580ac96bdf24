"""Names of the export that a query passes on unchanged, and those that it does not."""

import pytest

from features.export.sql_names import names_passed_on

FILES = ("Lead", "Deal")


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("SELECT Id AS n, Source s FROM Lead", {"n": ("Id",), "s": ("Source",)}),
        ("SELECT l.Id AS lead_id, d.Won AS closed_at FROM lead l LEFT JOIN Deal d ON d.x = l.y",
         {"lead_id": ("Id",), "closed_at": ("Won",)}),
        ("SELECT Id AS nr FROM Lead UNION ALL SELECT Key FROM Deal", {"nr": ("Id", "Key")}),
        ('SELECT "Città" AS city FROM Lead ORDER BY 1 LIMIT 3', {"city": ("Città",)}),
        # What is computed, or comes from a query within, is no column of a file.
        ("SELECT upper(Id) AS lead_id, *, 1 AS x FROM Lead", {}),
        ("SELECT Id AS lead_id FROM (SELECT Name AS Id FROM Lead)", {}),
        ("WITH a AS (SELECT x AS Id FROM Lead) SELECT Id AS lead_id FROM a", {}),
        ("WITH Lead AS (SELECT x AS Id FROM Deal) SELECT Id AS lead_id FROM Lead", {}),
        ("SELECT d.Id AS lead_id FROM Lead, (SELECT 1 AS Id) d", {}),
        ("SELECT Id AS lead_id FROM Lead AS l(Name, Id)", {}),
        ("(WITH Lead AS (FROM Deal) SELECT Key AS k FROM Lead) UNION FROM Deal", {}),
        ("(WITH Deal AS (SELECT 2 AS Id) SELECT Id AS k FROM Deal) UNION SELECT Key FROM Lead",
         {"k": ("Key",)}),
        ("SELECT 1 AS x", {}),
        ("VALUES (1, 2)", {}),
        ("not a query", {}),
        ("SELECT Id FROM Lead", {}),
        ("SELECT lead_id FROM Lead UNION SELECT lower(Id) FROM Deal", {}),
        ("UNPIVOT Lead ON a, b INTO NAME name VALUE value", {}),
        ("FROM Lead", {}),
        ("SELECT a.b.c AS x FROM Lead a", {}),
    ],
)  # fmt: skip
def test_a_column_that_is_passed_on_keeps_its_name(sql, names):
    assert names_passed_on(sql, FILES) == names
