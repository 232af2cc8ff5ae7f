"""Scripts and style sheets as browsers get them: shorter, and the same in what they do."""

from __future__ import annotations

import re

import pytest

from app.front import PAGE, open_front
from app.front.bundle import with_bundle
from app.front.lean import lean, lean_script, lean_style


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("// Why.\nlet a = 1;\n", "let a = 1;\n"),
        ("/** What.\n * More.\n */\n  go();\n", "go();\n"),
        ("/** @type {number} */\nlet a;\n", "let a;\n"),
        ("let a = 1; // why\n", "let a = 1;\n"),
        ('let a = "b // c";\n', 'let a = "b // c";\n'),
        ('let a = "b" // it\'s\n+ "c";\n', 'let a = "b"\n+ "c";\n'),
        ("const address = `https://a`;\n", "const address = `https://a`;\n"),
        ("let a = `one\n  // two\n  three`;\n  b();\n", "let a = `one\n  // two\n  three`;\nb();\n"),
        ("const rule = /'/; // a quote\n", "const rule = /'/; // a quote\n"),
    ],
)
def test_a_script_loses_its_comments_and_nothing_else(text: str, expected: str) -> None:
    assert lean_script(text) == expected


def test_a_style_sheet_loses_its_comments_and_nothing_else() -> None:
    assert lean_style("/* a\n b */\n.a { b: c; }\n\n  .d { e: f; } /* g */\n") == ".a { b: c; }\n.d { e: f; }\n"


def test_what_is_not_ours_stays_as_it_is() -> None:
    assert lean("vendor/x/y.js", b"/* licence */\n a\n") == b"/* licence */\n a\n"
    assert lean("icon.svg", b"<!-- a -->\n") == b"<!-- a -->\n"


def test_a_search_needs_few_bytes() -> None:
    """What a shop's page loads before the first result is one script of 20 kB at most, as it is sent."""
    assets = open_front().assets
    assert assets.modules("embed.js") == ["embed.js"]
    asset = assets.get("embed.js")
    assert asset
    assert asset.packed
    assert len(asset.packed) <= 20_000


def test_no_comment_is_left_in_our_scripts() -> None:
    assets = open_front().assets
    for path in PAGE.glob("*.js"):
        asset = assets.get(path.name)
        assert asset
        assert "/**" not in asset.data.decode(), path.name


def served(**files: str) -> dict[str, str]:
    made = with_bundle({f"{name}.js": text.encode() for name, text in files.items()}, "main.js")
    return {name: data.decode() for name, data in made.items()}


def test_modules_are_put_into_one_file_in_the_order_that_they_need() -> None:
    made = served(
        main='import { b } from "./one.js";\nimport "./two.js";\nb();\n',
        one='import { x as y } from "./two.js";\nconst a = 1;\nexport const b = () => a + y;\n',
        two="const a = 2;\nexport const x = a;\nexport async function* z() {}\nexport class Q {}\n",
        later='import { x } from "./two.js";\nimport { w } from "./other.js";\nw(x);\n',
        other="export const w = 1;\n",
    )
    bundle = made["main.js"]
    assert [bundle.index(f'modules["{name}.js"] = ') for name in ("two", "one", "main")] == sorted(
        bundle.index(f'modules["{name}.js"] = ') for name in ("two", "one", "main")
    )
    assert 'const { x: y } = modules["two.js"];' in bundle
    assert "return { x, z, Q };" in bundle
    assert not re.search(r"^import|^export (?!const modules)", bundle, re.MULTILINE)
    assert made["later.js"].splitlines() == [
        'import { modules } from "./main.js";',
        'const { x } = modules["two.js"];',
        'import { w } from "./other.js";',
        "w(x);",
    ]
    assert made["other.js"] == "export const w = 1;\n"


@pytest.mark.parametrize(
    "text",
    [
        'import a from "./two.js";\n',
        'import * as a from "./two.js";\n',
        "export default 1;\n",
        "const a = 1;\nexport { a };\n",
        'export * from "./two.js";\n',
        "export let a = 1;\n",
    ],
)
def test_what_cannot_be_put_into_one_file_is_refused_when_the_service_starts(text: str) -> None:
    with pytest.raises(ValueError, match=r"main\.js"):
        served(main=text, two="export const a = 1;\n")


def test_modules_that_import_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match=r"main.js -> one.js -> main.js"):
        served(
            main='import { a } from "./one.js";\nexport const b = 1;\n',
            one='import { b } from "./main.js";\nexport const a = b;\n',
        )
