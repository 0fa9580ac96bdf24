"""What a query over files calls the columns that it passes on unchanged.

``SELECT LeadSource AS source FROM Lead`` gives `source` the values of `LeadSource` as they stand,
so the CRM's own name of the field is `LeadSource`, and a request to the server may use it. What is
computed has no name in the CRM: only the name that the query gives it is known.
"""

import json
from collections.abc import Iterator
from functools import cache

import duckdb

from features.json_values import JsonObject


@cache
def names_passed_on(sql: str, files: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Columns of files that a query passes on under another name.

    Parameters
    ----------
    sql : str
        The query.
    files : tuple of str
        Names of the files over which it runs.

    Returns
    -------
    dict of str to tuple of str
        From a column of the result to the names that it has in the files: several where the parts
        of a union call it differently. A column that is computed in one place, or that a query
        within has made, is not among them for that place.

    Examples
    --------
    >>> names_passed_on("SELECT Id AS lead_id, upper(City) AS city FROM Lead", ("Lead",))
    {'lead_id': ('Id',)}
    """
    with duckdb.connect() as connection:
        ((text,),) = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchall()
    statements = json.loads(text).get("statements", [])
    known_files = frozenset(name.lower() for name in files)
    if len(statements) != 1 or statements[0]["node"]["cte_map"]["map"]:
        return {}
    # The parts of a union give their columns by position, under the names of the first.
    parts = list(_parts(statements[0]["node"]))
    if len(parts) > 1 and any(_has_star(part) for part in parts):
        return {}
    names: dict[str, list[str]] = {}
    for part in parts:
        for first, column in zip(parts[0]["select_list"], part["select_list"], strict=False):
            result, source = first["alias"] or _name(first), _source(column, part, known_files)
            if source and result and source not in (result, *names.get(result, ())):
                names.setdefault(result, []).append(source)
    return {result: tuple(sources) for result, sources in names.items()}


def _parts(node: JsonObject) -> Iterator[JsonObject]:
    """Queries whose rows together are the result; none where they are not simply put together."""
    match node["type"]:
        case "SELECT_NODE":
            yield node
        case "SET_OPERATION_NODE" if node["setop_type"] == "UNION":
            for child in node["children"]:
                yield from _parts(child)


def _has_star(part: JsonObject) -> bool:
    return any(column["class"] == "STAR" for column in part["select_list"])


def _name(column: JsonObject) -> str:
    return str(column["column_names"][-1]) if column["class"] == "COLUMN_REF" else ""


def _source(column: JsonObject, part: JsonObject, files: frozenset[str]) -> str | None:
    """Name of a column in the file that it comes from; None where it is no column of a file."""
    if column["class"] != "COLUMN_REF" or part["cte_map"]["map"]:
        return None
    is_file = dict(_tables(part["from_table"], files))
    match column["column_names"]:
        case [name] if all(is_file.values()):
            return str(name)
        case [table, name] if is_file.get(table.lower()):
            return str(name)
    return None


def _tables(table: JsonObject, files: frozenset[str]) -> Iterator[tuple[str, bool]]:
    """Tables that a query reads, by the name that it gives them, and whether each is a file."""
    if table["type"] == "JOIN":
        yield from _tables(table["left"], files)
        yield from _tables(table["right"], files)
        return
    name = str(table.get("table_name", "")).lower()
    is_file = table["type"] == "BASE_TABLE" and name in files and not table["column_name_alias"]
    yield str(table["alias"]).lower() or name, is_file
