"""What the service counts and measures of itself, and the dashboard that shows it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import yaml
from prometheus_client.parser import text_string_to_metric_families

from app.settings import Settings
from tests.tools.root import ROOT
from tests.tools.shop import (
    DESCRIPTIONS,
    IMAGES,
    ask,
    draw,
    encoded,
    error_of,
    shop_open,
)

LABELS = ("route", "method", "status", "code", "stage", "result", "version", "encoder_id", "le")


def figures(client: httpx.Client) -> dict[tuple[str, ...], float]:
    """Return every sample of /metrics by its name and its labels' values, in the order of LABELS."""
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, *(sample.labels[label] for label in LABELS if label in sample.labels)): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_requests_stages_and_what_is_served_are_counted(folder: Path) -> None:
    with shop_open(folder) as client:
        ask(client, IMAGES, text="red dress")
        files = {"image": ("x", encoded(draw("red", "dress")))}
        assert client.post(DESCRIPTIONS, files=files).status_code == 200
        for number in (1000, 1001, 1002):
            client.get(f"/v1/products/{number}")
        client.get("/v1/products/9")
        client.head("/v1/products/1000")
        error_of(client.post(IMAGES, json={"text": "x", "k": 0}), 422, "invalid_request")
        client.get("/v1/evaluation")
        client.get("/v1/evaluation")
        for number in range(20):
            client.get(f"/nothing/{number}")
        client.request("PROPFIND", "/healthz")
        found = figures(client)
    total = "vitrine_requests_total"
    assert found[total, IMAGES, "POST", "200"] == 1
    assert found[total, IMAGES, "POST", "422"] == 1
    assert found[total, "/v1/products/{product_id:path}", "GET", "200"] == 3
    assert found[total, "/v1/products/{product_id:path}", "GET", "404"] == 1
    assert found[total, "/v1/products/{product_id:path}", "HEAD", "200"] == 1
    assert found[total, "none", "GET", "404"] == 20
    assert found[total, "/healthz", "other", "405"] == 1
    assert found["vitrine_request_seconds_count", IMAGES] == 2
    assert found["vitrine_refused_total", "not_found"] == 21
    assert found["vitrine_refused_total", "invalid_request"] == 1
    stages = {stage: found["vitrine_stage_seconds_count", stage] for stage in ("receive", "decode", "queue", "search")}
    assert stages == {"receive": 3, "decode": 1, "queue": 2, "search": 2}
    assert found["vitrine_batch_size_sum",] == 2
    assert found["vitrine_evaluations_total",] == 1
    assert found["vitrine_catalogue_version",] == 0
    assert found["vitrine_catalogue_products",] == 48
    assert found["vitrine_queue_depth",] == 0
    assert found["vitrine_resident_memory_bytes",] > 50_000_000
    assert [labels for name, *labels in found if name == "vitrine_build_info"] == [["0.1.0", "drawn-1"]]


def test_labels_stay_few_whatever_is_sent(folder: Path) -> None:
    with shop_open(folder) as client:
        before = len(figures(client))
        for number in range(200):
            client.get(f"/v1/products/{number}x/image")
            client.get(f"/{number}/../{number}?q={number}")
            client.request(f"M{number}", f"/number/{number}")
        assert len(figures(client)) < before + 60


def test_several_applications_in_one_process_count_apart(folder: Path) -> None:
    with shop_open(folder) as one, shop_open(folder) as other:
        ask(one, IMAGES, text="red dress")
        assert ("vitrine_requests_total", IMAGES, "POST", "200") in figures(one)
        assert ("vitrine_requests_total", IMAGES, "POST", "200") not in figures(other)


def names_in(expression: str) -> set[str]:
    return set(re.findall(r"\bvitrine_\w+", expression))


def test_the_dashboard_asks_for_figures_that_there_are(client: httpx.Client) -> None:
    ask(client, IMAGES, text="red dress")
    error_of(client.get("/nothing"), 404, "not_found")
    known = {sample for sample, *_ in figures(client)}
    dashboard = json.loads((ROOT / "monitoring/grafana/dashboards/vitrine.json").read_text(encoding="utf-8"))
    panels = dashboard["panels"]
    source = yaml.safe_load((ROOT / "monitoring/grafana/provisioning/datasources/prometheus.yml").read_text())
    assert {panel["datasource"]["uid"] for panel in panels} == {source["datasources"][0]["uid"]}
    assert len({panel["id"] for panel in panels}) == len(panels)
    asked: set[str] = set()
    for panel in panels:
        for target in panel["targets"]:
            expression = target["expr"]
            assert names_in(expression), panel["title"]
            assert names_in(expression) <= known, panel["title"]
            for opening, closing in ("()", "{}", "[]"):
                assert expression.count(opening) == expression.count(closing)
            asked |= names_in(expression)
    # And every figure is shown somewhere, up to the parts of a histogram.
    families = {name.rsplit("_", 1)[0] if name.endswith(("_bucket", "_sum", "_count")) else name for name in known}
    shown = {name.rsplit("_", 1)[0] if name.endswith(("_bucket", "_sum", "_count")) else name for name in asked}
    assert families == shown


def test_labels_in_the_dashboard_exist(client: httpx.Client) -> None:
    text = (ROOT / "monitoring/grafana/dashboards/vitrine.json").read_text(encoding="utf-8")
    groups = {name for group in re.findall(r"by \(([^)]*)\)", text) for name in group.split(", ")}
    assert groups == {"route", "code", "le", "stage", "result", "version", "encoder_id"}
    shown = client.get("/metrics").text
    for name in groups - {"code"}:
        assert f'{name}="' in shown


def test_the_page_for_operators_names_what_there_is(client: httpx.Client) -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    variables = set(re.findall(r"VITRINE_(\w+)", page))
    assert {name.lower() for name in variables} <= {*Settings.model_fields, "api_key"}, "api_key is what a client sends"
    assert {
        "KEYS",
        "READS",
        "METRICS",
        "RATE_LIMIT",
        "TRUSTED_PROXIES",
        "WORKERS",
        "LOG_FORMAT",
        "LOG_LEVEL",
    } <= variables
    error_of(client.get("/nothing"), 404, "not_found")
    client.get("/healthz")
    known = {re.sub("_(bucket|sum|count)$", "", name) for name, *_ in figures(client)}
    assert names_in(page) == known
