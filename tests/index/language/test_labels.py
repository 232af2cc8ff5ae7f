"""What pages write for values: the right text for each that a fashion shop has, and nothing where none is known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from common import ConfigError
from index.language import LANGUAGES, Labels, shipped
from index.language.lexicon import label_key, load_lexicon, merged

FOREIGN = [language for language in LANGUAGES if language != "en"]
FASHION: dict[str, dict[str, int]] = json.loads((Path(__file__).parent / "fashion_values.json").read_text())
"""Values of the catalogue of 44,072 products that the figures of this project are of, with their products."""
OWN = """
language = "fr"
name = "français"
[names]
fabric_care = "Entretien"
[labels]
Red = "Rouge vif"
[labels.size]
L = "Grand"
"""


@pytest.mark.parametrize("language", FOREIGN)
def test_nearly_all_products_of_a_fashion_shop_have_labels(language: str) -> None:
    labels = Labels(shipped(language))
    values = labels.values(FASHION)
    for attribute, counts in FASHION.items():
        assert labels.name(attribute), attribute
        covered = sum(count for value, count in counts.items() if value in values[attribute])
        assert covered / sum(counts.values()) >= 0.99, attribute
        written = [label.casefold() for label in values[attribute].values()]
        assert len(set(written)) == len(written), attribute


@pytest.mark.parametrize(
    ("language", "attribute", "said"),
    [
        (
            "fr",
            "Couleur",
            {"Red": "Rouge", "Navy Blue": "Bleu marine", "Off White": "Blanc cassé", "Skin": "Couleur peau"},
        ),
        ("de", "Farbe", {"Red": "Rot", "Navy Blue": "Marineblau", "Off White": "Cremeweiß", "Skin": "Hautfarben"}),
        ("es", "Color", {"Red": "Rojo", "Navy Blue": "Azul marino", "Off White": "Blanco roto", "Skin": "Color piel"}),
        (
            "it",
            "Colore",
            {"Red": "Rosso", "Navy Blue": "Blu navy", "Off White": "Bianco sporco", "Skin": "Color pelle"},
        ),
    ],
)
def test_a_colour_is_written_as_on_a_button(language: str, attribute: str, said: dict[str, str]) -> None:
    labels = Labels(shipped(language))
    assert labels.name("baseColour") == labels.name("base_color") == attribute
    assert {value: labels.value("baseColour", value) for value in said} == said


def test_one_word_may_mean_something_else_in_another_attribute() -> None:
    labels = Labels(shipped("fr"))
    assert labels.value("subCategory", "Skin") == "Teint"
    assert labels.value("baseColour", "skin") == "Couleur peau"
    assert labels.value("subCategory", "Dress") == labels.value("articleType", "Dresses") == "Robes"


def test_what_has_no_label_of_its_own_is_the_first_form_of_what_it_means() -> None:
    labels = Labels(shipped("fr"))
    assert labels.value("material", "Cotton") == "Coton"
    assert labels.value("material", "cotton") == "coton"
    assert labels.value("garment", "Coats") == "Manteau"
    assert labels.value("size", "Large") is None, "a size is no adjective"
    assert labels.value("shade", "No such colour") is None
    assert labels.name("no such attribute") is None
    assert labels.value("note", "€ !") is None


def test_names_of_brands_are_in_no_language() -> None:
    labels = Labels(shipped("de"))
    assert [labels.value(attribute, "Orange") for attribute in ("brand", "Vendor", "baseColour")] == [
        None,
        None,
        "Orange",
    ]
    assert labels.value("brand", "Spring") is None


def test_two_values_of_an_attribute_never_share_a_label() -> None:
    """A list of filters with one text twice cannot be read; the likelier value keeps it."""
    labels = Labels(shipped("fr"))
    assert labels.values({"colour": ["Grey", "Gray"]}) == {"colour": {"Grey": "Gris"}}
    assert labels.values({"colour": ["Rouge", "Red"]}) == {}
    assert labels.values({"tissue": ["cottons", "Cotton"]}) == {"tissue": {"cottons": "coton"}}


def test_so_many_values_are_looked_up() -> None:
    labels = Labels(shipped("fr"))
    facets = {"colour": ["Red", "Blue", "Green"], "type": ["Shirts"], "other": [f"x{number}" for number in range(50)]}
    found = labels.values(facets, most=4)
    assert found == {"colour": {"Red": "Rouge"}, "type": {"Shirts": "Chemises"}}
    assert labels.values(facets)["colour"] == {"Red": "Rouge", "Blue": "Bleu", "Green": "Vert"}


def test_english_is_as_the_catalogue_writes_it() -> None:
    labels = Labels(shipped("en"))
    assert labels.attributes(FASHION) == {}
    assert {attribute: found for attribute, found in labels.values(FASHION).items() if found} == {}


def test_a_shops_own_lexicon_has_its_own_labels(tmp_path: Path) -> None:
    path = tmp_path / "fr.toml"
    path.write_text(OWN, encoding="utf-8")
    labels = Labels(merged(shipped("fr"), load_lexicon(path)))
    assert (labels.name("Fabric care"), labels.name("season")) == ("Entretien", "Saison")
    assert (labels.value("colour", "RED"), labels.value("colour", "Blue")) == ("Rouge vif", "Bleu")
    assert (labels.value("size", "L"), labels.value("cup", "L")) == ("Grand", None)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("names = 1", "must be a table"),
        ('[labels]\nRed = ["Rouge"]', "needs a text"),
        ('[labels]\nRed = " "', "needs a text"),
        ('[labels]\n"!" = "Rouge"', "has no word in it"),
        ('[names.colour]\nRed = "Rouge"', "needs a text"),
        ('[labels.a.b]\nRed = "Rouge"', "needs a text"),
    ],
)
def test_a_malformed_table_of_labels_is_refused_with_its_line(tmp_path: Path, table: str, said: str) -> None:
    path = tmp_path / "fr.toml"
    path.write_text(f'language = "fr"\nname = "français"\n{table}\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=said) as refused:
        load_lexicon(path)
    assert "line 3" in str(refused.value) or "line 4" in str(refused.value)


@pytest.mark.parametrize("language", FOREIGN)
def test_the_shipped_labels_are_texts_for_buttons(language: str) -> None:
    lexicon = shipped(language)
    for label in (*lexicon.labels.values(), *lexicon.names.values()):
        assert label == " ".join(label.split()), label
        assert label[0].isupper() or label == "iPad", label
        assert len(label) <= 40, label
    assert label_key("Off-White") in lexicon.labels
