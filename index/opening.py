"""What is checked of a catalogue when it is opened, wherever it is: its format, and the encoder of its vectors."""

from __future__ import annotations

from common import ArtefactError
from index.records import CatalogueInfo


def check_format(place: object, found: object, *read: int) -> None:
    """Refuse a catalogue of a format that this version does not read.

    Raises:
        ArtefactError: names both formats.
    """
    if found not in read:
        formats = " or ".join(str(one) for one in read)
        raise ArtefactError(
            f"{place} is a catalogue of format {found}, this version reads format {formats};"
            " make a new one with `vitrine index`"
        )


def check_encoder(place: object, info: CatalogueInfo, encoder_id: str | None) -> None:
    """Refuse a catalogue that another encoder made; None: any will do.

    Raises:
        ArtefactError: names both encoders.
    """
    if encoder_id not in (None, info.encoder_id):
        raise ArtefactError(
            f"{place} was made with encoder {info.encoder_id}, but the checkpoint is {encoder_id};"
            " use the other checkpoint, or make a new catalogue with `vitrine index`"
        )
