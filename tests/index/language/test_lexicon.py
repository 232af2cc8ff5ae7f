"""A lexicon says what forms mean and what is wrong with its file; those that are shipped hold together."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from common import ConfigError, InputError
from index.language.lexicon import KINDS, LANGUAGES, ROLES, Lexicon, Meaning, form_key, load_lexicon, merged, shipped

HEAD = 'language = "fr"\nname = "français"\n'
SMALL = (
    HEAD
    + """
[colour]
red = ["rouge", "Rouges"]
"navy blue" = ["bleu marine"]

[product]
tshirts = ["T-Shirt", "t shirt"]

[feature]
"high heel" = ["talon haut"]

[function]
stop = ["l'", "pour"]
to = ["à"]
and = ["et"]
between = ["entre"]
currency = ["€"]
"""
)


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "own.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(folder: Path, text: str) -> Lexicon:
    return load_lexicon(written(folder, text))


def test_forms_are_found_whatever_their_case_accents_and_hyphens(tmp_path: Path) -> None:
    lexicon = read(tmp_path, SMALL)
    assert (lexicon.language, lexicon.name) == ("fr", "français")
    assert lexicon.meanings["rouges"] == (Meaning("colour", "red"),)
    assert lexicon.meanings[form_key("T-SHIRT")] == (Meaning("product", "tshirts"),)
    assert lexicon.roles[form_key("À")] == {"to"}
    assert lexicon.roles["€"] == {"currency"}
    assert lexicon.longest == 2


def test_a_form_means_all_that_the_file_says_in_its_order(tmp_path: Path) -> None:
    text = '[product]\nflats = ["pumps", "pumps"]\nheels = ["Pumps"]\n[function]\nand = ["et"]\nto = ["et"]\n'
    lexicon = read(tmp_path, HEAD + text)
    assert [meaning.english for meaning in lexicon.meanings["pumps"]] == ["flats", "heels"]
    assert lexicon.roles["et"] == {"and", "to"}


def test_its_words_are_those_of_forms_and_roles_and_no_signs(tmp_path: Path) -> None:
    assert read(tmp_path, SMALL).words() == frozenset(
        ["rouge", "rouges", "bleu", "marine", "t", "shirt", "talon", "haut", "l", "pour", "a", "et", "entre"]
    )


def test_an_empty_lexicon_has_no_words(tmp_path: Path) -> None:
    lexicon = read(tmp_path, HEAD)
    assert lexicon.longest == 0
    assert not lexicon.words()


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (HEAD + '[colour]\nred = ["rouge]\n[product]\n', 4, "this is no TOML"),
        (HEAD + "[colour]\nred =", 4, "this is no TOML"),
        (HEAD + '[colour]\nred = ["rouge"]\nred = ["rubis"]\n', 5, "this is no TOML"),
        ('name = "polski"\nlanguage = "pl"\n', 2, 'the language "pl" is unknown; known are en, fr, de, es, it'),
        ('name = "français"\n', 1, 'needs its language before its tables, such as language = "en"'),
        ('language = "fr"\nname = 3\n', 2, 'needs its name before its tables, such as name = "English"'),
        (HEAD + "[colour]\n[colors]\n", 4, '"colors" is no part of a lexicon; its tables are colour, product, person'),
        (HEAD + "version = 1\n", 3, '"version" is no part of a lexicon'),
        (HEAD + 'colour = ["rouge"]\n', 3, '"colour" must be a table; write [colour]'),
        (HEAD + '[colour]\nred = "rouge"\n', 4, '"red" needs a list of forms'),
        (HEAD + '[colour.red]\nrouge = "rouge"\n', 3, '"red" needs a list of forms'),
        (HEAD + '[colour]\n"--" = ["rouge"]\n', 4, '"--" has no word in it; write English words on the left'),
        (HEAD + '[colour]\nred = [\n  "rouge",\n  5,\n]\n', 6, '"red" has the form 5; write a text in quotes'),
        (HEAD + '[colour]\nred = [\n  "rouge",\n  "  ",\n]\n', 6, '"red" has an empty form'),
        (HEAD + '[colour]\nred = ["…"]\n', 4, 'the form "…" of "red" has no word in it; take it out'),
        (HEAD + '[function]\nstop = ["le"]\nnon = ["pas"]\n', 5, 'the role "non" is unknown; known are stop, not, and'),
    ],
)
def test_a_malformed_lexicon_is_refused_with_its_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, text)
    assert str(refused.value).startswith(f"{tmp_path / 'own.toml'}, line {line}: ")
    assert said in str(refused.value)


def test_the_line_is_that_of_the_table_where_a_key_stands_in_two(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="line 6: "):
        read(tmp_path, HEAD + '[product]\nrose = ["rose"]\n[colour]\nrose = ["!"]\n')


def test_a_lexicon_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml cannot be read"):
        load_lexicon(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="line 4: this is no UTF-8; save the lexicon in that encoding"):
        load_lexicon(
            written(tmp_path, (HEAD + '[colour]\nblue = ["bleuté"]\n').encode("latin-1").replace(b"\xe7", b"c"))
        )


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    assert load_lexicon(written(tmp_path, SMALL.encode("utf-8-sig"))).meanings["rouge"]


def test_what_a_shops_own_lexicon_says_of_a_form_is_all_that_is_said_of_it(tmp_path: Path) -> None:
    ours = read(tmp_path, SMALL)
    own = read(
        tmp_path, HEAD + '[product]\ntop = ["rouge"]\n[other]\n"for" = ["pour"]\nkilt = ["jupe écossaise courte"]\n'
    )
    both = merged(ours, own)
    assert both.meanings["rouge"] == (Meaning("product", "top"),)
    assert both.meanings["pour"] == (Meaning("other", "for"),)
    assert "pour" not in both.roles
    assert both.meanings["bleu marine"] == ours.meanings["bleu marine"]
    assert both.roles["entre"] == {"between"}
    assert (ours.longest, both.longest) == (2, 3)


def test_a_shops_own_lexicon_extends_its_own_language_only(tmp_path: Path) -> None:
    own = read(tmp_path, SMALL)
    with pytest.raises(ConfigError, match='of the language "fr" cannot extend that of "de"'):
        merged(shipped("de"), own)


def test_an_unknown_language_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InputError, match='language "pl"; known are en, fr, de, es, it'):
        shipped("pl")


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_shipped_has_every_kind_and_role(language: str) -> None:
    lexicon = shipped(language)
    assert lexicon.language == language
    assert {meaning.kind for meanings in lexicon.meanings.values() for meaning in meanings} == set(KINDS)
    assert {role for roles in lexicon.roles.values() for role in roles} == set(ROLES)
    assert len(lexicon.meanings) > 400


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_shipped_does_not_both_stop_and_mean(language: str) -> None:
    lexicon = shipped(language)
    assert not [form for form in lexicon.meanings if "stop" in lexicon.roles.get(form, ())]


@pytest.mark.parametrize(
    ("language", "form", "english"),
    [
        ("en", "trainers", {"casual shoes", "sports shoes"}),
        ("en", "kids", {"boys", "girls"}),
        ("en", "without sleeves", {"sleeveless"}),
        ("en", "T-shirt", {"tshirts"}),
        ("de", "rotem", {"red"}),
        ("de", "Gürtel", {"belts"}),
        ("de", "guertel", {"belts"}),
        ("de", "Ohne Ärmel", {"sleeveless"}),
        ("de", "Turnschuhe", {"sneakers"}),
    ],
)
def test_what_customers_type_is_known(language: str, form: str, english: set[str]) -> None:
    assert {meaning.english for meaning in shipped(language).meanings[form_key(form)]} == english


def test_the_lexicons_are_installed_with_the_package() -> None:
    settings = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = settings["tool"]["setuptools"]["package-data"]["index"]
    packaged = {path.name for pattern in patterns for path in (Path(__file__).parents[3] / "index").glob(pattern)}
    assert {f"{language}.toml" for language in LANGUAGES} <= packaged
