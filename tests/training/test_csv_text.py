"""Tables with separators as spreadsheets and shops write them: no row is split, shifted or dropped without a count."""

from __future__ import annotations

import csv
import gzip
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.dirty import picture
from tests.training.shops import opened, problems, titles
from training.data import Problem, open_dataset

TWO = {"1": "Red, fine dress", "2": "Green; dress"}
READ_ALIKE = {
    "tabs": "id\timage\ttext\tcolour\n1\ta.jpg\tRed, fine dress\tred\n2\tb.jpg\tGreen; dress\tgreen\n",
    "semicolons": '\ufeffid;image;text;colour\n1;a.jpg;Red, fine dress;red\n2;b.jpg;"Green; dress";green\n',
    "pipes": "id|image|text|colour\n1|a.jpg|Red, fine dress|red\n2|b.jpg|Green; dress|green\n",
    "commas": 'id,image,text,colour\n1,a.jpg,"Red, fine dress",red\n2,b.jpg,Green; dress,green\n',
    "sep=": 'sep=;\r\nid;image;text;colour\r\n1;a.jpg;Red, fine dress;red\r\n2;b.jpg;"Green; dress";green\r\n',
    "all quoted": '"id";"image";"text";"colour"\n"1";"a.jpg";"Red, fine dress";"red"\n2;"b.jpg";"Green; dress";green\n',
    "spaces": 'id, image, text, colour\n1, a.jpg, "Red, fine dress", red\n2, b.jpg, Green; dress, green\n',
    "carriage returns": 'id,image,text,colour\r1,a.jpg,"Red, fine dress",red\r2,b.jpg,Green; dress,green\r',
    "title above": 'Export, 2026\n\nid,image,text,colour\n1,a.jpg,"Red, fine dress",red\n2,b.jpg,Green; dress,green\n',
    "title, padded": 'Export;;;\nid;image;text;colour\n1;a.jpg;Red, fine dress;red\n2;b.jpg;"Green; dress";green\n',
    "trailing": 'id,image,text,colour,,\n1,a.jpg,"Red, fine dress",red,,\n2,b.jpg,Green; dress,green,,\n',
    "pandas": ',id,image,text,colour\n0,1,a.jpg,"Red, fine dress",red\n1,2,b.jpg,Green; dress,green\n',
    "unquoted": "id,image,text,colour\n1,a.jpg,Red, fine dress,red\n2,b.jpg,Green; dress,green\n",
}


@pytest.mark.parametrize("habit", READ_ALIKE)
def test_tables_are_read_whatever_separates_them(tmp_path: Path, habit: str) -> None:
    for name in ("p.csv", "p.tsv", "p.txt", "p.csv.gz"):
        data = READ_ALIKE[habit].encode()
        dataset = opened(tmp_path / name[2:], {name: gzip.compress(data) if name.endswith("gz") else data})
        assert titles(dataset) == TWO
        assert [dict(item.attributes) for item in dataset.items] == [{"colour": "red"}, {"colour": "green"}]
        assert set(problems(dataset)) == ({Problem.COMMAS} if habit == "unquoted" else set())


def test_a_decimal_comma_is_no_separator(tmp_path: Path) -> None:
    dataset = opened(tmp_path, {"p.csv": "id;image;text;Preis, EUR\n1;a.jpg;Rot, schön;10,99\n2;b.jpg;Blau;9,95\n"})
    assert titles(dataset) == {"1": "Rot, schön", "2": "Blau"}
    assert "Preis, EUR" in dataset.report.columns


def test_a_header_is_read_as_the_rows_are(tmp_path: Path) -> None:
    header = 'id,image,text,"Price, EUR","Line\nbreak","Inch ("")",colour\n'
    dataset = opened(tmp_path, {"p.csv": header + "1,a.jpg,Red,10,x,y,red\n2,b.jpg,Green,20,x,y,green\n"})
    assert titles(dataset) == {"1": "Red", "2": "Green"}
    assert [*dataset.report.columns] == ["id", "image", "text", "Price, EUR", "Line break", 'Inch (")', "colour"]


@pytest.mark.parametrize("length", [131_071, 140_070, 1_000_000])
def test_a_cell_may_be_as_long_as_it_is(tmp_path: Path, length: int) -> None:
    body = "<p>Soft, warm.</p>\n" * (length // 19)
    rows = f'1,a.jpg,Red dress,"{body}",red\n2,b.jpg,Green dress,short,green\n'
    dataset = opened(tmp_path, {"p.csv": f"id,image,text,body,colour\n{rows}"})
    assert titles(dataset) == {"1": "Red dress", "2": "Green dress"}
    assert [item.attributes["colour"] for item in dataset.items] == ["red", "green"]


@pytest.mark.parametrize("id_", ["1", "AA-x"])
def test_lines_of_a_cell_are_no_rows(tmp_path: Path, id_: str) -> None:
    """A line of a description with as many commas as the table was taken for a row, and the description was cut."""
    body = '"<ul>\nSoft, warm, washable, cosy, light\n<li>1, 2, 3, 4, 5</li>\n</ul>"'
    rows = f"{id_},Shirts,{body},Red\nBB,Hats,short,Green\n"
    files: dict[str, str | bytes] = {"styles.csv": f"id,articleType,body,productDisplayName\n{rows}"}
    dataset = opened(tmp_path, files, pictures=(f"images/{id_}.jpg", "images/BB.jpg"))
    assert titles(dataset) == {id_: "Red", "BB": "Green"}
    assert not problems(dataset)


def test_quotes_escaped_by_backslashes_are_quotes(tmp_path: Path) -> None:
    dataset = opened(tmp_path, {"p.csv": 'id,image,text,colour\n1,a.jpg,"Red \\"nice, new\\" dress",red\n'})
    assert titles(dataset) == {"1": 'Red "nice, new" dress'}


def test_a_stray_quote_leaves_the_quoted_cells_beside_it_whole(tmp_path: Path) -> None:
    rows = '1,a.jpg,"S, M, L","Inner 3.5" quotes",red\n2,b.jpg,M,Green,green\n'
    dataset = opened(tmp_path, {"p.csv": f"id,image,size,text,colour\n{rows}"})
    assert titles(dataset) == {"1": 'Inner 3.5" quotes', "2": "Green"}
    assert dataset.items[0].attributes["colour"] == "red"
    assert problems(dataset) == {Problem.QUOTES: (1, "1")}


def test_a_surplus_of_separators_goes_where_the_other_cells_keep_their_form(tmp_path: Path) -> None:
    rows = "1,a.jpg,Red,Soft, warm and light,10\n2,b.jpg,Green,soft,20\n3,b.jpg,Blue,soft,30\n"
    dataset = opened(tmp_path, {"p.csv": f"id,image,text,body,stock\n{rows}"})
    assert [item.attributes["stock"] for item in dataset.items] == ["10", "20", "30"]
    assert problems(dataset) == {Problem.COMMAS: (1, "1")}


def test_a_column_named_twice_is_kept_twice_and_told(tmp_path: Path) -> None:
    dataset = opened(tmp_path, {"p.csv": "id,image,text,colour,colour,Colour\n1,a.jpg,Red,dark,light,mid\n"})
    assert dataset.items[0].attributes == {"colour": "dark", "colour 2": "light", "Colour 3": "mid"}
    assert problems(dataset) == {Problem.TWICE: (2, "colour 2, Colour 3")}


def test_columns_without_a_name_are_told(tmp_path: Path) -> None:
    dataset = opened(tmp_path, {"p.csv": ",id,image,text\n0,1,a.jpg,Red\n"})
    assert dataset.report.to_json()["columns"]["(without a name)"] == "not used: it has no name"


def test_whole_numbers_that_became_floats_are_whole(tmp_path: Path) -> None:
    rows = "15970.0,a.jpg,Red,2012.0,10.5\n15971.0,b.jpg,Green,,20.0\n"
    dataset = opened(tmp_path / "a", {"p.csv": f"id,image,text,year,length\n{rows}"})
    assert [item.id for item in dataset.items] == ["15970", "15971"]
    assert dataset.items[0].attributes["year"] == "2012"
    assert [item.attributes["length"] for item in dataset.items] == ["10.5", "20.0"]
    assert problems(dataset) == {Problem.FLOAT_ID: (2, "15970, 15971")}
    kaggle: dict[str, str | bytes] = {
        "styles.csv": "id,articleType,year,productDisplayName\n1.0,Shirts,2012.0,A\n2.0,Shirts,2013.0,B\n"
    }
    dataset = opened(tmp_path / "b", kaggle, pictures=("images/1.jpg", "images/2.0.jpg"))
    assert titles(dataset) == {"1": "A", "2": "B"}


def test_ids_that_only_look_like_floats_stay(tmp_path: Path) -> None:
    dataset = opened(tmp_path, {"p.csv": "id,image,text\n1.0,a.jpg,Red\n1.1,b.jpg,Green\n"})
    assert [item.id for item in dataset.items] == ["1.0", "1.1"]


def test_zeros_in_front_of_an_id_stay(tmp_path: Path) -> None:
    rows = '00123,a.jpg,A\n123,a.jpg,B\n"=""0042""",b.jpg,C\n\'0043,b.jpg,D\n'
    assert [*titles(opened(tmp_path, {"p.csv": f"id,image,text\n{rows}"}))] == ["00123", "123", "0042", "0043"]


def test_ids_that_a_spreadsheet_shortened_are_told(tmp_path: Path) -> None:
    dataset = opened(tmp_path, {"p.csv": 'id,image,text\n4.00638E+12,a.jpg,A\n"4,00639E+12",b.jpg,B\n'})
    assert problems(dataset) == {Problem.SCIENTIFIC: (2, "4.00638E+12, 4,00639E+12")}


CELLS = st.text(st.sampled_from("aé1 ,;|\t\"'\n\\.=€"), max_size=12)


@settings(max_examples=80)
@given(
    rows=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=5),
    separator=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_the_csv_module_writes_is_read_back(rows: list[tuple[str, str]], separator: str, encoding: str) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, lineterminator="\r\n")
    writer.writerow(["id", "image", "text", "note", "last"])
    writer.writerows([(n, "a.png", f"T{text}", f"N{note}", "z") for n, (text, note) in enumerate(rows)])
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a.png").write_bytes(picture())
        (Path(folder) / "t.csv").write_bytes(out.getvalue().encode(encoding))
        items = open_dataset(Path(folder) / "t.csv").items
    assert [(item.id, item.title, item.attributes["last"]) for item in items] == [
        (str(n), " ".join(f"T{text}".split()), "z") for n, (text, _) in enumerate(rows)
    ]
