"""The layouts of data sets: which one a path holds (table, folder, zip, shards), and how its parts fit together.

Decodes no picture, fetches no URL and never leaves the folder of the data set.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from common import DataError
from index import typo_of
from training.data.columns import Roles, recognise
from training.data.dataset import Dataset, Problem, Report, shown
from training.data.feeds import merged
from training.data.finder import Finder, Found
from training.data.mirrored import addresses_in, read_mirror
from training.data.missing_ids import MissingIds
from training.data.photo_table import photo_table, photos_alone
from training.data.pictures import is_picture
from training.data.readers import OLD_EXCEL, checked, is_workbook, packed_with, read_table, table_name
from training.data.rows import ACCEPTED, UNUSABLE, Row, collect, finish
from training.data.shards import missing_shards, shard_table
from training.data.table import Table, sample
from training.data.tree import DEEPEST, Archive, Folder, Tree

_NO_TABLES = {
    *("dataset_info.json", "dataset_infos.json", "state.json", "package.json", "manifest.json", "sitemap.xml"),
    *("license.txt", "readme.txt", "requirements.txt"),
}
"""Names of files that are no tables of products although they end as such."""


class _Source(NamedTuple):
    """One table of a data set: the folder it is in, and how it is opened."""

    base: str
    name: str
    open: Callable[[], Table]


def open_dataset(path: Path, mapping: Mapping[str, str] | None = None) -> Dataset:
    """Open the data set at `path` in the layout that its content or name tells; reads the rows, not the pictures.

    `mapping` names the columns of roles (title, image, …) where their own names do not tell.

    Raises:
        DataError: nothing there, no layout that fits, or no usable row. Says what was found and the nearest fix.
    """
    try:
        dataset = _open(path.expanduser(), mapping or {})
        dataset.mapping = dict(mapping or {})
        return dataset
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}); check the path and its rights") from error


def _open(path: Path, mapping: Mapping[str, str]) -> Dataset:
    if path.is_dir():
        tree = Folder(path)
        if (mirror := read_mirror(path)) is not None:
            return _open_tables(path, "", tree, [_feed(tree, mirror.feed.name)], mapping, local=mirror.local)
        return _open_tree(path, tree, mapping)
    if not path.exists():
        near = typo_of(path.name, _names(path.parent))
        hint = ACCEPTED if near is None else f"did you mean {path.parent / near}?"
        raise DataError(f"there is no file or folder {path}; {hint}")
    with path.open("rb") as file:
        magic = file.read(8)
    suffix = table_name(path.name)
    tree = Folder(path.parent)
    if magic.startswith(b"PK") and (path.suffix.lower() == ".zip" or not is_workbook(path)):
        return _open_tree(path, Archive(path), mapping)
    if magic.startswith(b"PAR1"):
        return _open_tables(path, "parquet", tree, [_parquet(tree, path.name)], mapping)
    if suffix or magic == OLD_EXCEL or magic.startswith(b"PK"):
        table = _table(tree, path.name).open()
        source = _Source("", path.name, lambda: table)
        columns = set(map(str.casefold, table.columns))
        if "productdisplayname" in columns and "image" not in columns:
            return _open_kaggle(path.parent, tree, source, mapping)
        return _open_tables(path, "", tree, [source], mapping)
    kind = packed_with(magic)
    if kind is not None or path.suffix.lower() == ".tar":
        raise DataError(f"{path} is packed with {kind or 'tar'}, which is not read; unpack it and pass the folder")
    raise DataError(
        f"{path} begins with {magic[:4]!r}: neither zip nor parquet, and not named as a table (.csv, .xlsx, …); "
        f"{ACCEPTED}"
    )


def _open_tree(path: Path, tree: Folder | Archive, mapping: Mapping[str, str]) -> Dataset:
    """Look in a folder and its direct subfolders, or in all of an archive: many are packed into one folder more.

    Where these hold no table, the folders below are looked into, too: the hub has parquet files two folders down.
    """
    files: list[str] = []
    likely: list[str] = []
    for depth in (1, 3) if path.is_dir() else (DEEPEST,):
        files = list(tree.files(depth))
        named = [(posixpath.basename(file).lower(), file) for file in files]
        if styles := [file for name, file in named if name == "styles.csv"]:
            return _open_kaggle(path, tree, _table(tree, styles[0]), mapping)
        if shards := [file for name, file in named if name.endswith(".parquet") and not name.startswith("metadata.")]:
            return _open_tables(path, "parquet", tree, [_parquet(tree, file) for file in shards], mapping)
        if metadata := [file for name, file in named if name in ("metadata.csv", "metadata.jsonl", "metadata.parquet")]:
            opened = [_parquet(tree, file) if file.endswith(".parquet") else _table(tree, file) for file in metadata]
            return _open_tables(path, "imagefolder", tree, opened, mapping)
        tables = [file for name, file in named if table_name(name) and name not in _NO_TABLES]
        if any(table_name(file) == ".txt" for file in tables) and photos_alone(path, files):
            tables = [file for file in tables if not _is_note(path, tree, file, mapping)]
        nearest = min((file.count("/") for file in tables), default=0)
        tables = [file for file in tables if file.count("/") == nearest]
        likely = [file for file in tables if table_name(file) not in (".txt", ".xml")] or tables
        if len(likely) == 1:
            return _open_tables(path, "", tree, [_table(tree, likely[0])], mapping)
        if likely:
            break
    if not likely and (photos := photos_alone(path, list(tree.files(DEEPEST)))):
        table = photo_table(photos, str(path))
        return _open_tables(path, "photos", tree, [_Source("", path.name, lambda: table)], mapping)
    raise DataError(_no_layout(path, tree, files, likely))


def _is_note(path: Path, tree: Tree, file: str, mapping: Mapping[str, str]) -> bool:
    """Return whether a file beside photos is a text for people, and no table."""
    try:
        return table_name(file) == ".txt" and not _open_tables(path, "", tree, [_table(tree, file)], mapping).items
    except DataError:
        return True


def _no_layout(path: Path, tree: Tree, files: Sequence[str], tables: Sequence[str]) -> str:
    """Return what is wrong with a folder or archive that holds no table, or several."""
    shown = f"{', '.join(files[:5])}{', …' if len(files) > 5 else ''}"
    if path.is_dir():
        names = _names(path)
        if not names:
            return f"{path} is empty; {ACCEPTED}"
        found = f"{len(names)} entries ({', '.join(names[:5])}{', …' if len(names) > 5 else ''})"
        inner = [str(path / one) for one in (*tables, *(name for name in names if name.lower().endswith(".zip")))]
        hint = f"pass {' or '.join(inner[:3])}" if inner else ACCEPTED
        if not inner and any(is_picture(file) for file in files):
            hint = f"pass {path.parent}, which has a table of these pictures"
        return f"{path} holds {found}, but no styles.csv, .parquet file or single table; {hint}"
    packed = [file for file in files if file.lower().endswith((".zip", ".7z", ".rar", ".tar", ".gz"))]
    hint = (
        f"unpack it and pass one of {', '.join(tables[:3])}"
        if tables
        else f"unpack {packed[0]} from it and pass that"
        if packed
        else f"unpack it and pass the folder if it is another layout: {ACCEPTED}"
    )
    return f"{path} holds {len(files):,} files ({shown}), but no styles.csv, .parquet file or single table; {hint}"


def _names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if not p.name.startswith(".")) if folder.is_dir() else []


def _table(tree: Tree, file: str) -> _Source:
    def opened() -> Table:
        return read_table(tree.read(file), posixpath.basename(file), tree.where(file))

    return _Source(posixpath.dirname(file), posixpath.basename(file), opened)


def _parquet(tree: Tree, file: str) -> _Source:
    def opened() -> Table:
        if isinstance(tree, Folder):
            return checked(shard_table(tree.path / file))
        return checked(shard_table(tree.path / file, tree.read(file)))

    return _Source(posixpath.dirname(file), posixpath.basename(file), opened)


def _open_kaggle(path: Path, tree: Folder | Archive, styles: _Source, mapping: Mapping[str, str]) -> Dataset:
    """Join styles.csv with the pictures named <id>.jpg, or <id> with another suffix of a picture."""
    images = posixpath.join(styles.base, "images")
    layout = "kaggle-folder"
    if isinstance(tree, Folder):
        tree.trust(images)
    else:
        layout = "kaggle-zip"
        folders = [one for one in tree.folders() if posixpath.basename(one) == "images"]
        images = min(folders, key=lambda folder: (folder != images, folder.count("/"), folder), default=images)
    return _open_tables(path, layout, tree, [styles], mapping, images)


def _open_tables(
    path: Path,
    layout: str,
    tree: Tree,
    sources: Sequence[_Source],
    mapping: Mapping[str, str],
    images: str | None = None,
    local: Mapping[str, str] | None = None,
) -> Dataset:
    """Read the rows of all tables of a data set; a damaged one of several shards is skipped and counted.

    With `images`, the pictures are found in that folder by the ids; with `local`, those with addresses by it.
    """
    report = Report()
    failures: list[DataError] = []
    finders: list[Finder] = []

    def rows() -> Iterator[tuple[Row, Sequence[object]]]:
        nonlocal layout
        for source in sources:
            try:
                table = source.open()
                layout = layout or (table.kind if isinstance(tree, Folder) else f"{table.kind}-zip")
                finder = Finder(tree, source.base, table.pictures, local or {})
                finders.append(finder)
                prefix = f"{source.name.split('.')[0]}-" if len(sources) > 1 else ""
                yield from _rows(table, finder, prefix, mapping, images, report)
            except DataError as error:
                if layout != "parquet":
                    raise
                failures.append(error)
                report.count(Problem.BAD_SHARD, source.name)

    if layout == "parquet" and (len(sources) > 1 or path.is_dir()):
        for name in missing_shards([source.name for source in sources]):
            report.count(Problem.BAD_SHARD, name)
    items, fingerprint = collect(rows(), report)  # type: ignore[arg-type]
    if failures and not items:
        raise failures[0]
    counted = [finder.images() for finder in finders]
    orphans = [name for _, names in counted for name in names]
    if images is not None:
        orphans = [posixpath.basename(name) for name in orphans]
    return finish(path, layout, items, report, fingerprint, sum(count for count, _ in counted), orphans)


def feed_rows(path: Path, mapping: Mapping[str, str] | None = None) -> Iterator[Row]:
    """Yield the rows of one table, whose pictures are looked for nowhere: a mirror fetches them by their addresses.

    Raises:
        DataError: the table cannot be read, or its columns do not tell title and picture.
    """
    table, report = _feed(Folder(path.parent), path.name).open(), Report()
    roles = _roles(table, mapping or {}, lambda cell: bool(addresses_in(cell)), ("title", "image"))
    yield from (row for row in merged(table, roles, report) if not UNUSABLE.intersection(row.problems))


def _feed(tree: Folder, name: str) -> _Source:
    return _parquet(tree, name) if name.endswith(".parquet") else _table(tree, name)


def _roles(table: Table, mapping: Mapping[str, str], exists: Callable[[str], bool], needs: Sequence[str]) -> Roles:
    """Return what the columns of a table stand for, and tell the table which it cannot do without."""
    roles = recognise(
        table.columns, mapping, samples=sample(table, 200), exists=exists, source=table.source, needs=needs
    )
    table.key, table.prose = roles.id or "", roles.title or ""
    table.needed = tuple(name for name in (roles.id, roles.title, *roles.images[:1]) if name)
    return roles


def _rows(
    table: Table, finder: Finder, prefix: str, mapping: Mapping[str, str], images: str | None, report: Report
) -> Iterator[tuple[Row, Sequence[object]]]:
    roles = _roles(table, mapping, finder.exists, ("title",) if images is not None else ("title", "image"))
    if not roles.id and not roles.images:
        raise DataError(
            f"{table.source} has the columns {', '.join(map(shown, table.columns[:12]))}; none holds ids, by which the "
            f"pictures are found: say which does with --map id=COLUMN"
        )
    missing = MissingIds(finder.base, prefix, table.pictures)
    for row in merged(table, roles, report):
        if UNUSABLE.intersection(row.problems):
            yield row, ()
            continue
        if not roles.id:
            row = missing.filled(row)
        found = finder.named(row.images) if roles.images else finder.of_id(row.id, images or finder.picture_folder)
        yield _with(row, found), found.pictures
    if missing.note:
        table.notes.append(missing.note)
    _tell(table, roles, report)  # behind the rows: only then the types of the columns are known


def _with(row: Row, found: Found) -> Row:
    return row._replace(problems=(*row.problems, Problem.NAMED_OTHERWISE)) if found.otherwise else row


def _tell(table: Table, roles: Roles, report: Report) -> None:
    """Put into the report how a table was read, and what became of its columns."""
    for note in table.notes:
        if note not in report.notes:
            report.notes.append(note)
    for name, became in roles.became.items():
        report.columns.setdefault(name, became)
    if "" in table.columns:
        report.columns.setdefault("(without a name)", "not used: it has no name")
    for name in table.twice:
        report.count(Problem.TWICE, name, once=True)
