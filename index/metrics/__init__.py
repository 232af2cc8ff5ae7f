"""Retrieval metrics from vectors and titles: ranks, recall@k with intervals, the KAGL protocol, judged queries.

The same functions serve the command line, training and the service's evaluation subprocess.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from index.metrics.analysis import SHOWN_QUERIES as SHOWN_QUERIES
    from index.metrics.analysis import details_of as details_of
    from index.metrics.analysis import evaluate_details as evaluate_details
    from index.metrics.analysis import part_of as part_of
    from index.metrics.drawn_queries import draw as draw
    from index.metrics.evaluation import evaluate as evaluate
    from index.metrics.examples import query_stats as query_stats
    from index.metrics.judged import HALVES as HALVES
    from index.metrics.judged import Drawn as Drawn
    from index.metrics.judged import Judged as Judged
    from index.metrics.judged import JudgedQuery as JudgedQuery
    from index.metrics.judged import read_queries as read_queries
    from index.metrics.judged_scores import DEPTH as DEPTH
    from index.metrics.judged_scores import Asked as Asked
    from index.metrics.judged_scores import Found as Found
    from index.metrics.judged_scores import judged_figures as judged_figures
    from index.metrics.judged_scores import measures as measures
    from index.metrics.kagl import KAGL_ATTRIBUTES as KAGL_ATTRIBUTES
    from index.metrics.kagl import evaluate_kagl as evaluate_kagl
    from index.metrics.kept import packed as packed
    from index.metrics.kept import unpacked as unpacked
    from index.metrics.paired import Side as Side
    from index.metrics.paired import compare as compare
    from index.metrics.paired import first_results as first_results
    from index.metrics.paired import paired_figures as paired_figures
    from index.metrics.paired import verdict as verdict
    from index.metrics.process import CATALOGUE_VARIABLE as CATALOGUE_VARIABLE
    from index.metrics.process import Report as Report
    from index.metrics.process import main as main
    from index.metrics.queries import about as about
    from index.metrics.queries import query_rows as query_rows
    from index.metrics.rank import ranks as ranks
    from index.metrics.slices import title_slices as title_slices
    from index.metrics.split import evaluate_split as evaluate_split

__getattr__ = lazy_exports(
    __name__,
    {
        "index.metrics.drawn_queries": "draw",
        "index.metrics.analysis": "SHOWN_QUERIES details_of evaluate_details part_of",
        "index.metrics.evaluation": "evaluate",
        "index.metrics.examples": "query_stats",
        "index.metrics.judged": "Drawn HALVES Judged JudgedQuery read_queries",
        "index.metrics.judged_scores": "Asked DEPTH Found judged_figures measures",
        "index.metrics.kagl": "KAGL_ATTRIBUTES evaluate_kagl",
        "index.metrics.kept": "packed unpacked",
        "index.metrics.paired": "Side compare first_results paired_figures verdict",
        "index.metrics.process": "CATALOGUE_VARIABLE Report main",
        "index.metrics.queries": "about query_rows",
        "index.metrics.rank": "ranks",
        "index.metrics.slices": "title_slices",
        "index.metrics.split": "evaluate_split",
    },
)
