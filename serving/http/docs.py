"""Pages that document the routes and the problems: HTML, without scripts and without network.

FastAPI's own page loads its program from a content delivery network. This page shows what a person
needs to write a client: every route with a request that works and the answer to it, every refusal,
and every field. Programs read the same from ``openapi.json``.
"""

import json
import re
from html import escape

from features.json_values import JsonObject
from serving.answers.codes import CodeMeaning

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: auto; padding: 1rem; }
h1, h2, h3 { line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid; }
h3 { margin-top: 2rem; }
table { border-collapse: collapse; table-layout: fixed; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0;
  overflow-wrap: anywhere; border-bottom: 1px solid #8884; font-weight: normal; }
pre { overflow: auto; max-height: 30rem; padding: .75rem; background: #8882; }
summary { cursor: pointer; }
"""


def prose(text: str) -> str:
    """HTML of a sentence, in which names between backticks are code.

    Parameters
    ----------
    text : str
        As it stands in the sources; nothing else in it is markup.

    Examples
    --------
    >>> prose("`detail` says <why>")
    '<code>detail</code> says &lt;why&gt;'
    """
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))


def docs_page(document: JsonObject) -> str:
    """HTML page of an OpenAPI document.

    Parameters
    ----------
    document : JsonObject
        The document that `serving.http.openapi.openapi_document` makes. Everything in it is shown
        as text, never as markup.
    """
    info, schemas = document["info"], document["components"]["schemas"]
    title = f"{escape(info['title'])}: the routes, contract {escape(info['version'])}"
    routes = (
        _route(method, path, route)
        for path, methods in document["paths"].items()
        for method, route in methods.items()
    )
    return _page(
        title,
        f"""<p>Programs read all of this from <a href="openapi.json">openapi.json</a>; people try a
lead on <a href="leads/try">a page of its own</a>. The requests below work as they stand.</p>
<h2>Routes</h2>
{"".join(routes)}
<h2>Schemas</h2>
{"".join(_schema(name, schema) for name, schema in schemas.items())}
""",
    )


def problem_page(code: str, meaning: CodeMeaning) -> str:
    """HTML page about the code of a problem.

    Parameters
    ----------
    code : str
        One of `serving.answers.codes.MEANINGS`.
    meaning : CodeMeaning
        What it means.
    """
    repeat_text = (
        "The same call may succeed later." if meaning.retry else "Do not repeat the same call."
    )
    lines = (f"HTTP status {meaning.status}", meaning.meaning, meaning.way_out, repeat_text)
    return _page(escape(code), "".join(f"<p>{prose(line)}</p>\n" for line in lines))


def _page(title: str, body: str) -> str:
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{title}</h1>
{body}</body>
</html>
"""


def _route(method: str, path: str, route: JsonObject) -> str:
    parts = [f"<h3><code>{method.upper()} {escape(path)}</code>\n{prose(route['summary'])}</h3>\n"]
    parts.append(f"<p>{prose(route['description'])}</p>\n")
    if "security" in route:
        parts.append("<p>Needs an API key: <code>Authorization: Bearer KEY</code>.</p>\n")
    if "parameters" in route:
        rows = (_field(p["name"], p["schema"], p["required"]) for p in route["parameters"])
        parts.append(f"<p>In the query:</p>\n<table>{''.join(rows)}</table>\n")
    for media_type, body in route.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<p>Send {escape(media_type)}: {_kind(body['schema'])}</p>\n")
        parts.append(_example(body))
    parts += (_answer(status, answer) for status, answer in route["responses"].items())
    return "".join(parts)


def _answer(status: str, answer: JsonObject) -> str:
    contents = "".join(
        f"<p>{escape(media_type)}{': ' if body['schema'] else ''}{_kind(body['schema'])}</p>\n"
        f"{_example(body)}"
        for media_type, body in answer["content"].items()
    )
    summary = f"<summary>{escape(status)} {prose(answer['description'])}</summary>"
    return f"<details>{summary}\n{contents}</details>\n"


def _example(body: JsonObject) -> str:
    blocks = [_json(body["example"])] if "example" in body else []
    for name, example in body.get("examples", {}).items():
        blocks.append(f"<p><code>{escape(name)}</code></p>\n{_json(example['value'])}")
    return "".join(blocks)


def _json(value: object) -> str:
    """A value as JSON; a text that is no JSON stays as it is."""
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    return f"<pre>{escape(text)}</pre>\n"


def _schema(name: str, schema: JsonObject) -> str:
    required = schema.get("required", ())
    rows = (_field(f, inner, f in required) for f, inner in schema.get("properties", {}).items())
    return (
        f'<h3 id="schema-{escape(name)}">{escape(name)}</h3>\n'
        f"<p>{prose(schema.get('description', ''))}</p>\n<table>{''.join(rows)}</table>\n"
    )


def _field(name: str, schema: JsonObject, required: bool) -> str:
    sentences = [schema["description"]] if "description" in schema else []
    if "default" in schema:
        sentences.append(f"Default: {json.dumps(schema['default'])}.")
    cells = (f"{'required ' if required else ''}{_kind(schema)}", prose(" ".join(sentences)))
    columns = "\n".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr><th scope="row"><code>{escape(name)}</code></th>\n{columns}</tr>\n'


def _kind(schema: JsonObject) -> str:
    """What a value may be, as HTML."""
    match schema:
        case {"$ref": reference}:
            name = escape(reference.rpartition("/")[2])
            return f'<a href="#schema-{name}">{name}</a>'
        case {"anyOf": options} | {"oneOf": options}:
            return ", or ".join(_kind(option) for option in options)
        case {"enum": values}:
            *first, final = (escape(json.dumps(value, ensure_ascii=False)) for value in values)
            return f"{', '.join(first)} or {final}" if first else final
        case {"type": "array", "items": items}:
            return f"array of {_kind(items)}{_range(schema, 'minItems', 'maxItems')}"
        case {"type": "object", "additionalProperties": dict() as values}:
            return f"object of {_kind(values)}"
        case {"type": "string"}:
            form = f", {escape(schema['format'])}" if "format" in schema else ""
            letters = _range(schema, "minLength", "maxLength")
            return f"text{form}{letters}{' characters' if letters else ''}"
        case _:
            return f"{escape(schema.get('type', ''))}{_range(schema, 'minimum', 'maximum')}"


def _range(schema: JsonObject, minimum_name: str, maximum_name: str) -> str:
    low, high = (
        None if name not in schema else f"{schema[name]:,.15g}"
        for name in (minimum_name, maximum_name)
    )
    if low is None:
        return "" if high is None else f", at most {high}"
    return f", at least {low}" if high is None else f", {low} to {high}"
