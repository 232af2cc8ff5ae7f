"""From the bytes of a picture to an upright picture in sRGB, or to the pixels of an encoder's input, within bounds.

One way for training, indexing, evaluation and service: a picture is read at about the size that is needed, so the same
bytes are the same pixels everywhere. Knows no model and no tensor. numpy is imported where it is used: a process that
only decodes starts without it.
"""

from __future__ import annotations

import io
import re
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from PIL import Image, PngImagePlugin, UnidentifiedImageError

from common import ImageError, OutOfMemoryError
from models.bounds import MAX_PIXELS, Bounds, LaterError
from models.colour import Look, is_profiled
from models.colour import to_rgb as to_rgb
from models.crop import WHOLE, Crop
from models.picture_kinds import JPEG, NAMED, TIFF, Kind, kind_of, prepare_decoder
from models.profiles import declared_profile
from models.reduced import prepare_reading
from models.repair import repaired
from models.upright import SIDEWAYS, TURNS, orientation, shrunk
from models.upright import scaled as scaled

if TYPE_CHECKING:
    import numpy as np

T = TypeVar("T")

LARGE_BYTES = 100_000_000
"""Pictures that take more memory than this are decoded one at a time."""

SMALL = 1_000_000
"""Pixels of a result whose memory does not count."""
EXAMINED = (64, 64)
"""Height and width at which a picture is decoded to see whether that works."""

_large = threading.Lock()

PngImagePlugin.MAX_TEXT_CHUNK = 8_000_000
"""Bytes that a text or a colour profile of a PNG may have: 1 MB refused profiles of printers."""
# `opened` compares the size with the limit itself, and answers with an error. Pillow, which would warn, is left the
# pictures of more than twice this: some of its decoders allocate at once.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
# What Pillow says of odd EXIF is no matter of the pixels.
warnings.filterwarnings("ignore", module=r"PIL\.")


class DamagedError(ImageError):
    """The picture cannot be decoded as it is."""


class Opened(NamedTuple):
    """A picture whose header was read."""

    image: Image.Image
    kind: Kind
    data: bytes
    is_repaired: bool


@contextmanager
def opened(data: bytes, max_pixels: int = MAX_PIXELS, *, is_repaired: bool = False) -> Iterator[Opened]:
    """Yield the picture in `data` with its header read and its pixels not; it is decoded at the first look at them.

    The content says which kind of file it is. The size is checked in the header, before any pixel is allocated.

    Raises:
        ImageError: not an image, or more than `max_pixels`.
        DamagedError: damaged or truncated; also of what the block reads of it.
        MemoryError: there was no memory, which says nothing of the picture.
    """
    if not data:
        raise ImageError(f"the image is empty (0 bytes); send a {NAMED} file")
    kind = kind_of(data)
    if kind is None:
        raise ImageError(f"{len(data):,} bytes that are no image we can read; send a {NAMED} file")
    prepare_decoder(kind)
    try:
        with Image.open(io.BytesIO(data), formats=(kind.decoder,)) as image:
            width, height = image.size
            if width * height > max_pixels:
                raise ImageError(
                    f"the image is {width}x{height} pixels; at most {max_pixels:,} are allowed: scale it down"
                )
            _complete(image, kind, data)
            yield Opened(image, kind, data, is_repaired)
    except (ImageError, MemoryError, LaterError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:  # Pillow's own, checked first
        limit = min(max_pixels, int(2 * (Image.MAX_IMAGE_PIXELS or max_pixels)))
        found = re.search(r"\d+ pixels", str(error))
        size = f"has {found[0]}" if found else "is too large"
        raise ImageError(f"the image {size}; at most {limit:,} pixels are allowed: scale it down") from None
    except UnidentifiedImageError:
        raise DamagedError(
            f"the image begins as {kind.name}, but is damaged or of a rare kind; save it again as JPEG or PNG"
        ) from None
    except Exception as error:  # Pillow's decoders raise OSError, SyntaxError, struct.error, ValueError, ...
        if any(word in str(error).lower() for word in ("out of memory", "insufficient memory", "memory allocation")):
            raise MemoryError(str(error)) from error
        raise DamagedError(f"the image is damaged ({error}); save it again and retry") from error


def decode_image(data: bytes, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Decode `data` into an upright sRGB image of its own size, at least 1x1; the first frame of an animation.

    Raises:
        ImageError: not an image, damaged or truncated, or too large.
        OutOfMemoryError: there was no memory for it.
    """
    return _from_bytes(data, Bounds(max_pixels), lambda found: upright(found, lambda own: own, Bounds(max_pixels)))


def read_pixels(data: bytes, size: tuple[int, int], bounds: Bounds | None = None) -> np.ndarray:
    """Decode `data` at about `size` (height, width) and scale it to it, ignoring its aspect: (H, W, 3) uint8.

    Raises:
        ImageError: not an image, damaged or truncated, or too large.
        OutOfMemoryError: there was no memory for it.
    """
    import numpy as np

    return np.array(read_picture(data, size, bounds), dtype=np.uint8)


def read_picture(
    data: bytes,
    size: tuple[int, int],
    bounds: Bounds | None = None,
    *,
    crop: Crop = WHOLE,
    transparent: bool = False,
) -> Image.Image:
    """Do the same of a part, and return an image: RGB; with `transparent`, RGBA where the picture has transparency.

    Raises:
        LaterError: it takes more memory than `bounds` allows for the time being.
    """
    bounds = bounds or Bounds()
    return _from_bytes(
        data, bounds, lambda found: upright(found, lambda own: size, bounds, crop, transparent=transparent)
    )


def read_reduced(
    data: bytes, sides: tuple[int, int], bounds: Bounds | None = None, *, transparent: bool = False
) -> Image.Image:
    """Decode `data` into an image in its own aspect, at most of `sides` (height, width) and of its own size.

    Raises:
        ImageError, OutOfMemoryError, LaterError: as `read_picture`.
    """

    def fitted(own: tuple[int, int]) -> tuple[int, int]:
        factor = min(1.0, sides[0] / own[0], sides[1] / own[1])
        return max(1, round(own[0] * factor)), max(1, round(own[1] * factor))

    bounds = bounds or Bounds()
    return _from_bytes(data, bounds, lambda found: upright(found, fitted, bounds, transparent=transparent))


class Examined(NamedTuple):
    """What is unusual about a picture that can be decoded."""

    is_converted: bool
    """Its samples are not those of RGB."""
    is_turned: bool
    """Its EXIF asks for a turn."""
    has_colours: bool
    """A profile says that its colours are not those of sRGB."""
    is_repaired: bool
    """It was damaged."""


def examine(data: bytes) -> Examined:
    """Decode `data` to see whether that works, and return what is unusual about it.

    Raises:
        ImageError, OutOfMemoryError: as `read_pixels`.
    """

    def work(found: Opened) -> Examined:
        image = found.image
        converted = image.mode != "RGB" or "transparency" in image.info
        turns = {_early_orientation(found)}
        upright(found, lambda own: EXAMINED, Bounds())
        turns.add(orientation(image))
        return Examined(converted, not turns.isdisjoint(TURNS), is_profiled(image), found.is_repaired)

    return _from_bytes(data, Bounds(), work)


def _from_bytes(data: bytes, bounds: Bounds, work: Callable[[Opened], T]) -> T:
    """Return `work` of the picture; where that is damaged, of what a repair makes of it."""
    try:
        try:
            with opened(data, bounds.max_pixels) as found:
                return work(found)
        except DamagedError as error:
            kind = kind_of(data)
            sound = repaired(data, kind, bounds.max_pixels) if kind is not None else None
            if sound is None:
                raise
            try:
                with opened(sound, bounds.max_pixels, is_repaired=True) as found:
                    return work(found)
            except DamagedError:
                raise error from None
    except MemoryError as error:
        raise OutOfMemoryError("there was no memory to decode the image; try again later") from error


def upright(
    found: Opened,
    wanted: Callable[[tuple[int, int]], tuple[int, int]],
    bounds: Bounds,
    crop: Crop = WHOLE,
    *,
    transparent: bool = False,
) -> Image.Image:
    """Return a part of an opened picture upright, in sRGB and scaled, with little memory beside the picture's own.

    Profiles of colours are minded at the end, when the picture is small.

    Args:
        found: the picture.
        wanted: returns the height and width to scale the part to, from those that it has upright.
        bounds: of memory.
        crop: the part.
        transparent: keep transparency.

    Raises:
        ImageError: it takes more memory than it may.
        LaterError: it takes more than it may for the time being.
    """
    image = found.image
    own = image.size[::-1]
    # What a decoder is asked for is as the picture lies in the file.
    turn = _early_orientation(found)
    size = wanted(crop.sides(own[::-1] if turn in SIDEWAYS else own))
    whole = crop.whole(size, bounds)
    reading = prepare_reading(image, found.kind, found.data, whole[::-1] if turn in SIDEWAYS else whole)
    needed = reading.needed + (4 * size[0] * size[1] if size[0] * size[1] > SMALL else 0)
    bounds.check(needed)
    with _large if needed > LARGE_BYTES else nullcontext():
        image.load()
        look = Look(image, transparent=transparent)
        turn = orientation(image)  # a decoder that has turned the picture says so by now
        if reading.box is None:
            own = image.size[::-1]
        size = wanted(crop.sides(own[::-1] if turn in SIDEWAYS else own))
        return look.shown(shrunk(image, look, turn, reading.box or (0, 0, *image.size), size, crop))


def _early_orientation(found: Opened) -> int:
    """Return the orientation as far as it is known before the pixels are decoded."""
    return orientation(found.image) if found.kind in (JPEG, TIFF) else 1


def _complete(image: Image.Image, kind: Kind, data: bytes) -> None:
    """Tell an opened picture what Pillow leaves out of it."""
    clear = image.info.get("transparency")
    tiles = getattr(image, "tile", ())
    if isinstance(clear, tuple) and tiles and "16" in str(tiles[0].args):
        # Of 16 bits a sample Pillow reads 8, and the transparent colour still has 16.
        image.info["transparency"] = tuple(sample >> 8 for sample in clear)
    with suppress(ValueError):
        if profile := declared_profile(image, kind, data):
            image.info["icc_profile"] = profile
