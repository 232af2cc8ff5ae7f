"""The bodies of requests and answers as pydantic models, with their limits, examples and OpenAPI entries.

Knows no route.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from app.schemas.search import CHANGES as CHANGES
    from app.schemas.search import EXAMPLE_PRODUCT as EXAMPLE_PRODUCT
    from app.schemas.search import MAX_FACET_VALUES as MAX_FACET_VALUES
    from app.schemas.search import MAX_FILTERS as MAX_FILTERS
    from app.schemas.search import MAX_NAME as MAX_NAME
    from app.schemas.search import MODEL_NAME as MODEL_NAME
    from app.schemas.search import PRODUCT_ID as PRODUCT_ID
    from app.schemas.search import BatchRequest as BatchRequest
    from app.schemas.search import BulkAnswer as BulkAnswer
    from app.schemas.search import ClassifyAnswer as ClassifyAnswer
    from app.schemas.search import ClassifyRequest as ClassifyRequest
    from app.schemas.search import Condition as Condition
    from app.schemas.search import DescriptionAnswer as DescriptionAnswer
    from app.schemas.search import DescriptionAnswers as DescriptionAnswers
    from app.schemas.search import DetailsAnswer as DetailsAnswer
    from app.schemas.search import EmbeddingsAnswer as EmbeddingsAnswer
    from app.schemas.search import EmbeddingsRequest as EmbeddingsRequest
    from app.schemas.search import EvaluationAnswer as EvaluationAnswer
    from app.schemas.search import ExplainAnswer as ExplainAnswer
    from app.schemas.search import ExplainedResult as ExplainedResult
    from app.schemas.search import ExplainRequest as ExplainRequest
    from app.schemas.search import FacetsAnswer as FacetsAnswer
    from app.schemas.search import Health as Health
    from app.schemas.search import LabelResult as LabelResult
    from app.schemas.search import LineError as LineError
    from app.schemas.search import MapAnswer as MapAnswer
    from app.schemas.search import MapAttribute as MapAttribute
    from app.schemas.search import Model as Model
    from app.schemas.search import ModelsAnswer as ModelsAnswer
    from app.schemas.search import Name as Name
    from app.schemas.search import ProductAnswer as ProductAnswer
    from app.schemas.search import ProductAnswers as ProductAnswers
    from app.schemas.search import ProductDetail as ProductDetail
    from app.schemas.search import ProductLine as ProductLine
    from app.schemas.search import ProductRequest as ProductRequest
    from app.schemas.search import Ready as Ready
    from app.schemas.search import SearchRequest as SearchRequest
    from app.schemas.search import WordResult as WordResult
    from app.schemas.search import batch_body as batch_body
    from app.schemas.search import bulk_body as bulk_body
    from app.schemas.search import classify_body as classify_body
    from app.schemas.search import embeddings_body as embeddings_body
    from app.schemas.search import error_answers as error_answers
    from app.schemas.search import explain_body as explain_body
    from app.schemas.search import filters_of as filters_of
    from app.schemas.search import is_picture as is_picture
    from app.schemas.search import product_body as product_body
    from app.schemas.search import search_body as search_body

__getattr__ = lazy_exports(
    __name__,
    {
        "app.schemas.search": (
            "BatchRequest BulkAnswer CHANGES ClassifyAnswer ClassifyRequest Condition DescriptionAnswer "
            "DescriptionAnswers DetailsAnswer EXAMPLE_PRODUCT EmbeddingsAnswer EmbeddingsRequest EvaluationAnswer "
            "ExplainAnswer ExplainRequest ExplainedResult FacetsAnswer Health LabelResult LineError "
            "MAX_FACET_VALUES MAX_FILTERS MAX_NAME MODEL_NAME MapAnswer MapAttribute Model ModelsAnswer Name "
            "PRODUCT_ID ProductAnswer ProductAnswers ProductDetail ProductLine ProductRequest Ready SearchRequest "
            "WordResult batch_body bulk_body classify_body embeddings_body error_answers explain_body filters_of "
            "is_picture product_body search_body"
        ),
    },
)
