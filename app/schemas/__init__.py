"""The bodies of requests and answers as pydantic models, with their limits, examples and OpenAPI entries.

Knows no route and no state of the service.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from app.schemas.batch import BatchRequest as BatchRequest
    from app.schemas.checking import checked as checked
    from app.schemas.classification import ClassifyAnswer as ClassifyAnswer
    from app.schemas.classification import ClassifyRequest as ClassifyRequest
    from app.schemas.classification import ExplainAnswer as ExplainAnswer
    from app.schemas.classification import ExplainedResult as ExplainedResult
    from app.schemas.classification import ExplainRequest as ExplainRequest
    from app.schemas.classification import LabelResult as LabelResult
    from app.schemas.classification import WordResult as WordResult
    from app.schemas.conditions import MAX_FILTERS as MAX_FILTERS
    from app.schemas.conditions import as_filters as as_filters
    from app.schemas.conditions import filters_of as filters_of
    from app.schemas.document import DocumentedApp as DocumentedApp
    from app.schemas.encoding import EmbeddingsAnswer as EmbeddingsAnswer
    from app.schemas.encoding import EmbeddingsRequest as EmbeddingsRequest
    from app.schemas.encoding import EncodingOptions as EncodingOptions
    from app.schemas.encoding import Model as Model
    from app.schemas.encoding import ModelsAnswer as ModelsAnswer
    from app.schemas.encoding import PictureToEncode as PictureToEncode
    from app.schemas.encoding import is_picture as is_picture
    from app.schemas.errors import error_answers as error_answers
    from app.schemas.evaluation import DetailsAnswer as DetailsAnswer
    from app.schemas.evaluation import EvaluationAnswer as EvaluationAnswer
    from app.schemas.evaluation import ProgressAnswer as ProgressAnswer
    from app.schemas.examples import CatalogueExamples as CatalogueExamples
    from app.schemas.examples import ranked as ranked
    from app.schemas.fields import EXAMPLE_PRODUCT as EXAMPLE_PRODUCT
    from app.schemas.fields import MAX_JSON as MAX_JSON
    from app.schemas.fields import MAX_NAME as MAX_NAME
    from app.schemas.fields import MAX_PRODUCT_JSON as MAX_PRODUCT_JSON
    from app.schemas.fields import MAX_SUGGESTIONS as MAX_SUGGESTIONS
    from app.schemas.fields import MAX_TEXT as MAX_TEXT
    from app.schemas.fields import MODEL_NAME as MODEL_NAME
    from app.schemas.fields import CroppedPicture as CroppedPicture
    from app.schemas.fields import Name as Name
    from app.schemas.fields import as_value as as_value
    from app.schemas.fields import clean as clean
    from app.schemas.listing import DeletionAnswer as DeletionAnswer
    from app.schemas.listing import ListAnswer as ListAnswer
    from app.schemas.listing import ListedField as ListedField
    from app.schemas.listing import listed_fields as listed_fields
    from app.schemas.openapi import batch_body as batch_body
    from app.schemas.openapi import body_docs as body_docs
    from app.schemas.openapi import bulk_body as bulk_body
    from app.schemas.openapi import classify_body as classify_body
    from app.schemas.openapi import embeddings_body as embeddings_body
    from app.schemas.openapi import explain_body as explain_body
    from app.schemas.openapi import patch_body as patch_body
    from app.schemas.openapi import product_body as product_body
    from app.schemas.openapi import regions_body as regions_body
    from app.schemas.openapi import search_body as search_body
    from app.schemas.openapi import tag_body as tag_body
    from app.schemas.operations import Health as Health
    from app.schemas.operations import Ready as Ready
    from app.schemas.products import CHANGES as CHANGES
    from app.schemas.products import MAX_FACET_VALUES as MAX_FACET_VALUES
    from app.schemas.products import BulkAnswer as BulkAnswer
    from app.schemas.products import FacetsAnswer as FacetsAnswer
    from app.schemas.products import LabelsAnswer as LabelsAnswer
    from app.schemas.products import LineError as LineError
    from app.schemas.products import MapAnswer as MapAnswer
    from app.schemas.products import ProductDetail as ProductDetail
    from app.schemas.products import ProductLine as ProductLine
    from app.schemas.products import ProductRequest as ProductRequest
    from app.schemas.regions import Region as Region
    from app.schemas.regions import RegionsAnswer as RegionsAnswer
    from app.schemas.regions import RegionsRequest as RegionsRequest
    from app.schemas.results import DescriptionAnswer as DescriptionAnswer
    from app.schemas.results import DescriptionAnswers as DescriptionAnswers
    from app.schemas.results import ProductAnswer as ProductAnswer
    from app.schemas.results import ProductAnswers as ProductAnswers
    from app.schemas.results import SuggestionResult as SuggestionResult
    from app.schemas.results import SuggestionsAnswer as SuggestionsAnswer
    from app.schemas.search import SearchRequest as SearchRequest
    from app.schemas.search_address import SimilarRequest as SimilarRequest
    from app.schemas.search_address import address_parameters as address_parameters
    from app.schemas.search_address import fields_of_address as fields_of_address
    from app.schemas.search_address import search_of_address as search_of_address
    from app.schemas.search_address import similar_of_address as similar_of_address
    from app.schemas.search_address import similar_parameters as similar_parameters
    from app.schemas.tagging import MAX_TAGGED as MAX_TAGGED
    from app.schemas.tagging import TagAnswer as TagAnswer
    from app.schemas.tagging import Tagged as Tagged
    from app.schemas.tagging import TagRequest as TagRequest
    from app.schemas.tagging import TagResult as TagResult

__getattr__ = lazy_exports(
    __name__,
    {
        "app.schemas.batch": "BatchRequest",
        "app.schemas.checking": "checked",
        "app.schemas.classification": (
            "ClassifyAnswer ClassifyRequest ExplainAnswer ExplainRequest ExplainedResult LabelResult WordResult"
        ),
        "app.schemas.conditions": "MAX_FILTERS as_filters filters_of",
        "app.schemas.document": "DocumentedApp",
        "app.schemas.encoding": (
            "EmbeddingsAnswer EmbeddingsRequest EncodingOptions Model ModelsAnswer PictureToEncode is_picture"
        ),
        "app.schemas.errors": "error_answers",
        "app.schemas.examples": "CatalogueExamples ranked",
        "app.schemas.evaluation": "DetailsAnswer EvaluationAnswer ProgressAnswer",
        "app.schemas.fields": (
            "CroppedPicture EXAMPLE_PRODUCT MAX_JSON MAX_NAME MAX_PRODUCT_JSON MAX_SUGGESTIONS MAX_TEXT MODEL_NAME Name"
            " as_value clean"
        ),
        "app.schemas.listing": "DeletionAnswer ListAnswer ListedField listed_fields",
        "app.schemas.openapi": (
            "batch_body body_docs bulk_body classify_body embeddings_body explain_body patch_body "
            "product_body regions_body search_body tag_body"
        ),
        "app.schemas.operations": "Health Ready",
        "app.schemas.products": (
            "BulkAnswer CHANGES FacetsAnswer LabelsAnswer LineError MAX_FACET_VALUES MapAnswer ProductDetail "
            "ProductLine ProductRequest"
        ),
        "app.schemas.regions": "Region RegionsAnswer RegionsRequest",
        "app.schemas.results": (
            "DescriptionAnswer DescriptionAnswers ProductAnswer ProductAnswers SuggestionResult SuggestionsAnswer"
        ),
        "app.schemas.search": "SearchRequest",
        "app.schemas.tagging": "MAX_TAGGED TagAnswer TagRequest TagResult Tagged",
        "app.schemas.search_address": (
            "SimilarRequest address_parameters fields_of_address search_of_address similar_of_address "
            "similar_parameters"
        ),
    },
)
