"""What the scores of an encoder are worth, kept in the database for all its catalogues."""

from __future__ import annotations

from psycopg.types.json import Json

from index.postgres.connection import Connection
from index.postgres.schema import CALIBRATIONS
from index.ranking.calibrate import Calibration, parsed_calibration, shipped_calibration


def read_calibration(connection: Connection, encoder_id: str, place: str) -> Calibration:
    """Return what was kept for an encoder; that of the shipped checkpoint where nothing was.

    Raises:
        ArtefactError: what was kept is damaged; names the place.
    """
    if connection.execute("SELECT to_regclass('vitrine.calibrations') IS NOT NULL").fetchone() != (True,):
        return shipped_calibration()
    row = connection.execute("SELECT value FROM vitrine.calibrations WHERE encoder_id = %s", [encoder_id]).fetchone()
    return shipped_calibration() if row is None else parsed_calibration(row[0], place)


def write_calibration(connection: Connection, calibration: Calibration) -> None:
    """Keep what the scores of an encoder are worth."""
    connection.execute(CALIBRATIONS)
    connection.execute(
        "INSERT INTO vitrine.calibrations VALUES (%s, %s)"
        " ON CONFLICT (encoder_id) DO UPDATE SET value = excluded.value",
        [calibration.encoder_id, Json(calibration.to_json())],
    )
