"""The names of a report's folder and files, as they are in every checkpoint folder."""

from __future__ import annotations

FOLDER = "report"
CURVES, TEMPERATURE, RECALL, SHEET = "curves.png", "temperature.png", "recall.png", "queries.jpg"
SLICES, FIGURES = "slices.json", "report.json"
