"""CSV tables: every kind of problem, and quoting as the csv module reads it."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.dirty import counts, picture, table
from training.data import MAX_IMAGE_BYTES, Problem, inspect, open_dataset


def test_a_dirty_csv_is_repaired_or_skipped_and_counted(tmp_path: Path) -> None:
    (tmp_path / "outside.jpg").write_bytes(picture())
    shop = tmp_path / "shop"
    (shop / "images" / "deep").mkdir(parents=True)
    for name in ("a.jpg", "b.jpg", "deep/c.jpg", "two  spaces.jpg", "orphan.jpg", "cut.jpg"):
        (shop / "images" / name).write_bytes(picture(len(name)))
    (shop / "images" / "cut.jpg").write_bytes(picture()[:-150])
    (shop / "images" / "notes.txt").write_text("no picture, so not one without a row")
    (shop / "images" / "link.jpg").symlink_to(tmp_path / "outside.jpg")
    (shop / "images" / "inner.jpg").symlink_to(shop / "images" / "a.jpg")
    (shop / "up").symlink_to(tmp_path)
    (shop / "images" / "circle.jpg").symlink_to(shop / "images" / "circle.jpg")
    with (shop / "images" / "bomb.jpg").open("wb") as file:
        file.truncate(MAX_IMAGE_BYTES + 1)
    (shop / "products.csv").write_bytes(
        table(
            [
                "ID,Image,text,colour,size,category",
                'a,images/a.jpg,Red shirt,red,"M, L",Shirts',
                "b,images\\b.jpg,Shirt, red and blue,red,M,Shirts",
                "c,./images/deep/../deep/c.jpg,Short of áttributes",
                "d,images/two  spaces.jpg,N/A,blue,,Hats",
                "e,https://example.com/e.jpg,A URL,red,M,Shirts",
                f"f,{tmp_path}/outside.jpg,Absolute,red,M,Shirts",
                "g,../outside.jpg,Up,red,M,Shirts",
                "h,images/../../outside.jpg,Up later,red,M,Shirts",
                "i,images/link.jpg,A link out,red,M,Shirts",
                "j,up/outside.jpg,A linked folder,red,M,Shirts",
                "k,C:\\outside.jpg,A drive,red,M,Shirts",
                "l,\\\\server\\share\\x.jpg,A share,red,M,Shirts",
                "m,images/none.jpg,No such image,red,M,Shirts",
                "n,,No image at all,red,M,Shirts",
                "o,images,A folder,red,M,Shirts",
                "p,images/circle.jpg,A circle,red,M,Shirts",
                "q,images/bomb.jpg,A bomb,red,M,Shirts",
                "r,images/deep/../inner.jpg,A link inside,red,M,Shirts",
                "s,images/a.jpg",
                "t,images/a.jpg,,red,M,",
                "a,images/a.jpg,Twice,red,M,Shirts",
                b"u,images/a.jpg,Na\xefve,red,M,Shirts",
                'v,images/a.jpg,"Not closed,red,M,Shirts',
                "w,images/cut.jpg,Cut,red,M,Shirts",
                'x,images/a.jpg,"A comma, and ""quotes""",red,M,Shirts',
                "y,images/a.jpg\0,A NUL,red,M,Shirts",
                "z,images/a\0/a.jpg,Another,red,M,Shirts",
            ]
        )
    )
    for path in (shop / "products.csv", shop):
        dataset = open_dataset(path)
        assert {item.id: item.title for item in dataset.items} == {
            "a": "Red shirt",
            "b": "Shirt, red and blue",
            "c": "Short of áttributes",
            "d": "blue Hats",
            "r": "A link inside",
            "u": "Naïve",
            "v": '"Not closed',
            "w": "Cut",
            "x": 'A comma, and "quotes"',
        }
        assert counts(dataset.report) == {
            Problem.NO_IMAGE: (6, "m, n, o, p, y"),
            Problem.NO_ROW: (1, "images/orphan.jpg"),
            Problem.URL: (1, "e"),
            Problem.OUTSIDE: (7, "f, g, h, i, j"),
            Problem.OVERSIZED: (1, "q"),
            Problem.SHORT: (1, "line 20"),
            Problem.DUPLICATE: (1, "a"),
            Problem.NO_TITLE: (1, "t"),
            Problem.TITLE_MADE: (1, "d"),
            Problem.COMMAS: (1, "b"),
            Problem.PADDED: (1, "c"),
            Problem.QUOTES: (1, "v"),
            Problem.ENCODING: (1, "u"),
        }
        by_id = {item.id: item for item in dataset.items}
        assert by_id["a"].attributes == {"colour": "red", "size": "M, L", "category": "Shirts"}
        assert by_id["d"].attributes == {"colour": "blue", "category": "Hats"}
        assert by_id["r"].read() == by_id["a"].read()
        assert counts(inspect(dataset))[Problem.UNDECODABLE] == (1, "w")


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=20)


@settings(max_examples=60)
@given(rows=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=6), quoting=st.sampled_from([0, 1]))
def test_a_well_formed_csv_reads_as_the_csv_module_reads_it(rows: list[tuple[str, str]], quoting: int) -> None:
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL if quoting else csv.QUOTE_MINIMAL, lineterminator="\n")
    writer.writerow(["id", "image", "text", "note"])
    writer.writerows([(n, "a.png", f"T{text}", f"N{note}") for n, (text, note) in enumerate(rows)])
    expected = [
        (id_, " ".join(text.split()), " ".join(note.split()))
        for id_, _, text, note in list(csv.reader(io.StringIO(out.getvalue(), newline="")))[1:]
    ]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a.png").write_bytes(picture())
        (Path(folder) / "t.csv").write_text(out.getvalue(), encoding="utf-8", newline="")
        items = open_dataset(Path(folder) / "t.csv").items
        assert [(i.id, i.title, i.attributes.get("note", "")) for i in items if i.title != "NA"] == [
            (id_, title, "" if note.casefold() in ("na", "nan", "null", "none", "n/a") else note)
            for id_, title, note in expected
            if title != "NA"
        ]


@settings(max_examples=100)
@given(body=st.one_of(st.binary(max_size=300), st.text('",\n\\ aé1\r.jpg', max_size=300).map(str.encode)))
def test_no_bytes_stop_a_run(body: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a.png").write_bytes(picture())
        (Path(folder) / "t.csv").write_bytes(b"id,image,text\n1,a.png,First\n" + body)
        dataset = open_dataset(Path(folder) / "t.csv")
        assert dataset.items[0].title == "First"
        assert inspect(dataset).usable >= 1


def test_tables_from_spreadsheets_open_too(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture())
    text = 'id,image,text\r\n1,a.png,"Größe ""M"""\r\n'
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        (tmp_path / "t.csv").write_text(text, encoding=encoding, newline="")
        dataset = open_dataset(tmp_path / "t.csv")
        assert [item.title for item in dataset.items] == ['Größe "M"']
        assert not dataset.report.counts
