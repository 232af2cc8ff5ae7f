"""Encodings of tables: found by evidence, told in the report, and never U+FFFD in a title."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.shops import opened, problems, titles
from training.data import Problem
from training.data.encodings import UNREADABLE, decode

TEXTS = {
    "German": (
        "Damenkleid Größe 38\nweiß, 20 €\nÜBERGRÖSSE",
        "cp1252 iso8859-15 mac-roman utf-16 utf-16-le utf-16-be utf-32",
    ),
    "one word": ("Größe", "cp1252 latin-1 mac-roman cp850 utf-8-sig utf-16-le"),
    "French": ("Robe d’été à fleurs – crème\nNoël “chic” 49 €", "cp1252 mac-roman"),
    "French, no signs": ("Robe d'été à fleurs\nNoël crème brûlée", "latin-1 cp850"),
    "Spanish": ("Camiseta niño pequeño\n¿Qué? pantalón", "cp1252 mac-roman cp850"),
    "Danish": ("Rød kjole på størrelse\nBlå æble Øl", "cp1252 mac-roman cp850"),
    "Polish": ("Sukienka żółta z długim rękawem\nButy męskie brązowe", "cp1250 iso8859-2"),
    "Czech": ("Dámské šaty černé s květy\nPánské tričko příliš žluté", "cp1250 iso8859-2"),
    "Hungarian": ("Női cipő fekete bőr\nFérfi ing kék hűvös", "cp1250"),
    "Turkish": ("Kadın elbise kırmızı şık\nErkek gömlek yeşil ğ İnce", "cp1254"),
    "Russian": ("Платье женское красное\nРубашка мужская СИНЯЯ", "cp1251 koi8-r iso8859-5 cp866"),
    "Greek": ("Φόρεμα κόκκινο\nΠουκάμισο ανδρικό", "cp1253"),
    "Japanese": ("赤いワンピース\nメンズシャツ 青", "cp932 euc_jp"),
    "Chinese": ("红色连衣裙 女装\n男士T恤 蓝色 纯棉", "gbk gb18030"),
    "Taiwanese": ("紅色連衣裙 女裝\n男士襯衫 藍色", "big5"),
    "Korean": ("빨간 드레스 여성\n남성 셔츠 파란색", "cp949"),
}
CASES = [(language, encoding) for language, (_, encodings) in TEXTS.items() for encoding in encodings.split()]


@pytest.mark.parametrize(("language", "encoding"), CASES)
def test_a_text_is_read_in_its_encoding(language: str, encoding: str) -> None:
    text = TEXTS[language][0]
    if encoding == "iso8859-2":
        text = text.replace("€", "")
    table = "id,image,text\n" + "".join(f"{n},{n}.jpg,{line}\n" for n, line in enumerate(text.split("\n")))
    decoded = decode(table.encode(encoding))
    assert decoded.text == table
    assert decoded.name != "UTF-8" or encoding == "utf-8-sig"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_titles_in_windows_1252_are_what_was_typed(tmp_path: Path, end: str) -> None:
    rows = ["id,image,text,colour", "1,a.jpg,Damenkleid Größe 38,weiß", "2,b.jpg,Café T-Shirt 20 €,grün"]
    dataset = opened(tmp_path, {"p.csv": (end.join(rows) + end).encode("cp1252")})
    assert titles(dataset) == {"1": "Damenkleid Größe 38", "2": "Café T-Shirt 20 €"}
    assert [item.attributes["colour"] for item in dataset.items] == ["weiß", "grün"]
    assert dataset.report.to_json()["notes"] == ["read as Windows-1252"]
    assert not problems(dataset)


def test_lines_of_two_encodings_are_each_read_in_its_own(tmp_path: Path) -> None:
    data = "id,image,text\n1,a.jpg,Größe\n".encode() + "2,b.jpg,Café €\n".encode("cp1252")
    dataset = opened(tmp_path, {"p.csv": data})
    assert titles(dataset) == {"1": "Größe", "2": "Café €"}
    assert problems(dataset) == {Problem.ENCODING: (1, "2")}


def test_a_character_that_was_cut_is_left_out_and_counted(tmp_path: Path) -> None:
    data = "id,image,text\n1,a.jpg,Größe\n2,b.jpg,Größ".encode()[:-1] + b"\n"
    dataset = opened(tmp_path, {"p.csv": data})
    assert titles(dataset) == {"1": "Größe", "2": "Grö"}
    assert problems(dataset) == {Problem.LOST: (1, "2")}


def test_what_an_export_lost_is_left_out_and_counted(tmp_path: Path) -> None:
    dataset = opened(tmp_path / "csv", {"p.csv": "id,image,text\n1,a.jpg,Gr\ufffd\ufffde 38\n"})
    assert titles(dataset) == {"1": "Gre 38"}
    assert problems(dataset) == {Problem.LOST: (1, "1")}
    half = '[{"id": 1, "image": "a.jpg", "text": "Half \\ud83d of it"}]'
    dataset = opened(tmp_path / "json", {"p.json": half})
    assert titles(dataset) == {"1": "Half of it"}
    assert problems(dataset) == {Problem.LOST: (1, "1")}


def test_a_row_whose_bytes_fit_nothing_is_skipped_and_named(tmp_path: Path) -> None:
    text = "id,image,text\n" + "".join(f"{n},a.jpg,Größe {n}\n" for n in range(1, 30))
    data = text.encode("cp1252") + b"30,b.jpg,Gr\x81\x8d\n"  # two bytes that Windows-1252 does not have
    dataset = opened(tmp_path, {"p.csv": data})
    assert len(dataset.items) == 29
    assert problems(dataset) == {Problem.UNREADABLE: (1, "line 31")}


def test_nul_bytes_are_no_part_of_a_title(tmp_path: Path) -> None:
    dataset = opened(tmp_path, {"p.csv": b"id,image,text\n1,a.jpg,Red\0 dress\n2,b.jpg,Green\n"})
    assert titles(dataset) == {"1": "Red dress", "2": "Green"}


@settings(max_examples=60)
@given(data=st.binary(max_size=200))
def test_any_bytes_become_text_without_replacements(data: bytes) -> None:
    text = decode(data).text
    assert "\r" not in text
    text.replace(UNREADABLE, "").encode()  # no other half character is left
