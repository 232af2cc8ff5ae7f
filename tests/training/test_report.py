"""The report in a checkpoint folder: its files, and its figures against slow computations."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huggingface_hub import ModelCard
from PIL import Image, ImageChops

from common import ConfigError
from index import evaluate, first_text, title_key
from tests.tools.shop import draw, encoded, unit
from training.config import RunConfig, parse_config
from training.data import Item
from training.reports import card_text, tensorboard_writer, write_report
from training.reports.contact_sheet import CELL, FRAME, cell, draw_contact_sheet
from training.reports.model_card import PICTURES
from training.reports.plots import GREEN
from training.reports.same_title import calibration, same_title_ranks

SCALE = 20.0
PIXELS = {"red": (200, 30, 45), "blue": (35, 80, 190), "black": (35, 33, 36)}


def some_items(count: int = 40) -> list[Item]:
    """Return products of which every two share a title, but for its case."""
    made = []
    for number in range(count):
        colour = list(PIXELS)[number % 3]
        title = f"{'Acme' if number % 2 else 'ACME'} {colour} dress {number // 6}"
        data = encoded(draw(colour, "dress"))
        made.append(Item(f"p{number}", title, {"gender": "Women", "baseColour": colour}, lambda data=data: data))  # type: ignore[misc]
    return made


def some_vectors(items: list[Item], noise: float = 1.7) -> tuple[np.ndarray, np.ndarray]:
    """Return vectors (V, 16) of pictures and texts that agree, with noise; equal titles have equal texts."""
    rng = np.random.default_rng(3)
    titles = [title_key(item.title) for item in items]
    of_title = {title: rng.normal(size=16) for title in dict.fromkeys(titles)}
    text = np.stack([of_title[title] for title in titles])
    return unit(text + noise * rng.normal(size=text.shape)), unit(text)


def groups_of(items: list[Item]) -> np.ndarray:
    keys = [title_key(item.title) for item in items]
    return np.array([list(dict.fromkeys(keys)).index(key) for key in keys])


def run_folder(folder: Path, epochs: int = 4, steps: int = 5) -> Path:
    """Write the log and the metrics of a run whose third epoch is its best, not validated after the first."""
    folder.mkdir(parents=True, exist_ok=True)
    log = [
        {
            "step": step + 1,
            "epoch": step // steps,
            "loss": 3 / (1 + step),
            "logit_scale": SCALE if step // steps == 2 else 14.0,
            "learning_rate": 1e-3,
        }
        for step in range(epochs * steps)
    ]
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log))
    history: list[dict[str, float]] = [{"epoch": epoch, "loss": 1.0 / (1 + epoch)} for epoch in range(epochs)]
    for entry in history[1:]:
        entry |= {"recall1": 0.2, "recall10": 0.6, "mrr10": 0.3 + 0.1 * (entry["epoch"] == 2)}
        entry |= {f"hub_{name}": 1.1 * entry[name] for name in ("recall1", "recall10", "mrr10")}
    metrics = {
        "encoder_id": "abc",
        "data": "drawn",
        "pairs": {"train": 100, "validation": 40},
        "gallery": 150,
        "parameters": {"total": 10, "learned": 5},
        "device": "cpu",
        "seconds": 1.0,
        "best_epoch": 2,
        "history": history,
    }
    (folder / "metrics.json").write_text(json.dumps(metrics))
    return folder


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Return a run's folder with a report, and the figures of that."""
    folder = run_folder(tmp_path_factory.mktemp("report") / "run")
    return folder, write_report(folder, some_items(), *some_vectors(some_items()))


# ---------------------------------------------------------------------- files


def test_every_file_is_there_and_is_what_it_says(written: tuple[Path, dict[str, Any]]) -> None:
    folder, figures = written
    files = {path.name: path for path in (folder / "report").iterdir()}
    assert set(files) == {*figures["files"], "report.json"}
    assert json.loads(files["report.json"].read_text()) == figures
    assert json.loads(files["slices.json"].read_text()) == figures["slices"]
    for name in PICTURES:
        with Image.open(files[name]) as image:
            assert image.format == ("PNG" if name.endswith(".png") else "JPEG")
            assert image.width >= 700
            assert image.height >= 400
            assert len(image.convert("L").getcolors() or []) > 20, f"{name} is all but empty"
    assert sum(path.stat().st_size for path in files.values()) < 1_500_000


def test_a_report_replaces_an_earlier_one_and_leaves_nothing_else(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run")
    (folder / "report").mkdir()
    (folder / "report" / "old.png").write_bytes(b"old")
    items = some_items(12)
    write_report(folder, items, *some_vectors(items))
    assert not (folder / "report" / "old.png").exists()
    assert sorted(path.name for path in folder.iterdir()) == ["log.jsonl", "metrics.json", "report"]


@pytest.mark.parametrize("count", [0, 1])
def test_without_validation_there_is_no_report(tmp_path: Path, count: int) -> None:
    folder = run_folder(tmp_path / "run")
    assert write_report(folder, some_items(count), np.ones((count, 4)), np.ones((count, 4))) == {}
    assert not (folder / "report").exists()


def test_two_items_and_one_step_are_enough(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run", epochs=3, steps=1)
    items = some_items(2)
    figures = write_report(folder, items, *some_vectors(items))
    assert len(figures["recall_at"]["text_to_image"]) == 2


# ---------------------------------------------------------------------- figures


def test_recall_at_k_is_that_of_the_metrics(written: tuple[Path, dict[str, Any]]) -> None:
    _, figures = written
    items = some_items()
    image, text = some_vectors(items)
    found = evaluate(image, text, [item.title for item in items], np.arange(len(items)), resamples=1)
    for direction, values in figures["recall_at"].items():
        assert len(values) == len(items)
        assert values == sorted(values)
        assert values[-1] == 1
        for k in (1, 5, 10):
            assert values[k - 1] == pytest.approx(found[direction]["same_title"][f"top{k}"]["value"], abs=1e-6)
        assert 0 < values[0] < 1, "the vectors are too easy or too hard to tell anything"


def test_calibration_equals_a_slow_computation(written: tuple[Path, dict[str, Any]]) -> None:
    _, figures = written
    items = some_items()
    groups = groups_of(items)
    image, text = some_vectors(items)
    assert figures["calibration"]["logit_scale"] == SCALE, "the temperature is the best epoch's"
    for direction, askers, answers in (("text_to_image", text, image), ("image_to_text", image, text)):
        outcomes = []
        for asker, group in zip(askers, groups, strict=True):
            scores = [SCALE * float(asker.astype(np.float64) @ answer) for answer in answers]
            first = scores.index(max(scores))
            total = sum(math.exp(score) for score in scores)
            same = sum(math.exp(score) for score, other in zip(scores, groups, strict=True) if other == groups[first])
            outcomes.append((same / total, groups[first] == group))
        outcomes.sort(key=lambda outcome: outcome[0])
        error = 0.0
        for start in range(0, 40, 4):  # ten bins of four
            sure, right = zip(*outcomes[start : start + 4], strict=True)
            error += abs(sum(sure) / 4 - sum(right) / 4) * 4 / 40
        found = figures["calibration"][direction]
        assert found["ece"] == pytest.approx(error, abs=1e-5)
        assert found["confidence"] == pytest.approx(sum(sure for sure, _ in outcomes) / 40, abs=1e-5)
        assert found["accuracy"] == pytest.approx(figures["recall_at"][direction][0])
        assert sum(b["queries"] for b in found["bins"]) == 40


def test_products_of_one_title_share_its_probability() -> None:
    """Ten equal pictures of the right title, at a high scale: sure and right, though no single one is likely."""
    answers = np.eye(2, dtype=np.float32)[[0] * 10 + [1] * 10]
    groups = np.array([0] * 10 + [1] * 10)
    right = same_title_ranks(answers, answers, groups) == 1
    assert right.all()
    found = calibration(answers, answers, groups, right, 100.0)
    assert found["confidence"] == pytest.approx(1)
    assert found["ece"] == pytest.approx(0, abs=1e-6)


def test_slices_are_those_of_the_products(written: tuple[Path, dict[str, Any]]) -> None:
    _, figures = written
    assert {"gender", "baseColour", "title frequency"} <= set(figures["slices"])
    for rows in figures["slices"].values():
        assert sum(row["queries"] for row in rows) == figures["titles"]


# ---------------------------------------------------------------------- contact sheet


def framed(sheet: Image.Image, row: int, column: int) -> bool:
    """Whether all four sides around a picture are green."""
    x, y = cell(row, column)
    beside = FRAME // 2 + 1
    middle = (x + CELL[0] // 2, y + CELL[1] // 2)
    points = [(x - beside, middle[1]), (x + CELL[0] + beside - 1, middle[1])]
    points += [(middle[0], y - beside), (middle[0], y + CELL[1] + beside - 1)]
    green = tuple(int(GREEN[at : at + 2], 16) for at in (1, 3, 5))
    sides = [sheet.getpixel(point) == green for point in points]
    assert all(sides) or not any(sides)
    return all(sides)


def test_frames_are_where_the_hits_are() -> None:
    items = some_items()
    groups = groups_of(items)
    image, text = some_vectors(items)
    sheet = draw_contact_sheet(items, image, text, seed=5)
    firsts = [int(np.flatnonzero(groups == group)[0]) for group in range(groups.max() + 1)]
    queries = np.random.default_rng(5).permutation(firsts)[:12]
    seen = set()
    for row, query in enumerate(queries):
        assert not framed(sheet, row, 0), "the query's own picture is no answer"
        order = sorted(range(len(items)), key=lambda at: -float(image[at] @ text[query]))
        for column, answer in enumerate(order[:5], start=1):
            hit = bool(groups[answer] == groups[query])
            assert framed(sheet, row, column) == hit
            seen.add(hit)
            x, y = cell(row, column)
            shown = sheet.getpixel((x + CELL[0] // 2, y + CELL[1] // 2))
            assert shown == PIXELS[first_text(items[answer].attributes["baseColour"])], "another picture stands there"
    assert seen == {True, False}


def test_a_seed_draws_the_same_titles_and_another_one_others() -> None:
    items = some_items()
    vectors = some_vectors(items)
    one, again, other = (draw_contact_sheet(items, *vectors, seed=seed) for seed in (0, 0, 1))
    assert ImageChops.difference(one, again).getbbox() is None
    assert ImageChops.difference(one, other).getbbox() is not None


def test_a_picture_that_cannot_be_read_is_a_blank(tmp_path: Path) -> None:
    def gone() -> bytes:
        raise OSError("the file is gone")

    items = some_items(6)
    items[0] = Item("broken", items[0].title, items[0].attributes, lambda: b"no picture")
    items[1] = Item("gone", items[1].title, items[1].attributes, gone)
    vectors = np.eye(6, dtype=np.float32)
    folder = run_folder(tmp_path / "run")
    write_report(folder, items, vectors, vectors)
    sheet = draw_contact_sheet(items, vectors, vectors)
    middles = []
    for row in range(3):
        x, y = cell(row, 0)
        middles.append(sheet.getpixel((x + 4, y + 4)))
    assert middles.count((238, 238, 238)) == 2, "two blanks, and one picture on white"


def test_titles_of_any_length_and_script_fit() -> None:
    items = some_items(6)
    words = ["x" * 400, "one two three " * 60, "紅いドレス — 42″ Ω", "", "a", "b"]
    items = [Item(item.id, title, item.attributes, item.read) for item, title in zip(items, words, strict=True)]
    sheet = draw_contact_sheet(items, *some_vectors(items))
    for row in range(6):  # nothing is written over the gap between title and pictures
        x, y = cell(row, 0)
        gap = sheet.crop((x - FRAME - 4, y, x - 1, y + CELL[1]))
        assert gap.getcolors() == [(gap.width * gap.height, (255, 255, 255))]


# ---------------------------------------------------------------------- model card


@pytest.fixture(scope="module")
def config() -> RunConfig:
    return parse_config({"preset": "tiny", "train": {"epochs": 4, "locked": ["text"]}})


def test_the_card_has_front_matter_figures_and_pictures(
    written: tuple[Path, dict[str, Any]], config: RunConfig
) -> None:
    folder, figures = written
    metrics = json.loads((folder / "metrics.json").read_text())
    card = card_text(config, metrics, figures)
    parsed = ModelCard(card)
    data: Any = parsed.data
    body = parsed.text
    assert data.license == "apache-2.0"
    assert all((data.tags, data.library_name, data.pipeline_tag, data.metrics))
    values = {result.metric_name: result.metric_value for result in data.eval_results or []}
    assert values == {"R@1": 0.2, "R@10": 0.6, "MRR@10": 0.4}
    assert "| `epochs` | 4 | 5 |" in body
    assert "| `locked` | text | none |" in body
    assert "`batch_size`" not in body, "the recipe table shows what differs from the defaults"
    for name in PICTURES:
        assert f"](report/{name})" in body
        assert (folder / "report" / name).is_file()
    top1 = figures["retrieval"]["text_to_image"]["same_title"]["top1"]["value"]
    assert f"| text → image | **{100 * top1:.1f}**" in body
    for rows in figures["slices"].values():
        for row in rows:
            assert row["value"] in body
    rows = [line for line in body.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in rows)


def test_the_card_stands_without_a_report(written: tuple[Path, dict[str, Any]], config: RunConfig) -> None:
    metrics = json.loads((written[0] / "metrics.json").read_text())
    card = card_text(config, metrics)
    assert "R@1 0.200" in card
    assert "report/" not in card
    metrics |= {"pairs": {"train": 100, "validation": 0}, "best_epoch": 0}
    assert "no titles to validate on" in card_text(config, metrics, {})


def test_a_value_cannot_break_the_cards_table(written: tuple[Path, dict[str, Any]], config: RunConfig) -> None:
    folder, figures = written
    metrics = json.loads((folder / "metrics.json").read_text())
    rows = [{**figures["slices"]["gender"][0], "value": "a|b\nc"}]
    assert "| gender: a\\|b c |" in card_text(config, metrics, {**figures, "slices": {"gender": rows}})


# ---------------------------------------------------------------------- TensorBoard


def test_scalars_reach_the_tensorboard_log_at_once(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    write = tensorboard_writer(tmp_path / "board")
    for step in (1, 2):
        write("loss", 0.5 * step, step)
    log = EventAccumulator(str(tmp_path / "board"))
    log.Reload()
    assert [(event.step, event.value) for event in log.Scalars("loss")] == [(1, 0.5), (2, 1.0)]


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ConfigError, match=r"pip install 'vitrine\[tensorboard\]'"):
        tensorboard_writer(tmp_path)
