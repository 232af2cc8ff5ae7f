"""Titles in French, German, Spanish and Italian: sentences as a native speaker writes them are among the wordings."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from common import ConfigError
from index.language import shipped
from index.language.lexicon import form_key
from models import load_checkpoint
from tests.tools.root import ROOT
from training.languages import WRITTEN, TitleReader, read_values, written
from training.languages.__main__ import main
from training.languages.words import inflected, parsed, words

SENTENCES = [
    [cell.strip() for cell in line.split("|")]
    for line in (ROOT / "tests/data/translated/sentences.txt").read_text(encoding="utf-8").splitlines()
]
"""An English title and how a shop would write it in each language: by hand, not by the table."""
READER = TitleReader(row[0] for row in SENTENCES)


def wordings(title: str, language: str, values: tuple[str, ...] = ()) -> set[str]:
    parts = READER.read(title, values)
    return {written(parts, language, number) for number in range(2000)}


@pytest.mark.parametrize("language", WRITTEN)
def test_sentences_of_native_speakers_are_among_the_wordings(language: str) -> None:
    column = 1 + WRITTEN.index(language)
    missing = {row[0]: row[column] for row in SENTENCES if row[column] not in wordings(row[0], language)}
    assert missing == {}
    assert len(SENTENCES) >= 25


def test_every_wording_of_a_title_is_one_that_a_shop_writes() -> None:
    assert wordings("Nike Men Red T-shirt", "es") == {
        *(f"Camiseta roja Nike {whom}" for whom in ("para hombre", "de hombre", "hombre")),
        *(f"Camiseta Nike roja {whom}" for whom in ("para hombre", "de hombre", "hombre")),
        *(f"Nike camiseta roja {whom}" for whom in ("para hombre", "de hombre", "hombre")),
        *(f"Camiseta roja {whom} Nike" for whom in ("para hombre", "de hombre", "hombre")),
        "Nike camiseta hombre roja",
        "Camiseta hombre Nike roja",
    }
    assert wordings("Vans Kids Blue Jeans", "de") == {
        *("Vans Kinder Jeans blau", "Vans Jeans blau für Kinder", "Blaue Vans Jeans für Kinder"),
        *("Vans blaue Jeans für Kinder", "Jeans Vans blau Kinder", "Kinder Jeans Vans blau"),
        *("Vans Kinder Jeans in Blau", "Vans Kinderjeans blau", "Blaue Kinderjeans Vans"),
    }


def test_a_wording_follows_from_its_number() -> None:
    parts = READER.read("Lino Perros Women Brown Leather Belt")
    for language in WRITTEN:
        assert written(parts, language, 123_456) == written(parts, language, 123_456)
        assert len({written(parts, language, number) for number in range(50)}) > 5


@pytest.mark.parametrize("language", WRITTEN)
@pytest.mark.parametrize(
    ("title", "kept"),
    [
        ("United Colors of Benetton Men White Shirt", "United Colors of Benetton"),
        ("Red Tape Men Black Shoes", "Red Tape"),
        ("Black Coffee Men Blue Shirt", "Black Coffee"),
        ("Puma Men Ferrari Red Bull Racing White T-shirt", "Ferrari Red Bull Racing"),
        ("Casio Enticer Men Silver Analogue Watch MTP-1240D-1ADF(A206)", "MTP-1240D-1ADF(A206)"),
        ("Jockey Modern Classic Men Grey Briefs", "Jockey Modern Classic"),
        ("Tantra Men I'm So Broke Green T-shirt", "I'm So Broke"),
    ],
)
def test_names_stay_as_they_are(title: str, kept: str, language: str) -> None:
    assert all(kept in text for text in wordings(title, language, ("White", "Green")))


def test_a_brand_that_stands_before_a_person_is_one_in_a_title_without_a_person() -> None:
    assert READER.read("Red Tape Black Shoes").brand == "Red Tape"
    assert READER.read("Avirate Cream Bra").brand == "Avirate"
    assert READER.read("Leather Belt for Men").brand == "", "a title may have no brand"
    assert "Cinturón de piel para hombre" in wordings("Leather Belt for Men", "es")


def test_a_colour_before_an_unknown_word_is_one_where_the_product_has_it() -> None:
    read = READER.read("ADIDAS Men Black Hangkok Sports Shoes", ("Black",))
    assert [colour.word.english for colour in read.colours] == ["black"]
    assert READER.read("ADIDAS Men Black Hangkok Sports Shoes", ("White",)).names == "Black Hangkok"


def test_values_are_written_as_people_search() -> None:
    parts = read_values(["Men", "Red", "Tshirts"])
    assert {"Camiseta roja para hombre", "Camiseta hombre roja"} <= {written(parts, "es", n) for n in range(200)}
    assert {"Rotes T-Shirt für Herren", "Herrenshirt rot"} <= {written(parts, "de", n) for n in range(500)}
    assert {written(read_values(["Red"]), language, 2) for language in WRITTEN} == {"Rouge", "Rot", "Rojo", "Rosso"}
    assert written(read_values(["Quartz Movement"]), "fr", 0) == "Quartz Movement", "what is unknown stays"


def test_values_behind_a_title_say_what_it_does_not() -> None:
    parts = READER.read("Nike Men T-shirt").beside(read_values(["Red", "Shoes", "Casual"]))
    assert "T-shirt casual rouge Nike pour homme" in {written(parts, "fr", n) for n in range(500)}


@pytest.mark.parametrize(
    ("text", "language", "forms"),
    [
        ("noir/e", "fr", "noir noire noirs noires"),
        ("gris/e", "fr", "gris grise gris grises"),
        ("blanc/blanche/blancs/blanches", "fr", "blanc blanche blancs blanches"),
        ("rouge/s", "fr", "rouge rouge rouges rouges"),
        ("orange", "fr", "orange orange orange orange"),
        ("rojo/a", "es", "rojo roja rojos rojas"),
        ("azul/es", "es", "azul azul azules azules"),
        ("marrón/marrones", "es", "marrón marrón marrones marrones"),
        ("rosso/a", "it", "rosso rossa rossi rosse"),
        ("verde/i", "it", "verde verde verdi verdi"),
        ("blu", "it", "blu blu blu blu"),
    ],
)
def test_adjectives_agree(text: str, language: str, forms: str) -> None:
    assert [inflected(text, gender, language) for gender in ("m", "f", "mp", "fp")] == forms.split()


def test_the_lexicons_of_search_read_what_is_written() -> None:
    """Nearly all: a wording that no lexicon reads is a word that customers would not find."""
    unread = []
    kinds = {word.english: word for word in words().values() if word.kind in ("colour", "noun")}
    for word in kinds.values():
        for language, texts in word.texts.items():
            known = shipped(language).meanings
            first = texts[0].split("/")[0].removesuffix("-")
            form = form_key(first.rpartition(" ")[0] if word.kind == "noun" else first)
            if form not in known and not any(part in known for part in form.split()):
                unread.append(f"{language}: {form}")
    assert len(unread) < 0.1 * 4 * len(kinds), unread


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ('[noun]\n"cap" = ["casquette", "Kappe f", "gorra f", "cappellino m"]', "ends with none of m, f, mp, fp"),
        ('[noun]\n"cap" = ["casquette f", "Kappe f", "gorra f"]', "has 3 texts"),
        ('[colour]\n"red" = ["rouge/x", "rot-", "rojo/a", "rosso/a"]', 'the ending "x" is unknown'),
        ('[colour]\n"red, red" = ["rouge/s", "rot-", "rojo/a", "rosso/a"]', "is in two rows"),
        ('[colors]\n"red" = ["rouge/s", "rot-", "rojo/a", "rosso/a"]', "is no table of words"),
    ],
)
def test_a_table_that_breaks_its_rules_is_refused(row: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        parsed(row)


def test_a_model_learns_languages_and_keeps_its_pictures_and_its_english(
    checkpoint: Path, shapes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "taught"
    options = ["--data", str(shapes), "--out", str(out), "--epochs", "60", "--learning-rate", "0.003"]
    assert main([str(checkpoint), *options, "--device", "cpu"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert all(found["after"][language] > found["before"][language] + 0.05 for language in WRITTEN)
    assert found["after"]["en"] > 0.95
    before, after = load_checkpoint(checkpoint), load_checkpoint(out)
    for name, value in before.model.state_dict().items():
        if name.startswith("image"):
            torch.testing.assert_close(after.model.state_dict()[name], value, msg=name)
    assert after.training["split"] == before.training["split"]
    assert after.training["languages"]["from"] == before.encoder_id
    assert main([str(checkpoint), *options]) == 2
    assert "exists; give --out a new folder" in capsys.readouterr().err


def test_what_cannot_be_taught_is_refused(
    checkpoint: Path, shapes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--data", str(shapes), "--out", str(tmp_path / "taught"), "--device", "cpu"]
    assert main([str(checkpoint), *options, "--epochs", "0"]) == 2
    assert "--epochs is 0: Input should be greater than or equal to 1" in capsys.readouterr().err
    assert main([str(checkpoint), *options, "--learning-rate", "-1"]) == 2
    assert "--learning-rate is -1.0: Input should be greater than 0" in capsys.readouterr().err
    _split(checkpoint, tmp_path / "none", {"train": 0.0, "validation": 0.5, "test": 0.5, "seed": 0})
    assert main([str(tmp_path / "none"), *options]) == 2
    assert "has no title for training by the checkpoint's split" in capsys.readouterr().err
    _split(checkpoint, tmp_path / "all", {"train": 1.0, "validation": 0.0, "test": 0.0, "seed": 0})
    assert main([str(tmp_path / "all"), *options, "--epochs", "1"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["before"] == found["after"] == {}, "no title is there to check"
    assert found["titles"] > 0


def _split(checkpoint: Path, copy: Path, split: dict[str, float]) -> None:
    """Copy a checkpoint whose titles were split in another way."""
    shutil.copytree(checkpoint, copy)
    config = json.loads((copy / "config.json").read_text(encoding="utf-8"))
    config["training"]["split"] = split
    (copy / "config.json").write_text(json.dumps(config), encoding="utf-8")
