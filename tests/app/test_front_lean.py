"""Scripts and style sheets as browsers get them: shorter, and the same in what they do."""

from __future__ import annotations

import re

import pytest

from app.front import PAGE, open_front
from app.front.bundle import with_bundles
from app.front.lean import lean


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/** What.\n * More.\n */\n  go();\n", "go();"),
        ('let a = "b // c";\n', 'let a="b // c";'),
        ("const address = `https://a`;\n", "const address=`https://a`;"),
        ("let a = `one\n  // two\n  three`;\n  b();\n", "let a=`one\n  // two\n  three`;b();"),
        ("const rule = /'/; // a quote\n", "const rule=/'/;"),
        ("if (/[/'`]/.test(a) && b / c / d) e();\n", "if(/[/'`]/.test(a)&&b/c/d)e();"),
        ("const f = (a) => /b c/.test(a);\n", "const f=(a)=>/b c/.test(a);"),
        ("const { a = 1 } = b\nconst c = 2\n", "const{a=1}=b\nconst c=2"),
    ],
)
def test_a_script_loses_its_comments_and_nothing_that_means_something(text: str, expected: str) -> None:
    """What our scripts have that is easily taken for something else."""
    assert lean("a.js", text.encode()) == expected.encode()


def test_a_style_sheet_keeps_the_spaces_that_mean_something() -> None:
    text = b"/* a\n b */\n.a .b { width: calc(1px + (2px - 3px)); }\n"
    assert lean("a.css", text) == b".a .b{width:calc(1px + (2px - 3px))}"


def test_what_is_not_ours_stays_as_it_is() -> None:
    assert lean("vendor/x/y.js", b"/* licence */\n a\n") == b"/* licence */\n a\n"
    assert lean("icon.svg", b"<!-- a -->\n") == b"<!-- a -->\n"


@pytest.mark.parametrize(
    ("script", "most"),
    [
        ("embed.js", 13_000),  # on every page of a shop that has an element, until it is about to be seen
        ("similar.js", 18_000),  # and then, with the first one: similar products
        ("search_fill.js", 34_000),  # a search
    ],
)
def test_what_an_element_loads_is_small(script: str, most: int) -> None:
    """The scripts before the drawer and the filters, as they are sent, in bytes of gzip."""
    assets = open_front().assets
    names = assets.modules(script)
    assert set(names) <= {script, "embed.js"}, "each is one file beside the first"
    sizes = [len(asset.packed or asset.data) for asset in map(assets.get, names) if asset]
    assert sum(sizes) <= most


def test_no_comment_is_left_in_our_scripts() -> None:
    assets = open_front().assets
    for path in PAGE.glob("*.js"):
        asset = assets.get(path.name)
        assert asset
        assert "/**" not in asset.data.decode(), path.name


def served(**files: str) -> dict[str, str]:
    made = with_bundles({f"{name}.js": text.encode() for name, text in files.items()}, "main.js")
    return {name: data.decode() for name, data in made.items()}


def test_a_script_brings_what_it_imports_in_the_order_that_is_needed() -> None:
    made = served(
        main='import { b } from "./one.js";\nimport "./two.js";\nb();\n',
        one='import { x as y } from "./two.js";\nconst a = 1;\nexport const b = () => a + y;\n',
        two="const a = 2;\nexport const x = a;\nexport async function* z() {}\nexport class Q {}\n",
        later='import { x } from "./two.js";\nimport { w } from "./other.js";\nexport const l = w(x);\n',
        other="export const w = 1;\n",
    )
    bundle = made["main.js"]
    first, second = bundle.index('modules["two.js"] ??='), bundle.index('modules["one.js"] ??=')
    assert first < second < bundle.index("b();")
    assert 'const { x: y } = modules["two.js"];' in bundle
    assert "return { x, z, Q };" in bundle
    assert not re.search(r"^import|^export (?!const modules)", bundle, re.MULTILINE)
    assert made["later.js"].splitlines() == [
        'import { modules } from "./main.js";',
        'modules["other.js"] ??= (() => {',
        "const w = 1;",
        "return { w };",
        "})();",
        'const { x } = modules["two.js"];',
        'const { w } = modules["other.js"];',
        "export const l = w(x);",
    ]
    assert made["other.js"] == "export const w = 1;\n"


@pytest.mark.parametrize(
    "other",
    [
        'import b from "./vendor/x.js";\nexport const a = 1;\n',
        "export default 1;\nexport const a = 1;\n",
        "const a = 1;\nexport { a };\n",
        "export let a = 1;\n",
    ],
)
def test_what_is_written_in_another_way_stays_a_file_of_its_own(other: str) -> None:
    made = served(main='import { a } from "./two.js";\na();\n', two=other)
    assert made["main.js"].splitlines() == [
        "export const modules = {};",
        'import * as apart0 from "./two.js";',
        'modules["two.js"] ??= apart0;',
        'const { a } = modules["two.js"];',
        "a();",
    ]
    assert made["two.js"] == other


def test_modules_that_import_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match=r"main.js -> one.js -> main.js"):
        served(
            main='import { a } from "./one.js";\nexport const b = 1;\n',
            one='import { b } from "./main.js";\nexport const a = b;\n',
        )
