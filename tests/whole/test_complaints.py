"""What users of comparable projects complain about, and the tests which show that it cannot happen here.

Most of these tests stand where the code that they are about is tested; `COMPLAINTS` says where. The others are here.
"""

from __future__ import annotations

import ast
import json
import math
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from tests.tools.root import ROOT
from tests.tools.shop import IMAGES, DrawnEncoder, ask, data_uri, draw, shop_open, write_catalogue
from training.loss import contrastive_loss
from training.resume import LOG_FILE

TESTS = ROOT / "tests"


@dataclass(frozen=True)
class Complaint:
    """What somebody reported, where, and what would fail here if it came to that."""

    what: str
    issues: tuple[str, ...]
    tests: tuple[str, ...]


COMPLAINTS = [
    Complaint(
        "pictures are fetched from any address, redirects followed",
        ("marqo 1452",),
        (
            "app/test_promises.py::test_nothing_is_connected_to_while_serving",
            "app/test_search_parts.py::test_an_address_is_never_fetched",
        ),
    ),
    Complaint(
        "a 1x1 picture kills the endpoint until a restart while /health stays 200; every later request hangs",
        ("infinity 609", "infinity 367"),
        (
            "app/test_search_refused.py::test_no_picture_stops_the_encoder",
            "app/test_failures.py::test_a_stuck_worker_is_not_ready_but_alive_and_recovers",
            "app/test_failures.py::test_a_dead_worker_is_not_ready_and_nobody_waits_for_it",
        ),
    ),
    Complaint(
        "memory creeps up until the process is killed; a cap per batch is asked for",
        ("infinity 517",),
        (
            "whole/test_complaints.py::test_no_request_makes_a_batch_larger_than_the_cap",
            "app/test_batcher.py::test_batches_and_queue_count_inputs_not_jobs",
            "app/test_uploads.py::test_more_uploads_than_slots_are_refused_at_once",
            "index/test_search_updates.py::test_rows_of_products_that_are_gone_are_let_go",
        ),
    ),
    Complaint(
        "one truncated picture makes a bulk run hang for ever",
        ("clip-retrieval 257",),
        (
            "app/test_search_refused.py::test_one_truncated_picture_of_many_holds_nobody_up",
            "app/test_bulk.py::test_many_lines_are_written_and_bad_ones_fail_alone",
            "training/test_data_layouts.py::test_a_damaged_member_costs_only_itself",
            "training/test_training.py::test_a_picture_that_cannot_be_used_is_left_out",
        ),
    ),
    Complaint(
        "index and metadata get out of step; merging indices fails",
        ("clip-retrieval 304", "clip-retrieval 280"),
        (
            "whole/test_kill.py::test_nothing_is_lost_and_nothing_half_visible_when_the_service_is_killed",
            "app/test_live_model.py::LiveCatalogue",
            "index/test_search_updates.py::test_an_index_that_is_carried_on_is_the_one_made_anew",
            "index/test_live_catalogue.py::test_what_others_changed_during_a_build_is_carried_over",
        ),
    ),
    Complaint(
        "items cannot be added to a live index",
        ("autofaiss 11", "autofaiss 137"),
        (
            "app/test_products.py::test_a_product_is_found_as_soon_as_it_is_acknowledged",
            "app/test_bulk.py::test_thousands_of_lines_go_through_piece_by_piece",
            "app/test_live.py::test_two_services_see_each_others_changes_within_a_second",
        ),
    ),
    Complaint(
        "it dies without a message when it cannot start; a start of a large model times out",
        ("marqo 796", "clip-as-service 835"),
        (
            "app/test_workers.py::test_workers_that_cannot_start_end_the_service_with_the_reason",
            "index/test_live_catalogue.py::test_a_full_disk_is_said_and_changes_nothing",
        ),
    ),
    Complaint(
        "a machine without a network still tries to download",
        ("open_clip 580",),
        (
            "app/test_promises.py::test_nothing_is_connected_to_while_serving",
            "training/test_hub.py::test_a_hub_that_is_not_there_is_reported_at_once",
            "training/test_hub.py::test_a_hub_that_never_answers_is_given_up_within_seconds",
        ),
    ),
    Complaint(
        "a worker is lost after a while and callers see only that they cannot connect",
        ("clip-as-service 850",),
        ("app/test_workers.py::test_workers_share_figures_reload_and_are_started_again",),
    ),
    Complaint(
        "many results take long: 2,000 take 38 s",
        ("clip-retrieval 213",),
        ("app/test_search.py::test_a_large_k_is_one_search",),
    ),
    Complaint(
        "a data set of pictures instead of addresses, and a model of one's own, cannot be used",
        ("clip-retrieval 108", "clip-as-service 826"),
        (
            "vitrine/test_cli.py::test_the_whole_road",
            "app/test_encoding.py::test_a_trained_checkpoint_is_served_with_its_own_vectors",
            "training/test_training.py::test_a_run_can_begin_with_a_checkpoint",
        ),
    ),
    Complaint(
        "many pictures of one caption are taken for negatives of each other",
        ("open_clip 1027", "open_clip 869", "Chinese-CLIP 111"),
        (
            "training/test_loss.py::test_same_titles_share_the_target_and_are_no_negatives",
            "training/test_inputs.py::test_attributes_alone_are_positives_of_all_that_have_them",
        ),
    ),
    Complaint(
        "targets made of the model's own similarities collapse; the loss stays at ln(batch)",
        ("OpenAI-CLIP 16", "OpenAI-CLIP 27", "open_clip 17"),
        (
            "whole/test_complaints.py::test_to_make_all_vectors_alike_is_no_way_to_a_small_loss",
            "whole/test_complaints.py::test_the_loss_of_a_run_leaves_the_logarithm_of_the_batch",
        ),
    ),
    Complaint(
        "decoding starves the device",
        ("open_clip 110", "open_clip 899"),
        (
            "training/test_benchmark.py::test_the_benchmark_times_the_real_loop",
            "training/test_inputs.py::test_batches_made_ahead_are_the_same_batches",
            "training/test_data_decode.py::test_decoding_in_threads_gives_what_a_plain_loop_gives",
        ),
    ),
    Complaint(
        "a header or a row is not read as CSV: quoted commas, cells of 140 kB, semicolons",
        ("node-red 2860", "simonw/datasette-lite 84", "woocommerce 33481"),
        (
            "training/test_csv_text.py::test_a_header_is_read_as_the_rows_are",
            "training/test_csv_text.py::test_a_cell_may_be_as_long_as_it_is",
            "training/test_csv_text.py::test_tables_are_read_whatever_separates_them",
        ),
    ),
    Complaint(
        "letters are lost in a table of Windows-1252",
        ("snipe-it 16518",),
        ("training/test_encodings.py::test_titles_in_windows_1252_are_what_was_typed",),
    ),
    Complaint(
        "pictures are not found by the names that a table has",
        ("owncloud/core 21365", "immich 2803", "woocommerce 34839"),
        (
            "training/test_picture_names.py::test_a_picture_is_found_by_the_name_that_the_table_has",
            "training/test_picture_names.py::test_kaggle_pictures_may_have_any_suffix_that_is_read",
            "training/test_picture_names.py::test_several_pictures_of_a_cell_are_all_read",
        ),
    ),
    Complaint(
        "types and layouts of other programs are not understood: floats as ids, image folders, decimals, passwords",
        ("pandas 48704", "huggingface/datasets 4814", "kaskada 315", "nextcloud-app-files-archive 66"),
        (
            "training/test_csv_text.py::test_whole_numbers_that_became_floats_are_whole",
            "training/test_table_files.py::test_an_image_folder_has_the_names_of_its_pictures_as_ids",
            "training/test_parquet_layouts.py::test_a_value_keeps_its_type",
            "training/test_picture_names.py::test_a_password_is_named",
        ),
    ),
    Complaint(
        "pictures are refused that every viewer shows",
        ("Pillow 8363", "shelf 32"),
        (
            "models/test_repair.py::test_the_case_that_was_seen",
            "app/test_photos.py::test_a_phone_s_png_of_50_megapixels_is_answered",
        ),
    ),
    Complaint(
        "pictures are seen in other colours, or not at all",
        ("photoprism 1798", "compressorjs 26", "specify7 7121"),
        (
            "models/test_colour.py::test_colours_of_a_profile_become_srgb",
            "app/page/test_real_shops.py::test_a_cut_out_is_the_same_to_the_page_and_to_the_service",
            "app/test_shown_pictures.py::test_browsers_get_what_they_can_show_and_programs_what_was_delivered",
        ),
    ),
    Complaint(
        "limits of one part are not known to another",
        ("typesense-instantsearch-adapter 177", "typesense 91"),
        (
            "app/page/test_real_shops.py::test_a_shop_with_more_attributes_than_a_search_counts",
            "app/page/test_real_shops.py::test_descriptions_of_a_paragraph_are_shown_and_explained_as_far_as_they_can_be",
            "app/test_values.py::test_a_product_within_the_limits_can_be_read_and_put_back",
        ),
    ),
    Complaint(
        "forms and JSON are refused as clients send them",
        ("litestar 4659", "requests 4652", "validator.js 1424", "typesense 266"),
        (
            "app/test_as_clients_send.py::test_a_file_input_where_nothing_was_chosen_is_no_picture",
            "app/test_as_clients_send.py::test_a_picture_is_a_file_however_it_is_named",
            "app/test_as_clients_send.py::test_data_uris_are_read_however_they_are_written",
            "app/test_values.py::test_values_are_what_they_were_sent_as",
        ),
    ),
    Complaint(
        "prices with a currency are silently unequal, and an attribute that is gone is an error",
        ("reactivesearch 309", "typesense 681"),
        (
            "index/test_contract_fields.py::test_prices_with_a_currency_are_numbers",
            "app/test_browsing.py::test_an_attribute_that_none_has_any_more_is_none",
        ),
    ),
    Complaint(
        "the service cannot stand behind something, or beside something",
        ("immich 11666", "typesense-website 5", "Spoolman 961"),
        (
            "app/page/test_real_shops.py::test_every_page_works_below_a_path_of_a_proxy",
            "app/test_origins.py::test_a_shops_page_may_search",
            "app/test_settings.py::test_link_to_a_service_of_kubernetes_is_no_port_to_listen_on",
        ),
    ),
    Complaint(
        "a command writes over files of the user's own",
        ("transformers 11599",),
        ("training/test_own_folder.py::test_training_refuses_a_folder_with_other_files",),
    ),
]


def test_every_complaint_has_tests_that_exist() -> None:
    defined: dict[str, set[str]] = {}
    for complaint in COMPLAINTS:
        assert complaint.issues
        assert complaint.tests
        for test in complaint.tests:
            file, name = test.split("::")
            if file not in defined:
                tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
                found = ast.walk(tree)
                defined[file] = {node.name for node in found if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
            assert name in defined[file], test
    assert len(COMPLAINTS) == 25


def test_no_request_makes_a_batch_larger_than_the_cap(tmp_path: Path) -> None:
    """A cap per batch bounds what the encoder takes at a time, whatever a call brings (infinity 517)."""
    encoder = DrawnEncoder()
    picture = data_uri(draw("red", "bag"))
    with shop_open(write_catalogue(tmp_path / "catalogue", encoder), encoder, max_batch=4) as client:
        ask(client, "/v1/embeddings", input=[*(f"text {number}" for number in range(11)), *[picture] * 11])
        ask(client, f"{IMAGES}/batch", queries=[{"text": f"query {number}", "image": picture} for number in range(11)])
        ask(client, "/v1/classify", image=picture, labels=[f"label {number}" for number in range(19)])
    assert max(len(texts) for texts in encoder.text_batches) <= 4
    assert max(encoder.pixel_batches) <= 4


def test_to_make_all_vectors_alike_is_no_way_to_a_small_loss() -> None:
    """The targets are the titles', never the model's own similarities (OpenAI-CLIP 16, 27)."""
    right = torch.eye(8)
    alike = torch.ones(8, 8) / math.sqrt(8)
    scale = torch.tensor(20.0)
    assert float(contrastive_loss(alike, alike, scale)) == pytest.approx(math.log(8), abs=1e-5)
    assert float(contrastive_loss(right, right, scale)) < 1e-3
    for groups in (torch.arange(8), torch.tensor([0, 0, 1, 1, 2, 2, 3, 3])):
        vectors = torch.eye(8)[groups]
        assert contrastive_loss(vectors, vectors, scale, groups) < contrastive_loss(alike, alike, scale, groups) - 0.5


def test_the_loss_of_a_run_leaves_the_logarithm_of_the_batch(checkpoint: Path) -> None:
    """The loss that stays at ln(batch) is that of a model which tells nothing apart (open_clip 17)."""
    losses = [json.loads(line)["loss"] for line in (checkpoint / LOG_FILE).read_text(encoding="utf-8").splitlines()]
    assert sum(losses[-5:]) / 5 < 0.75 * math.log(16)
