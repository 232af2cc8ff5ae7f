"""A tool: the types of the service's requests and answers, for Python and for TypeScript, from its OpenAPI document.

`python -m tests.tools.api_types` writes `vitrine/client/answers/`, `vitrine/client/options.py` and
`docs/vitrine.d.ts`; tests/vitrine/test_api_types.py holds them to the document.
"""

from __future__ import annotations

import json
import re
import tempfile
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from keyword import iskeyword
from pathlib import Path
from typing import Any

from app.server import create_app
from app.settings import Settings
from common import atomic_file
from tests.tools.root import ROOT
from tests.tools.shop import DrawnEncoder, write_catalogue

Schema = Mapping[str, Any]
ANSWERS, OPTIONS, TYPESCRIPT = "vitrine/client/answers", "vitrine/client/options.py", "docs/vitrine.d.ts"
TAGS = {"search": ("search",), "encoding": ("encoding",), "products": ("products", "changes", "operations")}
"""The modules of answers, each with the tags of its operations; what has another tag is in a module of that name."""
MADE = "Made by `python -m tests.tools.api_types` from the service's OpenAPI document"
GIVEN = frozenset({"text", "image", "product_id", "descriptions", "labels", "input"})
"""Fields of requests that the client's methods name themselves."""
WITH_OPTIONS = ("SearchRequest", "ClassifyRequest", "ExplainRequest", "EmbeddingsRequest")
WIDTH = 116


def document() -> dict[str, Any]:
    """Return the OpenAPI document of the service."""
    with tempfile.TemporaryDirectory() as folder:
        catalogue = write_catalogue(Path(folder) / "catalogue", DrawnEncoder())
        app = create_app(Settings.read(catalogue=catalogue), encoder=DrawnEncoder())
        return dict(app.openapi())


def files(of: Mapping[str, Any]) -> dict[str, str]:
    """Return the content of each file by its path in the repository."""
    return {**_answers(of), OPTIONS: _options(of), TYPESCRIPT: _script(of)}


def operations(of: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield method, path and description of each operation."""
    for path, methods in of["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def _name(reference: str) -> str:
    return reference.rpartition("/")[2]


def _answer(operation: Mapping[str, Any]) -> Schema | None:
    """Return the schema of what an operation answers when it went well, None: nothing, or no JSON."""
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            found = answer.get("content", {}).get("application/json", {}).get("schema")
            if found:
                return dict(found)
    return None


def _reached(schemas: Mapping[str, Schema], names: Iterable[str]) -> list[str]:
    """Return the names of schemas that these lead to, each behind those that it needs."""
    order: list[str] = []

    def visit(name: str) -> None:
        if name in order:
            return
        for reference in re.findall(r'"\$ref": "#/components/schemas/(\w+)"', json.dumps(schemas[name])):
            if reference != name:
                visit(reference)
        if name not in order:
            order.append(name)

    for name in sorted(names):
        visit(name)
    return order


@dataclass(frozen=True, slots=True)
class Spelling:
    """How a language writes types."""

    plain: Mapping[str, str]
    choice: str
    between: str
    """Between the values of a choice."""
    sequence: str
    mapping: str
    anything: str

    def of(self, schema: Schema) -> str:
        """Return the type of what a schema describes."""
        if "$ref" in schema:
            return _name(schema["$ref"])
        if "const" in schema or "enum" in schema:
            return self.choice.format(self.between.join(map(json.dumps, schema.get("enum") or [schema["const"]])))
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return " | ".join(dict.fromkeys(map(self.of, schema[key])))
        kind = str(schema.get("format" if schema.get("format") in self.plain else "type"))
        if kind == "array":
            return self.sequence.format(self.of(schema.get("items", {})))
        if kind == "object":
            values = schema.get("additionalProperties")
            return self.mapping.format(self.anything if values in (None, True) else self.of(values))
        return self.plain.get(kind, self.anything)


PYTHON = Spelling(
    {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"},
    "Literal[{}]",
    ", ",
    "list[{}]",
    "dict[str, {}]",
    "Any",
)
SCRIPT = Spelling(
    {
        "string": "string",
        "integer": "number",
        "number": "number",
        "boolean": "boolean",
        "null": "null",
        "binary": "Blob",
    },
    "{}",
    " | ",
    "Array<{}>",
    "Record<string, {}>",
    "unknown",
)


def _first(text: str) -> str:
    """Return the first sentence of a description on one line."""
    flat = " ".join(text.split())
    return re.split(r"(?<=[.])\s", flat)[0].removesuffix(".") + "."


def _typed_dict(name: str, schema: Schema, *, sent: bool, left_out: frozenset[str] = frozenset()) -> str:
    """Return the class of one schema; of what is sent, every field with a default may be left out."""
    needed = set(schema.get("required", ()))
    fields = {}
    for field, about in schema["properties"].items():
        of = PYTHON.of(about)
        # Answers have all their fields, but for some that would be null.
        optional = not sent and field not in needed and "None" in of.split(" | ")
        if field not in left_out:
            fields[field] = f"NotRequired[{of}]" if optional else of
    if any(map(iskeyword, fields)):  # a class cannot have them
        entries = [f'        "{field}": {of},' for field, of in fields.items()]
        return "\n".join(
            [
                f"{name} = TypedDict(",
                f'    "{name}",',
                "    {",
                *entries,
                "    },",
                *(["    total=False,"] if sent else []),
                ")",
            ]
        )
    lines = [f"class {name}(TypedDict{', total=False' if sent else ''}):"]
    lines.append(textwrap.indent(f'"""{_first(schema.get("description") or name)}"""\n', "    "))
    return "\n".join([*lines, *(f"    {field}: {of}" for field, of in fields.items())])


def _module(title: str, classes: list[str], imports: str = "") -> str:
    body = "\n\n\n".join(classes)
    names = [one for one in ("Any", "Literal", "NotRequired", "TypedDict") if re.search(rf"\b{one}\b", body)]
    head = f'"""{title}\n\n{MADE}; not edited by hand.\n"""\n\nfrom __future__ import annotations\n'
    ours = f"\n{imports}" if imports else ""
    space = "\n\n" if body.startswith("class") else "\n"
    return f"{head}\nfrom typing import {', '.join(names)}\n{ours}{space}{body}\n"


def _answers(of: Mapping[str, Any]) -> dict[str, str]:
    schemas = of["components"]["schemas"]
    modules: dict[str, list[str]] = {name: [] for name in TAGS}
    for _, _, operation in operations(of):
        tag = operation["tags"][0]
        names = modules.setdefault(next((name for name, tags in TAGS.items() if tag in tags), tag), [])
        answer = _answer(operation)
        if answer and "$ref" in answer:
            names.append(_name(answer["$ref"]))
    home: dict[str, str] = {}
    made = {}
    for module, names in modules.items():
        classes = []
        foreign: dict[str, list[str]] = {}
        for name in _reached(schemas, names):
            if home.setdefault(name, module) == module:
                classes.append(_typed_dict(name, schemas[name], sent=False))
            else:
                foreign.setdefault(home[name], []).append(name)
        text = "\n".join(classes)
        imports = [
            f"from vitrine.client.answers.{other} import {', '.join(used)}\n"
            for other, found in sorted(foreign.items())
            if (used := sorted(name for name in found if re.search(rf"\b{name}\b", text)))
        ]
        title = f"What the service answers to calls about {module}, as typed dictionaries."
        made[f"{ANSWERS}/{module}.py"] = _module(title, classes, "".join(imports))
    lines = ['"""What the service answers, as typed dictionaries: one for each shape in its OpenAPI document.\n']
    lines += [f'{MADE}; not edited by hand.\n"""\n', "from __future__ import annotations\n"]
    for module in sorted(modules):
        names = sorted((name for name, place in home.items() if place == module), key=str.casefold)
        lines += [f"from vitrine.client.answers.{module} import {name} as {name}" for name in names]
    made[f"{ANSWERS}/__init__.py"] = "\n".join(lines) + "\n"
    return made


def _options(of: Mapping[str, Any]) -> str:
    schemas = of["components"]["schemas"]
    classes = []
    for name in _reached(schemas, WITH_OPTIONS):
        options = f"{name.removesuffix('Request')}Options" if name in WITH_OPTIONS else name
        left_out = GIVEN if name in WITH_OPTIONS else frozenset()
        classes.append(_typed_dict(options, schemas[name], sent=True, left_out=left_out))
    return _module("What a call may say beside what its method names, as typed keyword arguments.", classes)


def _comment(text: str | None, indent: str) -> list[str]:
    if not text:
        return []
    lines = textwrap.wrap(" ".join(text.split()).replace("*/", "* /"), WIDTH - len(indent) - 3)
    if len(lines) == 1:
        return [f"{indent}/** {lines[0]} */"]
    return [f"{indent}/**", *(f"{indent} * {line}" for line in lines), f"{indent} */"]


def _interface(name: str, schema: Schema, *, sent: bool) -> str:
    needed = set(schema.get("required", ()))
    lines = [*_comment(schema.get("description"), ""), f"export interface {name} {{"]
    for field, about in schema["properties"].items():
        of = SCRIPT.of(about)
        optional = field not in needed and (sent or "null" in of.split(" | "))
        lines += [*_comment(about.get("description"), "  "), f"  {field}{'?' if optional else ''}: {of};"]
    return "\n".join([*lines, "}"])


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    """Return one entry of the interface of all operations."""
    lines = [*_comment(operation.get("summary"), "  "), f"  {operation['operationId']}: {{"]
    lines += [f'    method: "{method.upper()}";', f'    url: "{path}";']
    for place in ("path", "query", "header"):
        fields = [one for one in operation.get("parameters", ()) if one["in"] == place]
        if fields:
            shown = "; ".join(
                f"{json.dumps(one['name'])}{'' if one.get('required') else '?'}: {SCRIPT.of(one['schema'])}"
                for one in fields
            )
            lines.append(f"    {place}: {{ {shown} }};")
    body = operation.get("requestBody", {}).get("content", {})
    if "application/json" in body:
        lines.append(f"    body: {SCRIPT.of(body['application/json']['schema'])};")
    elif body:
        lines.append("    body: string | Blob | FormData;")
    answer = _answer(operation)
    lines.append(f"    answer: {SCRIPT.of(answer) if answer else 'unknown'};")
    return "\n".join([*lines, "  };"])


def _script(of: Mapping[str, Any]) -> str:
    schemas = of["components"]["schemas"]
    bodies = [one.get("requestBody", {}).get("content", {}) for _, _, one in operations(of)]
    sent = _reached(schemas, {_name(ref) for ref in re.findall(r'"\$ref": "([^"]+)"', json.dumps(bodies))})
    parts = [f"/** The HTTP interface of Vitrine.\n *\n * {MADE}; not edited by hand. */"]
    parts += [_interface(name, schemas[name], sent=name in sent) for name in _reached(schemas, schemas)]
    entries = "\n".join(_operation(*one) for one in operations(of))
    about = "/** Each operation by its id: how it is called, and what it answers. */"
    parts.append(f"{about}\nexport interface Operations {{\n{entries}\n}}")
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    for name, content in files(document()).items():
        with atomic_file(ROOT / name) as beside:
            beside.write_text(content, encoding="utf-8")
