"""The names that shops give to the columns that matter, in the languages of their systems. Earlier names come first.

Data, and the two rules: which names are the same, and which is the likeliest.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache


@lru_cache(maxsize=10_000)  # readers ask for the same few columns at every row
def key(name: str) -> str:
    """Return a column's name without case, accents, marks, what is in brackets, and the namespace of a feed."""
    name = re.sub(r"^(?:g|c|og|product|schema)\s*:\s*", "", name.strip(), flags=re.IGNORECASE)
    bare = re.sub(r"\([^)]*\)|\[[^\]]*\]", "", name) or name
    folded = unicodedata.normalize("NFKD", bare.casefold())
    return "".join(c for c in folded if c.isalnum())


def words(name: str) -> list[str]:
    """Return the words of a column's name, folded as in `key`; camelCase is several words."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return [folded for word in re.split(r"[\W_]+", spaced) if (folded := key(word))]


def ranked(columns: Iterable[str], keys: Mapping[str, str], known: Sequence[str]) -> list[str]:
    """Return those of `columns` whose key is one of the `known` names, the likeliest first."""
    rank = {name: place for place, name in reversed(list(enumerate(known)))}
    return sorted((name for name in columns if keys[name] in rank), key=lambda name: rank[keys[name]])


def _words(text: str) -> tuple[str, ...]:
    return tuple(map(key, text.split()))


ID = _words("""
    id productid itemid articleid idproduct idproduit idproducto idprodotto idarticolo idproduktu produktid artikelid
    merchantproductid awproductid offerid skuid entityid postid uniqueid variantid
    sku itemsku sellersku productsku variantsku skucode
    artikelnummer artikelnr artnr artikelnumber bestellnummer bestellnr produktnummer produktnr ordernumber
    productnumber     productno itemnumber itemno articlenumber articleno articlenr varenummer
    productcode itemcode articlecode codice codicearticolo codiceprodotto codicesku codearticle codeproduit codigo
    codigoarticulo codigoproducto codigodoproduto kodproduktu kodtowaru productref productreference
    reference referenz ref referencia riferimento referenceproduit refproduit refarticle referenciaproducto
    customlabel customlabelsku partnumber mpn asin stylenumber uid uuid guid handleid code kod indeks key
    артикул код идентификатор 商品番号 商品コード 商品id 商品编号 编号 品番
    handle urlhandle urlkey slug number nummer numero num nr no ean ean13 gtin gtin13 barcode upc isbn
""")
TITLE = _words("""
    text productdisplayname title producttitle itemtitle name productname itemname articlename displayname displaytitle
    titel produkttitel artikeltitel bezeichnung artikelbezeichnung produktbezeichnung artikelname produktname
    warenbezeichnung kurzbezeichnung titre intitule nom nomproduit nomduproduit nomdelarticle libelle libelleproduit
    designation nombre nombreproducto nombredelproducto nombrearticulo titulo denominacion nome nomeprodotto
    nomedoproduto titolo titoloprodotto denominazione naam productnaam artikelnaam nazwa nazwaproduktu nazwatowaru
    tytul     navn produktnavn namn produktnamn nazev название наименование товар заголовок 商品名 商品名称 タイトル
    名称 标题 产品名称
    caption captions imagecaption alttext alt prompt sentence headline label classname
""")
CLASSES = frozenset({"label", "classname"})
"""Titles only where their cells are words."""
DESCRIPTION = _words("""
    description productdescription longdescription itemdescription fulldescription bodyhtml body descriptionhtml
    descriptionlong beschreibung langbeschreibung artikelbeschreibung produktbeschreibung beschreibunglang langtext
    beschreibungstext descriptionlongue descriptionproduit descripcion descripcionlarga descripciondelproducto
    descrizione descrizionelunga descrizioneprodotto descricao omschrijving productomschrijving opis opisproduktu
    beskrivning beskrivelse popis описание 商品説明 描述 商品描述 content details
    shortdescription kurzbeschreibung
    descriptioncourte descripcioncorta descrizionebreve beschreibungkurz summary resume
    excerpt
""")
_COPIES = _words("""
    thumbnail thumbnailimage thumbnailurl smallimage thumb imagethumb imagethumbnail vorschaubild miniature miniatura
    swatchimage swatchimageurl
""")
COPIES = frozenset(_COPIES)
"""Smaller copies of the picture: used only where there is nothing else."""
_PICTURES = _words("""
    image mainimage primaryimage baseimage imagelink imageurl imagesrc imagepath imagefile imagefilename imagename
    mainimageurl mainimagelink primaryimageurl featuredimage featuredimageurl productimage productimageurl
    productimagefile productimagesrc merchantimageurl largeimage largeimageurl coverimage coverimageurl covermediaurl
    covermedia cover itemimage imgurl imgsrc img imglink picture pictureurl picturepath picurl pic photo photourl
    photopath productphoto filename filenames filepath
    bild hauptbild produktbild artikelbild titelbild bilddatei bildpfad bildname bildurl bildlink hauptbildurl
    produktbildurl artikelbildurl foto fotourl hauptfoto produktfoto
    imageprincipale imageproduit lienimage lienimageprincipale urlimage urldelimage imageduproduit visuel photoproduit
    imagen imagenprincipal urlimagen urldelaimagen enlaceimagen imagendelproducto immagine immagineprincipale
    urlimmagine linkimmagine immagineprodotto imagem afbeelding afbeeldingurl hoofdafbeelding zdjecie zdjecieglowne
    obrazek obraz bildlank kuva obrazekurl изображение фото картинка ссылканаизображение 画像 画像url 商品画像 图片 图像
    images imageurls imagelinks imagesrcs imagepaths imagefiles productimages productimageurls hostedimageurls photos
    pictures pics picurls bilder bildurls produktbilder artikelbilder fotos imagenes immagini afbeeldingen zdjecia
    obrazki imagens visuels urlsdesimages urlimages media mediaurl mediaurls gallery
""")
IMAGE = (*_PICTURES, *_COPIES)
MAYBE_IMAGE = _words("path file datei fichier archivo fichero bestand plik url src link href uri pfad dateiname asset")
"""Names that stand for a picture only where their cells name pictures."""
FURTHER = frozenset(
    _words("""
    additionalimagelink additionalimagelinks additionalimages additionalimageurls additionalimage additionalimageurl
    additionalimagesrc moreimages otherimages otherimage otherimageurl otherimageurls galleryimages imagegallery
    productgallery mediagallery weiterebilder zusatzbilder zusatzbild weiterebildurls bildergalerie galerie
    imagessupplementaires imagesadditionnelles autresimages alternateimage alternateimages alternativeimages altimages
    variantimage variantimageurl imagenesadicionales otrasimagenes immaginiaggiuntive altreimmagini extraimages
    secondaryimage secondaryimages hoverimage backimage backimageurl detailimage
    images imageurls imagelinks productimages productimageurls hostedimageurls photos pictures bilder bildurls
    produktbilder artikelbilder fotos imagenes immagini afbeeldingen zdjecia gallery additionalimageurlslist
""")
)
GROUP = _words("""
    itemgroupid itemgroup productgroupid variantgroupid variantgroup groupid isvariantof inproductgroupwithid
    parentsku parentid parentproductid parentproduct parentasin parentitemid parentitem parentcode parentproductnumber
    mainnumber mainproductnumber mastersku masterid configurablesku hauptartikelnummer hauptartikel
    vaterartikelnummer vaterartikel elternartikel elternartikelnummer variantengruppe stylecode styleid modelid
    codeparent skuparent idparent produitparent skupadre idpadre skupadrearticulo codicepadre skupadrone
    ubergeordnetesprodukt uebergeordnetesprodukt
""")
PARENT = _words("parent parentproductcode superior genitore vater eltern elternteil padre ouder")
"""Names of the group only where their cells name ids of the table."""

PRICE_WORDS = frozenset(
    _words("""
    price prices preis prix precio prezzo prijs cena pris preco rrp msrp uvp listprice saleprice verkaufspreis
    angebotspreis aktionspreis streichpreis listenpreis tarif cost kosten 価格 价格 цена стоимость
""")
)
"""Words of the names of prices."""
NO_PRICE = frozenset(
    _words("""
    range group category class band tier level list gruppe klasse kategorie type typ unit currency label text note
    date from to until valid effective
""")
)
"""Words that make a name with a price in it the name of something else."""
AVAILABILITY = frozenset(
    _words("""
    availability availabilitystatus stockstatus inventorystatus verfugbarkeit verfuegbarkeit lieferbarkeit
    bestandsstatus disponibilite disponibilidad disponibilita disponibilidade beschikbaarheid dostepnosc
    stockavailability наличие 在庫状況
""")
)
YES_NO = frozenset(
    _words("""
    available disponible disponibile verfugbar verfuegbar lieferbar
    instock isinstock auflager vorratig vorraetig lagernd enstock existencias inmagazzino opvoorraad published
    veroffentlicht veroeffentlicht publie publicado pubblicato isfeatured featured hervorgehoben active aktiv actif
    activo attivo actief isactive enabled onsale isbundle isadult adult identifierexists taxable varianttaxable giftcard
    requiresshipping variantrequiresshipping visible onlineonly new isnew purchasable productonline backordersallowed
    soldindividually allowcustomerreviews
""")
)
"""Names of columns that say yes or no, whatever words they say it in."""
LISTS = frozenset(
    _words("""
    tags tag keywords schlagworter schlagwoerter schlagworte stichworter etiquettes motscles etiquetas palabrasclave
    parolechiave trefwoorden producttags productlabels categories kategorien categorias categorie productcategories
    collections kollektionen materials styles occasions features highlights producthighlight
""")
)
"""Names of columns whose cells are lists with commas, semicolons or bars between."""
CURRENCY = frozenset(
    _words("currency currencycode pricecurrency wahrung waehrung devise moneda valuta munteenheid waluta")
)
NESTED = {
    "offers": "price, currency and availability",
    "hasvariant": "variants, each a product",
    "isvariantof": "variant group",
    "aggregaterating": "the attributes rating and reviews",
    "additionalproperty": "attributes by their names",
    "productdetail": "attributes by their names",
    "variantdict": "attributes by their names",
    "shipping": "not used: delivery",
    "shippingdetails": "not used: delivery",
}
"""What the report says of columns that hold objects."""
