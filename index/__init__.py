"""What a catalogue is: products, the store that holds them, search with filters, retrieval metrics.

Knows no model and no HTTP. Code outside this package imports from here, or from `index.metrics`.
Names are imported on first use, so that `SplitRule` needs neither FAISS nor SQLite.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from index.ann import DEPTH as DEPTH
    from index.ann import IndexRequirements as IndexRequirements
    from index.ann import make_index as make_index
    from index.checking import damaged_products as damaged_products
    from index.copying import copy_catalogue as copy_catalogue
    from index.derived import make_map as make_map
    from index.derived import map_beside as map_beside
    from index.fields import FieldType as FieldType
    from index.filters import Filter as Filter
    from index.filters import Filters as Filters
    from index.filters import passes as passes
    from index.histograms import Histogram as Histogram
    from index.kept import Keep as Keep
    from index.kept import kept_text as kept_text
    from index.language import LANGUAGES as LANGUAGES
    from index.language import Labels as Labels
    from index.language import Languages as Languages
    from index.limits import MAX_ATTRIBUTES as MAX_ATTRIBUTES
    from index.limits import MAX_LISTED as MAX_LISTED
    from index.limits import MAX_NAME as MAX_NAME
    from index.limits import MAX_PICTURES as MAX_PICTURES
    from index.limits import MAX_TITLE as MAX_TITLE
    from index.limits import MAX_TOTAL as MAX_TOTAL
    from index.limits import MAX_VALUE as MAX_VALUE
    from index.limits import beyond as beyond
    from index.location import Database as Database
    from index.location import Location as Location
    from index.location import check_pictures as check_pictures
    from index.location import parse_location as parse_location
    from index.map import MAP_FILE as MAP_FILE
    from index.map import METHODS as METHODS
    from index.map import Method as Method
    from index.map import ProductMap as ProductMap
    from index.map import RegionLabel as RegionLabel
    from index.map import checked_map as checked_map
    from index.map import name_regions as name_regions
    from index.measuring import measured as measured
    from index.metrics import KAGL_ATTRIBUTES as KAGL_ATTRIBUTES
    from index.metrics import evaluate as evaluate
    from index.metrics import evaluate_details as evaluate_details
    from index.metrics import evaluate_kagl as evaluate_kagl
    from index.metrics import evaluate_split as evaluate_split
    from index.metrics import query_stats as query_stats
    from index.metrics import ranks as ranks
    from index.metrics import title_slices as title_slices
    from index.modify import MODIFY_WEIGHT as MODIFY_WEIGHT
    from index.modify import NEIGHBOURS as NEIGHBOURS
    from index.modify import Change as Change
    from index.modify import Kept as Kept
    from index.modify import as_filters as as_filters
    from index.modify import change_of as change_of
    from index.modify import words_share as words_share
    from index.names import MAX_NAMES as MAX_NAMES
    from index.nearest import did_you_mean as did_you_mean
    from index.nearest import nearest_name as nearest_name
    from index.nearest import typo_of as typo_of
    from index.pictures import FurtherPicture as FurtherPicture
    from index.pictures import FurtherVectors as FurtherVectors
    from index.pictures import picture_digest as picture_digest
    from index.prices import CODES as CODES
    from index.prices import SYMBOLS as SYMBOLS
    from index.prices import THOUSANDTHS as THOUSANDTHS
    from index.prices import Price as Price
    from index.prices import amount_in as amount_in
    from index.prices import price_in as price_in
    from index.product import MAX_ID as MAX_ID
    from index.product import PRODUCT_ID as PRODUCT_ID
    from index.product import SPLITS as SPLITS
    from index.product import Product as Product
    from index.product import Split as Split
    from index.product import SplitRule as SplitRule
    from index.product import Value as Value
    from index.product import is_id as is_id
    from index.product import texts_of as texts_of
    from index.product import title_key as title_key
    from index.query import MAX_K as MAX_K
    from index.query import MODES as MODES
    from index.query import NEWEST as NEWEST
    from index.query import SIDES as SIDES
    from index.query import VARIANT as VARIANT
    from index.query import Collapse as Collapse
    from index.query import LikeVectors as LikeVectors
    from index.query import Mode as Mode
    from index.query import SearchQuery as SearchQuery
    from index.query import Side as Side
    from index.query import Sort as Sort
    from index.query import UnknownProductError as UnknownProductError
    from index.ranking import hub_weight as hub_weight
    from index.records import ANY as ANY
    from index.records import CatalogueInfo as CatalogueInfo
    from index.records import Changes as Changes
    from index.records import Delete as Delete
    from index.records import Entry as Entry
    from index.records import ExistsError as ExistsError
    from index.records import Put as Put
    from index.records import Snapshot as Snapshot
    from index.records import Written as Written
    from index.records import check_condition as check_condition
    from index.records import entry_digest as entry_digest
    from index.results import MEMBERS as MEMBERS
    from index.results import DescriptionHit as DescriptionHit
    from index.results import Group as Group
    from index.results import Hit as Hit
    from index.results import Page as Page
    from index.results import Signals as Signals
    from index.search import Search as Search
    from index.sqlite import Catalogue as Catalogue
    from index.sqlite import CatalogueWriter as CatalogueWriter
    from index.sqlite import Pictures as Pictures
    from index.store import MapStore as MapStore
    from index.store import Store as Store
    from index.store import edits_to_keep as edits_to_keep
    from index.store import open_catalogue as open_catalogue
    from index.store import open_index as open_index
    from index.store import open_map as open_map
    from index.store import open_search as open_search
    from index.store import refresh as refresh
    from index.store import write_catalogue as write_catalogue
    from index.tagging import Subject as Subject
    from index.tagging import Tag as Tag
    from index.tagging import Tagger as Tagger
    from index.tagging import TaggerMaking as TaggerMaking
    from index.tagging import make_tagger as make_tagger
    from index.tagging import neighbours_of as neighbours_of
    from index.values import first_text as first_text
    from index.values import keys_of as keys_of
    from index.vectors import SearchIndex as SearchIndex
    from index.words.units import Condition as Condition
    from index.words.units import Correction as Correction
    from index.words.units import ParsedText as ParsedText
    from index.words.units import Suggestion as Suggestion
    from index.words.units import Unit as Unit

__getattr__ = lazy_exports(
    __name__,
    {
        "index.checking": "damaged_products",
        "index.copying": "copy_catalogue",
        "index.derived": "make_map map_beside",
        "index.fields": "FieldType",
        "index.filters": "Filter Filters passes",
        "index.histograms": "Histogram",
        "index.kept": "Keep kept_text",
        "index.ann": "DEPTH IndexRequirements make_index",
        "index.language": "LANGUAGES Labels Languages",
        "index.limits": "MAX_ATTRIBUTES MAX_LISTED MAX_NAME MAX_PICTURES MAX_TITLE MAX_TOTAL MAX_VALUE beyond",
        "index.location": "Database Location check_pictures parse_location",
        "index.map": "MAP_FILE METHODS Method ProductMap RegionLabel checked_map name_regions",
        "index.measuring": "measured",
        "index.metrics": (
            "KAGL_ATTRIBUTES evaluate evaluate_details evaluate_kagl evaluate_split query_stats ranks title_slices"
        ),
        "index.modify": "Change Kept MODIFY_WEIGHT NEIGHBOURS as_filters change_of words_share",
        "index.names": "MAX_NAMES",
        "index.nearest": "did_you_mean nearest_name typo_of",
        "index.pictures": "FurtherPicture FurtherVectors picture_digest",
        "index.prices": "CODES Price SYMBOLS THOUSANDTHS amount_in price_in",
        "index.product": "MAX_ID PRODUCT_ID Product SPLITS Split SplitRule Value is_id texts_of title_key",
        "index.query": (
            "Collapse LikeVectors MAX_K MODES Mode NEWEST SIDES SearchQuery Side Sort UnknownProductError VARIANT"
        ),
        "index.ranking": "hub_weight",
        "index.records": (
            "ANY CatalogueInfo Changes Delete Entry ExistsError Put Snapshot Written check_condition entry_digest"
        ),
        "index.results": "DescriptionHit Group Hit MEMBERS Page Signals",
        "index.search": "Search",
        "index.sqlite": "Catalogue CatalogueWriter Pictures",
        "index.tagging": "Subject Tag Tagger TaggerMaking make_tagger neighbours_of",
        "index.store": (
            "MapStore Store edits_to_keep open_catalogue open_index open_map open_search refresh write_catalogue"
        ),
        "index.values": "first_text keys_of",
        "index.vectors": "SearchIndex",
        "index.words.units": "Condition Correction ParsedText Suggestion Unit",
    },
)
