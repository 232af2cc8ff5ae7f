"""A tool: renders the OpenAPI document as plain HTML for the static site: no script, readable offline."""

from __future__ import annotations

import json
import re
import shlex
from html import escape
from typing import Any

from app.schemas import CHANGES, EXAMPLE_PRODUCT

METHODS = ("get", "put", "post", "patch", "delete")


def reference(document: dict[str, Any], base_url: str) -> str:
    """Return the description of every call of an OpenAPI `document` as HTML, with examples against `base_url`."""
    calls = [
        (path, method, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if method in METHODS
    ]
    menu = "".join(
        f'<li><a href="#{_anchor(path, method)}"><b>{method.upper()}</b> {escape(path)}</a></li>'
        for path, method, _ in calls
    )
    sections = "".join(_call(document, base_url.rstrip("/"), *call) for call in calls)
    return (
        f"{_prose(document['info'].get('description', ''))}<ul class='calls'>{menu}</ul>{sections}"
        f"<section><h2>Errors</h2><p>Every error has this shape:</p>{_errors(document)}</section>"
    )


def _call(document: dict[str, Any], base_url: str, path: str, method: str, operation: dict[str, Any]) -> str:
    parts = [
        f'<section id="{_anchor(path, method)}"><h2><b>{method.upper()}</b> <code>{escape(path)}</code></h2>',
        _prose(operation.get("description", "")),
    ]
    if parameters := operation.get("parameters"):
        rows = [(p["name"], _resolve(document, p["schema"]), p.get("description", "")) for p in parameters]
        parts.append(_table(rows))
        examples = [(p["name"], one) for p in parameters for one in _resolve(document, p["schema"]).get("examples", ())]
        if examples:
            given = [f"--data-urlencode {shlex.quote(f'{name}={value}')}" for name, value in examples]
            command = " \\\n  ".join([f"curl -G {base_url}{path}", *given])
            parts.append(f"<pre>{escape(command)}</pre>")
    for kind, body in operation.get("requestBody", {}).get("content", {}).items():
        properties = _resolve(document, body["schema"]).get("properties", {"": body["schema"]})
        rows = [(name, schema, schema.get("description", "")) for name, schema in properties.items()]
        parts.append(f"<h3>{escape(kind)}</h3>{_table(rows)}")
        for example in body.get("examples", {}).values():
            command = _curl(_start(base_url, path, method, operation), kind, example["value"])
            parts.append(f"<p>{escape(example['summary'])}:</p><pre>{escape(command)}</pre>")
    if method != "get" and "requestBody" not in operation:
        parts.append(f"<pre>{escape(' '.join(_start(base_url, path, method, operation)))}</pre>")
    answer = operation["responses"].get("200", {}).get("content", {}).get("application/json", {})
    for example in _resolve(document, answer.get("schema", {})).get("examples", []):
        parts.append(f"<h3>Answer</h3>{_json(example)}")
    statuses = [
        f"<li><b>{status}</b> {escape(response['description'])}</li>"
        for status, response in operation["responses"].items()
        if status != "default"
    ]
    parts.append(f"<h3>Status</h3><ul class='statuses'>{''.join(statuses)}</ul></section>")
    return "".join(parts)


def _table(rows: list[tuple[str, dict[str, Any], str]]) -> str:
    cells = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(_type(schema))}</td><td>{escape(text)}</td></tr>"
        for name, schema, text in rows
    )
    head = "<thead><tr><th>Field</th><th>Type</th><th>Meaning</th></tr></thead>"
    return f'<div class="wide" tabindex="0"><table>{head}<tbody>{cells}</tbody></table></div>'


def _type(schema: dict[str, Any]) -> str:
    """Return a schema's type, bounds and default in few words."""
    if "enum" in schema:
        words = " | ".join(schema["enum"])
    elif "$ref" in schema:  # what has a name of its own in the document is an object
        words = "object"
    elif schema.get("format") == "binary":
        words = "file"
    elif schema.get("contentMediaType") == "application/json":
        words = "JSON"
    elif "anyOf" in schema and "type" not in schema:
        options = [_type(option) for option in schema["anyOf"] if option.get("type") != "null"]
        words = " or ".join(dict.fromkeys(options))
    elif "items" in schema:
        words = f"list of {_type(schema['items']).partition(',')[0]}s"
    else:
        words = schema.get("type", "text")
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        words += f", {low:,.10g} to {high:,.10g}"
    if schema.get("default") not in (None, [], {}, "{}"):
        words += f", default {schema['default']}"
    return words


def _start(base_url: str, path: str, method: str, operation: dict[str, Any]) -> list[str]:
    """Return how a command begins that makes a call, with an example in the place of a path's parameter."""
    start = ["curl"] if method in ("get", "post") and "requestBody" in operation else ["curl", "-X", method.upper()]
    start.append(base_url + re.sub(r"\{\w+\}", EXAMPLE_PRODUCT["id"], path))
    return [*start, '-H "Authorization: Bearer $KEY"'] if CHANGES in operation.get("tags", ()) else start


def _curl(start: list[str], kind: str, value: Any) -> str:
    if isinstance(value, str):
        parts = [f"-H 'content-type: {kind}'", f"--data-binary {shlex.quote(value)}"]
    elif kind == "application/json":
        parts = ["-H 'content-type: application/json'", f"-d {shlex.quote(json.dumps(value, ensure_ascii=False))}"]
    else:
        parts = [f"-F {shlex.quote(f'{name}={field}')}" for name, field in value.items()]
    return " \\\n  ".join([" ".join(start), *parts])


def _errors(document: dict[str, Any]) -> str:
    return "".join(map(_json, document["components"]["schemas"]["ErrorAnswer"]["examples"]))


def _json(value: Any) -> str:
    return f"<pre>{escape(json.dumps(value, indent=2, ensure_ascii=False))}</pre>"


def _resolve(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return `schema`, or what it refers to."""
    while "$ref" in schema:
        target: dict[str, Any] = document
        for name in schema["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        schema = target
    return schema


def _prose(text: str) -> str:
    """Return plain text with `code` as HTML paragraphs."""
    paragraphs = re.sub("`([^`]+)`", r"<code>\1</code>", escape(text)).split("\n\n")
    return "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs if paragraph.strip())


def _anchor(path: str, method: str) -> str:
    return method + re.sub(r"[^a-z0-9]+", "-", path.lower())
