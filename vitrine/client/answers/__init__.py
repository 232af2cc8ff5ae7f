"""What the service answers, as typed dictionaries: one for each shape in its OpenAPI document.

Made by `python -m tests.tools.api_types` from the service's OpenAPI document; not edited by hand.
"""

from __future__ import annotations

from vitrine.client.answers.encoding import ClassifyAnswer as ClassifyAnswer
from vitrine.client.answers.encoding import Embedding as Embedding
from vitrine.client.answers.encoding import EmbeddingsAnswer as EmbeddingsAnswer
from vitrine.client.answers.encoding import LabelResult as LabelResult
from vitrine.client.answers.encoding import Model as Model
from vitrine.client.answers.encoding import ModelsAnswer as ModelsAnswer
from vitrine.client.answers.encoding import TagAnswer as TagAnswer
from vitrine.client.answers.encoding import Tagged as Tagged
from vitrine.client.answers.encoding import TagResult as TagResult
from vitrine.client.answers.encoding import Usage as Usage
from vitrine.client.answers.evaluation import DetailsAnswer as DetailsAnswer
from vitrine.client.answers.evaluation import Direction as Direction
from vitrine.client.answers.evaluation import DirectionDetails as DirectionDetails
from vitrine.client.answers.evaluation import EvaluationAnswer as EvaluationAnswer
from vitrine.client.answers.evaluation import Figure as Figure
from vitrine.client.answers.evaluation import FoundExample as FoundExample
from vitrine.client.answers.evaluation import Measured as Measured
from vitrine.client.answers.evaluation import ProgressAnswer as ProgressAnswer
from vitrine.client.answers.evaluation import QueryExample as QueryExample
from vitrine.client.answers.evaluation import Similarity as Similarity
from vitrine.client.answers.evaluation import Slice as Slice
from vitrine.client.answers.products import BulkAnswer as BulkAnswer
from vitrine.client.answers.products import DeletionAnswer as DeletionAnswer
from vitrine.client.answers.products import FacetsAnswer as FacetsAnswer
from vitrine.client.answers.products import Health as Health
from vitrine.client.answers.products import LabelsAnswer as LabelsAnswer
from vitrine.client.answers.products import LineError as LineError
from vitrine.client.answers.products import ListAnswer as ListAnswer
from vitrine.client.answers.products import ListedProduct as ListedProduct
from vitrine.client.answers.products import MapAnswer as MapAnswer
from vitrine.client.answers.products import MapAttribute as MapAttribute
from vitrine.client.answers.products import ProductDetail as ProductDetail
from vitrine.client.answers.products import Ready as Ready
from vitrine.client.answers.products import RegionAnswer as RegionAnswer
from vitrine.client.answers.products import RegionWordAnswer as RegionWordAnswer
from vitrine.client.answers.search import BucketResult as BucketResult
from vitrine.client.answers.search import Corrected as Corrected
from vitrine.client.answers.search import DescriptionAnswer as DescriptionAnswer
from vitrine.client.answers.search import DescriptionAnswers as DescriptionAnswers
from vitrine.client.answers.search import DescriptionResult as DescriptionResult
from vitrine.client.answers.search import ErrorAnswer as ErrorAnswer
from vitrine.client.answers.search import ErrorBody as ErrorBody
from vitrine.client.answers.search import ErrorDetail as ErrorDetail
from vitrine.client.answers.search import ExplainAnswer as ExplainAnswer
from vitrine.client.answers.search import ExplainedResult as ExplainedResult
from vitrine.client.answers.search import GroupResult as GroupResult
from vitrine.client.answers.search import HistogramResult as HistogramResult
from vitrine.client.answers.search import Interpreted as Interpreted
from vitrine.client.answers.search import Member as Member
from vitrine.client.answers.search import ProductAnswer as ProductAnswer
from vitrine.client.answers.search import ProductAnswers as ProductAnswers
from vitrine.client.answers.search import ProductResult as ProductResult
from vitrine.client.answers.search import Region as Region
from vitrine.client.answers.search import RegionsAnswer as RegionsAnswer
from vitrine.client.answers.search import SignalValues as SignalValues
from vitrine.client.answers.search import SuggestionResult as SuggestionResult
from vitrine.client.answers.search import SuggestionsAnswer as SuggestionsAnswer
from vitrine.client.answers.search import Timing as Timing
from vitrine.client.answers.search import WordResult as WordResult
