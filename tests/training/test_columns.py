"""Which column is what: by the user's word, by names in many languages, by what the cells hold; and the right hints."""

from __future__ import annotations

from pathlib import Path

import pytest

from common import DataError
from tests.training.dirty import picture
from training.data import column_names as names
from training.data import open_dataset, parse_mapping
from training.data.columns import Roles, recognise


def found(header: str, rows: str = "", **options: object) -> Roles:
    """Return the roles of a header, columns by commas, with rows by semicolons."""
    columns = header.split(",")
    cells = [row.split(",") for row in rows.split(";")] if rows else []
    samples = {name: [row[at] for row in cells] for at, name in enumerate(columns)}
    return recognise(columns, samples=samples, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("header", "id_", "title", "images"),
    [
        ("id,image,text", "id", "text", "image"),
        ("ID,IMAGE,Text", "ID", "Text", "IMAGE"),
        ("Artikelnummer,Bezeichnung,Bild", "Artikelnummer", "Bezeichnung", "Bild"),
        ("Artikel-Nr.,Titel,Bild-URL", "Artikel-Nr.", "Titel", "Bild-URL"),
        ("Référence,Nom du produit,Image principale", "Référence", "Nom du produit", "Image principale"),
        ("Código,Nombre,Imagen", "Código", "Nombre", "Imagen"),
        ("Codice articolo,Titolo,Immagine", "Codice articolo", "Titolo", "Immagine"),
        ("Productcode,Naam,Afbeelding", "Productcode", "Naam", "Afbeelding"),
        ("Kod produktu,Nazwa,Zdjęcie", "Kod produktu", "Nazwa", "Zdjęcie"),
        ("Артикул,Название,Фото", "Артикул", "Название", "Фото"),
        ("商品コード,商品名,画像", "商品コード", "商品名", "画像"),
        ("SKU,Product Name,Image Src", "SKU", "Product Name", "Image Src"),
        ("product_id,displayName,imageUrl", "product_id", "displayName", "imageUrl"),
        ("g:id,g:title,g:image_link", "g:id", "g:title", "g:image_link"),
        (
            "Product ID [Non Editable],Title,Hosted Image URLs",
            "Product ID [Non Editable]",
            "Title",
            "Hosted Image URLs",
        ),
        ("handle,Title,photo", "handle", "Title", "photo"),
        ("number,image,text,kind", "number", "text", "image"),
        ("file_name,caption", None, "caption", "file_name"),
        ("@id,sku,name,image", "sku", "name", "image"),
    ],
)
def test_the_names_that_shops_use_are_known(header: str, id_: str | None, title: str, images: str) -> None:
    roles = found(header)
    assert (roles.id, roles.title, roles.images) == (id_, title, (images,))


@pytest.mark.parametrize(
    ("header", "images"),
    [
        ("id,name,Bild 2,Bild 1,Bild 10", ["Bild 1", "Bild 2", "Bild 10"]),
        ("id,name,image[1].url,image[0].url", ["image[0].url", "image[1].url"]),
        (
            "id,name,main_image_url,other_image_url1,other_image_url2",
            ["main_image_url", "other_image_url1", "other_image_url2"],
        ),
        ("id,name,image_link,additional_image_link", ["image_link", "additional_image_link"]),
        ("id,name,additional_images,base_image,small_image,thumbnail", ["base_image", "additional_images"]),
        ("id,name,Product Image File - 2,Product Image File - 1", ["Product Image File - 1", "Product Image File - 2"]),
        ("id,name,thumbnail", ["thumbnail"]),
        ("id,name,images", ["images"]),
    ],
)
def test_further_pictures_follow_the_first_in_order(header: str, images: list[str]) -> None:
    assert list(found(header).images) == images


def test_what_the_cells_hold_decides_where_names_leave_a_choice() -> None:
    there = {"a.jpg", "b.jpg"}.__contains__
    roles = found("id,name,image,photo", "1,A,x.jpg,a.jpg;2,B,y.jpg,b.jpg", exists=there)
    assert roles.images == ("photo",)
    assert roles.became["image"] == "not used: the picture is taken from 'photo'"
    # A path is a picture where it names one; an address of a page is none.
    assert found("id,name,path", "1,A,a.jpg;2,B,b.jpg", exists=there).images == ("path",)
    with pytest.raises(DataError, match="image is missing"):
        found("id,name,url", "1,A,https://shop.example/a;2,B,https://shop.example/b", exists=there)
    # An id tells products apart.
    assert found("sku,ean,name,image", "S,1,A,a.jpg;S,2,B,b.jpg").id == "ean"
    assert found("id,ean,name,image", "S,1,A,a.jpg;S,2,B,b.jpg").id == "id"
    # Paragraphs beside names are descriptions.
    long = "many words " * 30
    roles = found("id,image,title,text", f"1,a.jpg,Dress,{long};2,b.jpg,Hat,{long}")
    assert (roles.title, roles.description) == ("title", "text")
    assert found("id,image,title,text", "1,a.jpg,Dress,Red dress;2,b.jpg,Hat,Wool hat").title == "text"
    # Numbers of classes are no titles; a parent is one where it is a product.
    with pytest.raises(DataError, match="title is missing"):
        found("id,image,label", "1,a.jpg,0;2,b.jpg,1")
    assert found("id,name,image,parent", "1,A,a.jpg,;2,B,b.jpg,1").group == "parent"
    assert found("id,name,image,parent", "1,A,a.jpg,Ann;2,B,b.jpg,Bob").group is None


def test_the_users_word_is_above_all_names() -> None:
    roles = found("id,image,text,Kurz,Ansicht,Ansicht 2", mapping={"title": "kurz", "image": "Ansicht|Ansicht 2"})
    assert (roles.id, roles.title, roles.images) == ("id", "Kurz", ("Ansicht", "Ansicht 2"))
    assert roles.became["text"] == "attribute"
    with pytest.raises(DataError, match=r"no column 'Bezeichung'; did you mean Bezeichnung\?"):
        found("id,image,Bezeichnung", mapping={"title": "Bezeichung"})
    with pytest.raises(DataError, match=r"no role 'titel'; did you mean 'title'\?"):
        found("id,image,text", mapping={"titel": "text"})
    with pytest.raises(DataError, match="for two roles"):
        found("id,image,text", mapping={"title": "text", "description": "text"})


def test_a_mapping_is_read_as_it_is_typed() -> None:
    assert parse_mapping(["title=Bezeichnung,image=Bild", "id=Nr."]) == {
        "title": "Bezeichnung",
        "image": "Bild",
        "id": "Nr.",
    }
    assert parse_mapping(["title=Name, kurz,image=A=B"]) == {"title": "Name, kurz", "image": "A=B"}
    assert parse_mapping(["image=A", "image=B"]) == {"image": "A|B"}
    for text, message in (
        ("title", "names no column"),
        ("title=", "names no column"),
        ("titel=A", "did you mean 'title'"),
    ):
        with pytest.raises(DataError, match=message):
            parse_mapping([text])
    with pytest.raises(DataError, match="names title twice"):
        parse_mapping(["title=A,title=B"])


@pytest.mark.parametrize(
    ("header", "missing", "hint"),
    [
        ("number,shape,colour", "title and image are missing", "--map title=COLUMN,image=COLUMN"),
        ("id,image,kind", "title is missing", "--map title=COLUMN"),
        ("id,imgae,text", "image is missing", "--map image=imgae"),
        ("id,image,Bezeichnng", "title is missing", "--map title=Bezeichnng"),
    ],
)
def test_what_is_missing_is_asked_for_with_the_nearest_column(header: str, missing: str, hint: str) -> None:
    with pytest.raises(DataError) as caught:
        found(header)
    assert missing in str(caught.value)
    assert hint in str(caught.value)
    assert "kind=" not in str(caught.value)


def test_a_data_set_opens_with_a_mapping_and_says_what_became_of_every_column(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture())
    (tmp_path / "t.csv").write_text("Zeile;Was;Ansicht;Farbe\n7;Kleid;a.png;rot\n", encoding="utf-8")
    dataset = open_dataset(tmp_path / "t.csv", {"id": "Zeile", "title": "Was", "image": "Ansicht"})
    assert [(item.id, item.title, item.attributes) for item in dataset.items] == [("7", "Kleid", {"Farbe": "rot"})]
    assert dataset.report.columns == {"Zeile": "id", "Was": "title", "Ansicht": "picture", "Farbe": "attribute"}
    assert dataset.mapping == {"id": "Zeile", "title": "Was", "image": "Ansicht"}


def test_the_known_names_are_written_as_they_are_compared() -> None:
    for known in (names.ID, names.TITLE, names.DESCRIPTION, names.IMAGE, names.GROUP):
        assert len(known) == len(set(known))
    assert set(names.IMAGE) > names.COPIES
    assert not set(names.ID) & set(names.TITLE)
    assert not set(names.TITLE) & set(names.IMAGE)
    assert not set(names.DESCRIPTION) & set(names.TITLE)
