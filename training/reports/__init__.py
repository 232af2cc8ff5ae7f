"""Reports: the figures and plots of a run, its model card, evaluation tables, the comparison with the paper.

Reads what training and evaluation have written; trains only for the comparison.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from training.reports.against import Own as Own
    from training.reports.against import evaluate_against as evaluate_against
    from training.reports.checkpoint_cost import compare_encoders as compare_encoders
    from training.reports.checkpoint_cost import cost_markdown as cost_markdown
    from training.reports.checkpoint_cost import cost_table as cost_table
    from training.reports.compare import compare_runs as compare_runs
    from training.reports.compare import encode_pairs as encode_pairs
    from training.reports.compare import scored_run as scored_run
    from training.reports.evaluation import KAGL_ROWS as KAGL_ROWS
    from training.reports.evaluation import PROTOCOLS as PROTOCOLS
    from training.reports.evaluation import evaluate_catalogue as evaluate_catalogue
    from training.reports.evaluation import evaluate_catalogue_kagl as evaluate_catalogue_kagl
    from training.reports.evaluation import figures_csv as figures_csv
    from training.reports.evaluation import markdown as markdown
    from training.reports.evaluation import read_result as read_result
    from training.reports.evaluation import terminal_table as terminal_table
    from training.reports.files import FOLDER as FOLDER
    from training.reports.files import SHEET as SHEET
    from training.reports.model_card import card_text as card_text
    from training.reports.paper_table import PAPER as PAPER
    from training.reports.paper_table import comparison_markdown as comparison_markdown
    from training.reports.paper_table import comparison_table as comparison_table
    from training.reports.paper_table import complaint as complaint
    from training.reports.paper_table import read_comparison as read_comparison
    from training.reports.queries import evaluate_queries as evaluate_queries
    from training.reports.relevance import save_reliability as save_reliability
    from training.reports.run_report import write_report as write_report
    from training.reports.tensorboard import tensorboard_writer as tensorboard_writer

__getattr__ = lazy_exports(
    __name__,
    {
        "training.reports.against": "Own evaluate_against",
        "training.reports.checkpoint_cost": "compare_encoders cost_markdown cost_table",
        "training.reports.compare": "compare_runs encode_pairs scored_run",
        "training.reports.evaluation": (
            "KAGL_ROWS PROTOCOLS evaluate_catalogue evaluate_catalogue_kagl figures_csv markdown read_result "
            "terminal_table"
        ),
        "training.reports.files": "FOLDER SHEET",
        "training.reports.model_card": "card_text",
        "training.reports.paper_table": "PAPER comparison_markdown comparison_table complaint read_comparison",
        "training.reports.queries": "evaluate_queries",
        "training.reports.relevance": "save_reliability",
        "training.reports.run_report": "write_report",
        "training.reports.tensorboard": "tensorboard_writer",
    },
)
