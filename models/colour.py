"""From the samples of a file to the colours that a person sees: sRGB, with transparency on white where it is not kept.

A large picture goes through in two steps: `Look.plain` before it is shrunk, block by block, and `Look.shown` after it,
so that the conversion of colours costs little. Knows no file format's structure and no sizes.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import lru_cache

from PIL import Image, ImageCms

FULL_SCALE = 65_535
"""Largest sample of 16 bits."""
GRID = (0, 32, 64, 96, 128, 160, 192, 224, 255)
"""Samples that tell whether a profile is sRGB."""
ALIKE = 2
"""Most by which a profile's colours may differ from sRGB's, of 255, to be taken for it: rounding."""
COLOUR_SPACES = {"RGB": "RGB ", "RGBA": "RGB ", "L": "GRAY", "CMYK": "CMYK", "LAB": "Lab "}
"""Of a profile, by the mode of the picture that it describes (ICC.1:2022, table 19)."""


class Look:
    """How the samples of one picture become colours.

    Args:
        image: the picture, loaded.
        transparent: keep transparency: the result is RGBA where the picture has any.
    """

    def __init__(self, image: Image.Image, *, transparent: bool = False) -> None:
        self._transparent = transparent
        self._samples = _samples_of(image)
        kind = _kind_of_samples(image.mode)
        has_transform = _transform(image.info.get("icc_profile"), kind) is not None
        self._profile: bytes | None = image.info["icc_profile"] if has_transform and kind != "LAB" else None
        self._keeps = kind if has_transform and kind != "RGB" else ""

    def plain(self, block: Image.Image) -> Image.Image:
        """Return a part of the picture in a mode whose samples may be averaged: RGB, RGBA, L, CMYK or LAB."""
        if self._samples is not None:
            block = self._samples(block)
        if block.mode == "RGB" and "transparency" not in block.info:
            block.load()
            return block
        if block.has_transparency_data:
            if block.mode == "La":
                block = block.convert("LA")
            block = block.convert("RGBA")
            if self._transparent:
                return block
            block = on_white(block)
            return block.convert("L") if self._keeps == "L" else block
        if block.mode == self._keeps:
            return block
        return block.convert("RGB")

    def shown(self, image: Image.Image) -> Image.Image:
        """Return what `plain` gave, shrunk meanwhile, in sRGB: RGB or RGBA."""
        transform = _transform(self._profile, image.mode)
        if transform is not None:
            return transform(image)
        return image if image.mode in ("RGB", "RGBA") else image.convert("RGB")


def to_rgb(image: Image.Image) -> Image.Image:
    """Return `image` as RGB in sRGB: transparency over white, samples of more than 8 bits scaled, profiles minded."""
    look = Look(image)
    return look.shown(look.plain(image))


def is_profiled(image: Image.Image) -> bool:
    """Whether the picture has a profile by which its colours are converted."""
    return _transform(image.info.get("icc_profile"), _kind_of_samples(image.mode)) is not None


def _kind_of_samples(mode: str) -> str:
    """Return which of the modes that a profile can be of comes closest to another one."""
    if mode in ("CMYK", "LAB"):
        return mode
    return "L" if mode in ("1", "L", "LA", "La", "F") or mode.startswith("I") else "RGB"


def on_white(image: Image.Image) -> Image.Image:
    """Return an RGBA picture as RGB, laid on white."""
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")


def _samples_of(image: Image.Image) -> Callable[[Image.Image], Image.Image] | None:
    """Return what makes 8 bits of a part of a picture with larger samples; None where they are 8 bits already."""
    if not image.mode.startswith(("I", "F")):
        return None
    import numpy as np

    clear = image.info.get("transparency") if image.mode.startswith("I;16") else None
    low, scale = 0.0, 1 / 257
    if not image.mode.startswith("I;16"):
        low, scale = _range(image)

    def samples(block: Image.Image) -> Image.Image:
        # Pillow clips larger samples to 255 on conversion, which turns most of them white.
        grey = np.nan_to_num(np.asarray(block, dtype=np.float32))
        eight = Image.fromarray(((grey - low) * scale).clip(0, 255).astype(np.uint8))
        if isinstance(clear, int):
            alpha = Image.fromarray(np.where(grey == clear, 0, 255).astype(np.uint8))
            eight = Image.merge("LA", (eight, alpha))
        return eight

    return samples


def _range(image: Image.Image) -> tuple[float, float]:
    """Return what is black, and the factor to 0..255, of samples of 32 bits, whose file does not say what is white."""
    low, high = (float(bound) for bound in image.getextrema())  # type: ignore[arg-type]
    if low >= 0 and high == high:
        ceilings = (1.0, 255.0) if image.mode == "F" else (255.0,)
        for ceiling in (*ceilings, float(FULL_SCALE)):
            if high <= ceiling:
                return 0.0, 255 / ceiling
    return (low, 255 / (high - low)) if high > low else (0.0, 0.0)


@lru_cache(maxsize=16)
def _transform(profile: bytes | None, mode: str) -> Callable[[Image.Image], Image.Image] | None:
    """Return what converts pictures of a mode by a profile to sRGB.

    None where they are sRGB already, and where the profile is broken or of other pictures: those are taken for sRGB,
    as browsers do. The intent is theirs, too.
    """
    space = COLOUR_SPACES.get(mode)
    if mode == "LAB":
        profile = None  # the file says what its samples are, and a profile would say it again
    elif space is None or not profile:
        return None
    out = "RGBA" if mode == "RGBA" else "RGB"
    try:
        if profile is None:
            source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        else:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if source.profile.xcolor_space != space:
                return None
        transform = ImageCms.buildTransform(
            source,
            ImageCms.createProfile("sRGB"),
            mode,
            out,
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        if mode in ("RGB", "RGBA", "L") and _is_srgb(transform, mode):
            return None
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    return transform.apply


def _is_srgb(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether a transform to sRGB leaves all colours as they are, but for rounding."""
    if mode == "L":
        grid = bytes(GRID)
        triples = bytes(value for value in GRID for _ in range(3))
    else:
        grid = bytes(part for red in GRID for green in GRID for blue in GRID for part in (red, green, blue))
        triples = grid
    before = Image.frombytes("L" if mode == "L" else "RGB", (len(triples) // 3, 1), grid)
    after = transform.apply(before.convert(mode)).convert("RGB").tobytes()
    return all(abs(old - new) <= ALIKE for old, new in zip(triples, after, strict=True))
