"""The layouts of data sets (zip, folder, table, parquet): from rows and files to items, mending or skipping the dirt.

Refuses to know what is in a picture: decodes none. Fetches no URL and never leaves the folder of the data set.
"""

from __future__ import annotations

import codecs
import csv
import difflib
import hashlib
import json
import os
import posixpath
import re
import threading
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, takewhile
from pathlib import Path, PureWindowsPath
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from common import DataError
from training.data.dataset import MAX_IMAGE_BYTES, Dataset, Item, Problem, Report, shown

MAX_TABLE_BYTES = 2**30
"""Bound on styles.csv or another table, which is held in memory as a whole."""

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"})

_ACCEPTED = (
    "accepted are: a folder or .zip with styles.csv and images/<id>.jpg (Kaggle); a .parquet file or a folder of them "
    "with columns id, productDisplayName or text, image (Hugging Face); a .csv with columns id, image, text"
)
_NOTHING = frozenset({"", "na", "n/a", "<na>", "nan", "null", "none"})


# -------------------------------------------------------------------------------------------- which layout is it


def read_dataset(path: Path) -> Dataset:
    """Read the data set at `path` in the layout that its content or name tells; reads the rows, not the pictures.

    Raises:
        DataError: nothing there, no layout that fits, or no usable row. Says what was found and the nearest fix.
        OSError: the file system refuses.
    """
    if path.is_dir():
        return _open_folder(path)
    if not path.exists():
        near = difflib.get_close_matches(path.name, _names(path.parent), n=1)
        hint = f"did you mean {path.parent / near[0]}?" if near else _ACCEPTED
        raise DataError(f"there is no file or folder {path}; {hint}")
    with path.open("rb") as file:
        magic = file.read(4)
    if magic.startswith(b"PK"):
        return _open_zip(path)
    if magic == b"PAR1":
        return _open_parquet(path, [path])
    if path.suffix.lower() == ".csv":
        return _open_csv(path)
    raise DataError(f"{path} begins with {magic!r}: neither zip nor parquet, and not named .csv; {_ACCEPTED}")


def _open_folder(path: Path) -> Dataset:
    """Look in the folder and in its direct subfolders, for archives are often unpacked into one more folder."""
    inside = sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))
    folders = [path, *(folder for folder in inside if os.access(folder, os.R_OK))]
    for folder in folders:
        styles = [folder / name for name in _names(folder) if name.lower() == "styles.csv"]
        if styles:
            return _open_kaggle_folder(path, styles[0])
    shards = [folder / name for folder in folders for name in _names(folder) if name.endswith(".parquet")]
    if shards:
        return _open_parquet(path, shards)
    names = _names(path)
    tables = [path / name for name in names if name.lower().endswith(".csv")]
    if len(tables) == 1:
        return _open_csv(tables[0])
    inner = [path / name for name in names if name.lower().endswith((".csv", ".zip"))]
    found = f"{len(names)} entries ({', '.join(names[:5])}{', …' if len(names) > 5 else ''})" if names else "nothing"
    hint = f"pass {' or '.join(map(str, inner[:3]))}" if inner else _ACCEPTED
    raise DataError(f"{path} holds {found}, but no styles.csv, .parquet file or single .csv; {hint}")


def _names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if not p.name.startswith(".")) if folder.is_dir() else []


def _open_zip(path: Path) -> Dataset:
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        size = path.stat().st_size
        raise DataError(
            f"{path} is a damaged or cut zip archive of {size:,} bytes ({error}); download it again"
        ) from error
    members: dict[str, dict[str, zipfile.ZipInfo]] = {}  # folder → name → member
    for info in archive.infolist():
        folder, name = posixpath.split(info.filename.replace("\\", "/"))
        if name and not name.startswith(".") and "__MACOSX" not in folder:
            members.setdefault(folder, {})[name] = info
    tables = [(f, name) for f, names in members.items() for name in names if name.lower() == "styles.csv"]
    if not tables:
        names = [posixpath.join(folder, name) for folder in members for name in members[folder]]
        raise DataError(
            f"{path} holds {len(names):,} files ({', '.join(names[:5])}{', …' if len(names) > 5 else ''}), "
            f"but no styles.csv; unpack it and pass the folder if it is another layout: {_ACCEPTED}"
        )
    base, name = min(tables, key=lambda at: (at[0].count("/") + bool(at[0]), at))
    table = members[base][name]
    if table.file_size > MAX_TABLE_BYTES:
        raise DataError(
            f"{table.filename} in {path} unpacks to {table.file_size:,} bytes; "
            f"at most {MAX_TABLE_BYTES:,} are read: split the table"
        )
    beside = posixpath.join(base, "images")
    folders = [folder for folder in members if posixpath.basename(folder) == "images"]
    chosen = min(folders, key=lambda folder: (folder != beside, folder.count("/"), folder), default=beside)
    read = _ZipReader(path, archive)
    pictures: dict[str, _Picture | Problem] = {
        name: _Picture(partial(read, info), f"{info.file_size}:{info.CRC:08x}")
        if info.file_size <= MAX_IMAGE_BYTES
        else Problem.OVERSIZED
        for name, info in members.get(chosen, {}).items()
    }
    return _kaggle(path, "kaggle-zip", read(table), f"{table.filename} in {path}", pictures)


class _ZipReader:
    """Reads members of one archive from any thread; their names are keys and never become paths."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self._path = path
        self._archive = archive
        # ZipFile counts its open members without a lock of its own.
        self._lock = threading.Lock()

    def __call__(self, info: zipfile.ZipInfo) -> bytes:
        try:
            with self._lock:
                return self._archive.read(info)
        except Exception as error:  # BadZipFile, zlib.error, LZMAError, RuntimeError (encrypted), EOFError, ...
            raise DataError(
                f"{info.filename} in {self._path} cannot be unpacked ({error}); download the archive again"
            ) from error


def _open_kaggle_folder(path: Path, table: Path) -> Dataset:
    images = Path(os.path.realpath(table.parent / "images"))
    return _kaggle(path, "kaggle-folder", _read_table(table), str(table), _pictures_in(images, images))


def _kaggle(path: Path, layout: str, data: bytes, source: str, pictures: Mapping[str, _Picture | Problem]) -> Dataset:
    """Join styles.csv with the pictures named <id>.jpg; another picture suffix will do."""
    report = Report()
    images = [name for name in sorted(pictures) if _is_picture(name)]
    by_id: dict[str, str] = {}
    for name in sorted(images, key=lambda name: not name.lower().endswith(".jpg")):
        by_id.setdefault(posixpath.splitext(name)[0], name)
    claimed: set[str] = set()

    def find(row: _Row) -> _Picture | Problem:
        name = by_id.get(row.id, "")
        claimed.add(name)
        return pictures.get(name, Problem.NO_IMAGE)

    rows = _table_rows(data, source, report, title="productDisplayName")
    items, fingerprint = _collect(((row, find(row)) for row in rows), report)
    orphans = [name for name in images if name not in claimed]
    return _finished(path, layout, items, report, fingerprint, len(images), orphans)


def _open_csv(path: Path) -> Dataset:
    """Read a table of id, image, text and attributes; an image is a path relative to the table."""
    data = _read_table(path)
    names = {name.casefold() for name in _header(_text(data).split("\n"))[1]}
    if "productdisplayname" in names and "image" not in names:
        return _open_kaggle_folder(path.parent, path)
    report = Report()
    root = Path(os.path.realpath(path.parent))
    listed: dict[str, Mapping[str, _Picture | Problem] | None] = {}
    claimed: set[tuple[str, str]] = set()

    def find(row: _Row) -> _Picture | Problem:
        if not row.image:
            return Problem.NO_IMAGE
        if "://" in row.image or row.image.startswith("data:"):
            return Problem.URL
        given = PureWindowsPath(row.image)  # takes either slash
        relative = posixpath.normpath(given.as_posix())
        if given.drive or given.root or relative.split("/")[0] == "..":
            return Problem.OUTSIDE
        folder, name = posixpath.split(relative)
        if folder not in listed:
            real = Path(os.path.realpath(root / folder.replace("\0", "")))
            listed[folder] = _pictures_in(real, root) if real.is_relative_to(root) else None
        claimed.add((folder, name))
        pictures = listed[folder]
        return Problem.OUTSIDE if pictures is None else pictures.get(name, Problem.NO_IMAGE)

    rows = _table_rows(data, str(path), report, title="text", image="image")
    items, fingerprint = _collect(((row, find(row)) for row in rows), report)
    images = [(f, name) for f, pictures in listed.items() for name in sorted(pictures or ()) if _is_picture(name)]
    orphans = [posixpath.join(folder, name) for folder, name in images if (folder, name) not in claimed]
    return _finished(path, "csv", items, report, fingerprint, len(images), orphans)


# --------------------------------------------------------------------------------------- from rows to a data set


class _Row(NamedTuple):
    """One row as its layout has it, cleaned but not judged; `image` is the cell of a table that has one."""

    where: str
    id: str
    title: str
    image: str
    attributes: dict[str, str]


class _Picture(NamedTuple):
    """Where to get a picture, and a stamp that changes with its content."""

    read: Callable[[], bytes]
    stamp: str


def _collect(pairs: Iterable[tuple[_Row, _Picture | Problem]], report: Report) -> tuple[list[Item], str]:
    """Keep the rows that have a new id, a picture and a title; return them with their fingerprint."""
    items: list[Item] = []
    seen: set[str] = set()
    digest = hashlib.blake2b(digest_size=16)
    for row, picture in pairs:
        report.rows += 1
        title = row.title or _title_from(row.attributes)
        if not row.id:
            report.count(Problem.NO_ID, row.where)
        elif row.id in seen:
            report.count(Problem.DUPLICATE, row.id)
        elif isinstance(picture, Problem):
            report.count(picture, row.id)
        elif not title:
            report.count(Problem.NO_TITLE, row.id)
        else:
            if not row.title:
                report.count(Problem.TITLE_MADE, row.id)
            seen.add(row.id)
            items.append(Item(row.id, title, row.attributes, picture.read))
            identity = [row.id, title, sorted(row.attributes.items()), picture.stamp]
            digest.update(json.dumps(identity).encode())
    return items, digest.hexdigest()


def _title_from(attributes: Mapping[str, str]) -> str:
    """Make a title such as "Men Navy Blue Shirts", or none where the attributes do not say what the thing is."""
    known = {name.casefold(): value for name, value in attributes.items()}
    nouns = ("articletype", "subcategory", "category", "mastercategory")
    noun = next((known[name] for name in nouns if name in known), "")
    colour = next((known[name] for name in ("basecolour", "colour", "color") if name in known), "")
    return " ".join(filter(None, (known.get("gender"), colour, noun))) if noun else ""


def _finished(
    path: Path,
    layout: str,
    items: list[Item],
    report: Report,
    fingerprint: str,
    images: int,
    orphans: Sequence[str] = (),
) -> Dataset:
    for name in orphans:
        report.count(Problem.NO_ROW, name)
    report.images = images
    report.usable = len(items)
    if not items:
        met = "; ".join(f"{what}: {count:,}" for what, count, _, _ in report.table())
        raise DataError(
            f"{path} ({layout}) has {report.rows:,} rows and {images:,} images but no usable pair"
            f"{f' ({met})' if met else ''}; {_ACCEPTED}"
        )
    path = path.absolute()
    return Dataset(path.name if path.is_dir() else path.stem, path, layout, items, report, fingerprint)


# ------------------------------------------------------------------------------------------------------- folders


def _pictures_in(folder: Path, root: Path) -> dict[str, _Picture | Problem]:
    """List the plain files of `folder` by name; a link that leads out of `root` (a real path) is not followed."""
    pictures: dict[str, _Picture | Problem] = {}
    if not folder.is_dir():
        return pictures
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                if entry.is_symlink() and not Path(os.path.realpath(entry.path)).is_relative_to(root):
                    pictures[entry.name] = Problem.OUTSIDE
                elif entry.is_file() and not entry.name.startswith("."):
                    stat = entry.stat()
                    pictures[entry.name] = (
                        _Picture(partial(_read_picture, entry.path), f"{stat.st_size}:{stat.st_mtime_ns}")
                        if stat.st_size <= MAX_IMAGE_BYTES
                        else Problem.OVERSIZED
                    )
            except OSError:  # gone meanwhile, or a link in a circle
                continue
    return pictures


def _read_picture(path: str) -> bytes:
    with open(path, "rb") as file:
        data = file.read(MAX_IMAGE_BYTES + 1)
    if len(data) > MAX_IMAGE_BYTES:
        raise DataError(f"{path} has grown beyond {MAX_IMAGE_BYTES:,} bytes; store the picture smaller")
    return data


def _read_table(path: Path) -> bytes:
    size = path.stat().st_size
    if size > MAX_TABLE_BYTES:
        raise DataError(f"{path} has {size:,} bytes; at most {MAX_TABLE_BYTES:,} are read: split the table")
    return path.read_bytes()


def _is_picture(name: str) -> bool:
    return posixpath.splitext(name)[1].lower() in PICTURE_SUFFIXES


# -------------------------------------------------------------------------------------------------------- tables

_OTHER_NAMES = {
    "id": ("product_id", "productid", "item_id", "sku", "key"),
    "image": ("image_path", "img", "path", "file", "filename", "file_name", "picture", "photo", "image_url", "url"),
    "text": ("title", "productdisplayname", "name", "caption", "description", "product_name"),
    "productDisplayName": ("title", "text", "name", "caption", "description", "product_name"),
}


def _table_rows(data: bytes, source: str, report: Report, *, title: str, image: str = "") -> Iterator[_Row]:
    """Yield the rows of a CSV table, mending what can be mended; names of columns are compared without case.

    Where a row has more fields than the header, its title was not quoted: the columns before it are counted from
    the left, those behind it from the right, and all between is the title.
    """
    text = _text(data)
    lines = text.split("\n")
    damaged = "\ufffd" in text and "\ufffd".encode() not in data
    start, header = _header(lines)
    at = _columns(header, [name for name in ("id", image, title) if name], source)
    id_at, title_at, image_at = at["id"], at[title], at.get(image)
    special = set(at.values())
    width = len(header)

    def is_row(line: str) -> bool:
        cells = line.split(",")
        return len(cells) >= width and (image_at is None or _is_picture(cells[image_at].strip(' "')))

    for number, fields, stray in _records(lines, start, is_row):
        where = f"line {number}"
        while len(fields) > width and not fields[-1].strip():
            fields.pop()
        extra = len(fields) - width
        if extra > 0:
            fields[title_at : title_at + extra + 1] = [",".join(fields[title_at : title_at + extra + 1])]
        elif len(fields) <= max(special):
            report.rows += 1
            report.count(Problem.SHORT, where)
            continue
        if stray:
            fields = [_unquoted(cell) for cell in fields]
        cells = [_clean(cell) for cell in fields]
        attributes = {
            name: value
            for place, (name, value) in enumerate(zip(header, cells, strict=False))
            if value and name and place not in special
        }
        for problem, met in (
            (Problem.COMMAS, extra > 0),
            (Problem.PADDED, extra < 0),
            (Problem.QUOTES, stray),
            (Problem.ENCODING, damaged and any("\ufffd" in cell for cell in fields)),
        ):
            if met:
                report.count(problem, cells[id_at] or where)
        path = "" if image_at is None or not cells[image_at] else fields[image_at].strip()
        yield _Row(where, cells[id_at], cells[title_at], path, attributes)


def _text(data: bytes) -> str:
    """Decode a table: UTF-8, or UTF-16 where its mark says so; lines end in a line feed."""
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = data.decode("utf-16" if wide else "utf-8-sig", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _header(lines: Sequence[str]) -> tuple[int, list[str]]:
    """Return the names of the columns, and the place of the line behind them."""
    for place, line in enumerate(lines):
        if line.strip():
            return place + 1, [_unquoted(name) for name in line.split(",")]
    return len(lines), []


def _columns(header: Sequence[str], needed: Sequence[str], source: str) -> dict[str, int]:
    """Return where the needed columns stand, or tell which to rename."""
    folded = [name.casefold() for name in header]
    missing = [name for name in needed if name.casefold() not in folded]
    if not missing:
        return {name: folded.index(name.casefold()) for name in needed}
    renames = []
    for name in missing:
        near = [h for h in folded if h in _OTHER_NAMES[name]] or difflib.get_close_matches(name.casefold(), folded)
        if near:
            renames.append(f"'{header[folded.index(near[0])]}' to '{name}'")
    if len(header) == 1 and re.search("[;\t|]", header[0]):
        hint = "separate the columns by commas"
    else:
        hint = f"rename {' and '.join(renames)}" if renames else _ACCEPTED
    raise DataError(
        f"{source} has the columns {', '.join(map(shown, header[:12])) or '(none)'}; "
        f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing: {hint}"
    )


def _records(lines: Sequence[str], start: int, is_row: Callable[[str], bool]) -> Iterator[tuple[int, list[str], bool]]:
    """Yield (line number, fields, stray quote) per record.

    A quoted field may hold line breaks. A quote that never closes, or that closes only beyond a line that is
    a row by itself, is a stray one: it is text, and costs no other row.
    """
    place = start
    while place < len(lines):
        line, number, used, stray = lines[place], place + 1, 1, False
        if '"' not in line:
            fields = line.split(",")
        else:
            tail = takewhile(lambda later: not is_row(later), (lines[i] for i in range(place + 1, len(lines))))
            reader = csv.reader((f"{part}\n" for part in chain([line], tail)), strict=True)
            try:
                fields = next(reader)
                used = reader.line_num
            except csv.Error:
                fields, stray = line.split(","), True
        place += used
        if line.strip():
            yield number, fields, stray


def _unquoted(cell: str) -> str:
    cell = cell.strip()
    return cell[1:-1].replace('""', '"') if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


def _clean(cell: str) -> str:
    """Return the cell with single spaces, or nothing where it says so in words (NA, null, …)."""
    cell = " ".join(cell.split())
    return "" if cell.casefold() in _NOTHING else cell


# ------------------------------------------------------------------------------------------------------- parquet


def _open_parquet(path: Path, shards: Sequence[Path]) -> Dataset:
    report = Report()
    failures: list[DataError] = []

    def rows() -> Iterator[tuple[_Row, _Picture | Problem]]:
        for shard in shards:
            try:
                yield from _shard_rows(shard, report)
            except DataError as error:
                failures.append(error)
                report.count(Problem.BAD_SHARD, shard.name)

    if len(shards) > 1 or path.is_dir():
        for name in _missing_shards([shard.name for shard in shards]):
            report.count(Problem.BAD_SHARD, name)
    items, fingerprint = _collect(rows(), report)
    if failures and not items:
        raise failures[0]
    return _finished(path, "parquet", items, report, fingerprint, report.images)


def _missing_shards(names: Iterable[str]) -> list[str]:
    """Return the names absent from a numbered set (…-00000-of-00002…): a download that was cut short."""
    numbered: dict[tuple[str, int], set[int]] = {}
    for name in names:
        match = re.match(r"(.*)-(\d{5})-of-(\d{5})", name)
        if match:
            numbered.setdefault((match[1], int(match[3])), set()).add(int(match[2]))
    return [
        f"{prefix}-{number:05d}-of-{total:05d}"
        for (prefix, total), present in numbered.items()
        for number in range(total)
        if number not in present
    ]


def _shard_rows(path: Path, report: Report) -> Iterator[tuple[_Row, _Picture | Problem]]:
    """Yield the rows of one parquet file; its pictures pass through memory once, a row group at a time."""
    try:
        shard = _Shard(path)
        for group in range(shard.groups):
            columns, replaced = shard.texts(group)
            for row, cell in enumerate(shard.pictures(group)):
                data: bytes | None = cell.as_py()
                picture: _Picture | Problem = Problem.NO_IMAGE
                if data is not None:
                    report.images += 1
                    stamp = f"{len(data)}:{zlib.crc32(data):08x}"
                    picture = _Picture(partial(shard.read, group, row), stamp)
                    if len(data) > MAX_IMAGE_BYTES:
                        picture = Problem.OVERSIZED
                cells = {name: _clean(values[row]) for name, values in columns.items()}
                where = f"{path.name} row group {group} row {row}"
                id_, title = cells.pop(shard.id), cells.pop(shard.title)
                if row in replaced:
                    report.count(Problem.ENCODING, id_ or where)
                yield _Row(where, id_, title, "", {name: value for name, value in cells.items() if value}), picture
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} cannot be read as parquet ({error}); download it again") from error


class _Shard:
    """One parquet file: which columns it has, and its pictures, of which at most two row groups are held.

    Reading in order loads each row group once; jumping about among many groups loads them again and again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        # With its own buffer ahead of the decoder, Arrow keeps a second copy of what was read.
        self._file = pq.ParquetFile(path, pre_buffer=False)
        self._lock = threading.Lock()
        self._held: OrderedDict[int, Any] = OrderedDict()
        self.groups: int = self._file.num_row_groups
        schema = self._file.schema_arrow
        names = [str(name) for name in schema.names]
        title = next((name for name in names if name.casefold() == "text"), "productDisplayName")
        at = _columns(names, ["id", title, "image"], str(path))
        self.id, self.title, image = (names[at[name]] for name in ("id", title, "image"))
        kind = schema.field(image).type
        in_struct = pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0
        if not (in_struct or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
            raise DataError(
                f"the column {image} of {path} holds {kind}, not the bytes of pictures (plain, or as a struct of bytes "
                "and path); save the data set with its images embedded"
            )
        self._image = f"{image}.bytes" if in_struct else image
        self._texts = [f.name for f in schema if f.name in (self.id, self.title) or _is_attribute(f)]

    def texts(self, group: int) -> tuple[dict[str, list[str]], set[int]]:
        """Return the columns of text of a row group, and the rows in which bytes had to be replaced."""
        table = self._file.read_row_group(group, columns=self._texts)
        replaced: set[int] = set()
        return {name: _strings(table[name], replaced) for name in self._texts}, replaced

    def pictures(self, group: int) -> Any:
        """Return the pictures of a row group as an Arrow column of bytes, null where there is none."""
        column = self._file.read_row_group(group, columns=[self._image])[0]
        return pc.struct_field(column, "bytes") if pa.types.is_struct(column.type) else column

    def read(self, group: int, row: int) -> bytes:
        """Return one picture; safe from any thread."""
        try:
            with self._lock:
                if group not in self._held:
                    while len(self._held) > 1:
                        self._held.popitem(last=False)
                    self._held[group] = self.pictures(group)
                data: bytes = self._held[group][row].as_py()
                return data
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{self._path} cannot be read as parquet ({error}); download it again") from error


def _is_attribute(column: Any) -> bool:
    """Tell whether a column says something in words or numbers; columns that pandas adds begin with "__"."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    plain = pa.types.is_primitive(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)
    return plain and not column.name.startswith("__")


def _strings(column: Any, replaced: set[int]) -> list[str]:
    """Return a column as text: whole numbers without a fraction, nothing for null; note the rows not in UTF-8."""
    try:
        return [_string(value) for value in column.to_pylist()]
    except UnicodeDecodeError:
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        cells = column.cast(pa.large_binary()).to_pylist()
        texts = [(cell or b"").decode("utf-8", errors="replace") for cell in cells]
        replaced.update(row for row, text in enumerate(texts) if text.encode() != (cells[row] or b""))
        return texts


def _string(value: object) -> str:
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
