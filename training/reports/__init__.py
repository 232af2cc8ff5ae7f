"""Reports: the figures and plots of a run, its model card, evaluation tables, the comparison with the paper.

Reads what training and evaluation have written; trains only for the comparison.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from training.reports.evaluation import KAGL_ROWS as KAGL_ROWS
    from training.reports.evaluation import PROTOCOLS as PROTOCOLS
    from training.reports.evaluation import evaluate_catalogue as evaluate_catalogue
    from training.reports.evaluation import evaluate_catalogue_kagl as evaluate_catalogue_kagl
    from training.reports.evaluation import markdown as markdown
    from training.reports.evaluation import read_result as read_result
    from training.reports.evaluation import terminal_table as terminal_table
    from training.reports.model_card import card_text as card_text
    from training.reports.run_report import DPI as DPI
    from training.reports.run_report import FOLDER as FOLDER
    from training.reports.run_report import GREY as GREY
    from training.reports.run_report import INK as INK
    from training.reports.run_report import SHEET as SHEET
    from training.reports.run_report import style as style
    from training.reports.run_report import tensorboard_writer as tensorboard_writer
    from training.reports.run_report import write_report as write_report

__getattr__ = lazy_exports(
    __name__,
    {
        "training.reports.evaluation": (
            "KAGL_ROWS PROTOCOLS evaluate_catalogue evaluate_catalogue_kagl markdown read_result terminal_table"
        ),
        "training.reports.model_card": "card_text",
        "training.reports.run_report": "DPI FOLDER GREY INK SHEET style tensorboard_writer write_report",
    },
)
