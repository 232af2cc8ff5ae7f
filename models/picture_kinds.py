"""The kinds of picture files that are opened: how each is told by its first bytes, named in messages and sent.

Opens none. Pillow is given the one decoder that belongs to the bytes, so that no other of its decoders ever runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of picture file."""

    decoder: str
    """The name of Pillow's decoder."""
    name: str
    """As messages write it."""
    media_type: str
    suffixes: tuple[str, ...]
    """Of files, lower case."""


JPEG = Kind("JPEG", "JPEG", "image/jpeg", (".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".pjpeg", ".pjp", ".mpo"))
PNG = Kind("PNG", "PNG", "image/png", (".png", ".apng"))
WEBP = Kind("WEBP", "WebP", "image/webp", (".webp",))
AVIF = Kind("AVIF", "AVIF", "image/avif", (".avif", ".avifs"))
HEIF = Kind("HEIF", "HEIC", "image/heic", (".heic", ".heif", ".hif"))
GIF = Kind("GIF", "GIF", "image/gif", (".gif",))
BMP = Kind("BMP", "BMP", "image/bmp", (".bmp", ".dib"))
TIFF = Kind("TIFF", "TIFF", "image/tiff", (".tif", ".tiff"))
JPEG2000 = Kind("JPEG2000", "JPEG 2000", "image/jp2", (".jp2", ".j2k", ".jpx", ".jpf", ".j2c", ".jpc"))

KINDS = (JPEG, PNG, WEBP, AVIF, HEIF, GIF, BMP, TIFF, JPEG2000)
"""Only their decoders may Pillow use. Others are a risk without a gain: its EPS decoder starts Ghostscript."""
NAMED = f"{', '.join(kind.name for kind in KINDS[:-1])} or {KINDS[-1].name}"
"""The same kinds, as messages write them."""

_BEGINNINGS = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"BM", BMP),
    (b"II*\0", TIFF),
    (b"MM\0*", TIFF),
    (b"II+\0", TIFF),
    (b"MM\0+", TIFF),
    (b"\0\0\0\x0cjP  \r\n\x87\n", JPEG2000),
    (b"\xff\x4f\xff\x51", JPEG2000),
)
_BRANDS = {
    AVIF: frozenset((b"avif", b"avis")),
    HEIF: frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs")),
}
"""What an ISO base media file calls itself (ISO/IEC 23008-12, AV1 Image File Format)."""


def kind_of(data: bytes) -> Kind | None:
    """Return the kind of picture that begins like this; None for anything else."""
    for beginning, kind in _BEGINNINGS:
        if data.startswith(beginning):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return WEBP
    if data[4:8] == b"ftyp":
        # The first brand may be one of both kinds, such as mif1; those behind it tell which.
        end = min(int.from_bytes(data[:4], "big"), len(data), 256)
        brands = [data[8:12], *(data[at : at + 4] for at in range(16, end, 4))]
        for brand in brands:
            for kind, known in _BRANDS.items():
                if brand in known:
                    return kind
    return None


@cache
def prepare_decoder(kind: Kind) -> None:
    """Make Pillow know the decoder of a kind that is not its own."""
    if kind is HEIF:
        from pillow_heif import register_heif_opener

        # One thread: pictures are decoded one beside another already. Only the picture itself is of interest.
        register_heif_opener(decode_threads=1, thumbnails=False, depth_images=False, aux_images=False)
