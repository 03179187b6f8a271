"""Pages: every text is escaped, a browser has nothing to complain of, and they fit a phone."""

from __future__ import annotations

import json
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.needed import program
from helpers.random_models import random_model, random_samples

from metabit.edge_runtime.engine import Engine
from metabit.errors import InputError
from metabit.export.container import dumps
from metabit.export.heads.home import with_head
from metabit.report import of_demo, of_fit, of_learning, of_profile, of_training
from metabit.report.found import page_of
from metabit.report.page import Page
from metabit.report.render import render, write

NASTY = "<script>alert('x')</script> & \"quoted\" é"
FACTS = {"page": NASTY}
VOID = {"meta", "link"}


def learning() -> dict[str, Any]:
    classes = [
        {"label": label, "name": name, "n_samples": 10, "accuracy_before": 0.5, "accuracy": 0.6,
         "accuracy_after": 0.9}
        for label, name in enumerate((NASTY, "walking"))
    ]  # fmt: skip
    return {
        "schema": "metabit/learn/1", "file": NASTY, "data": NASTY, "reason": NASTY,
        "n_samples": 20, "accuracy_before": 0.5, "accuracy_after": 0.9, "is_drifting": True,
        "prequential_accuracy": 0.6, "needed_bytes": 2048, "new_classes": [0], "classes": classes,
        "confusion": [[6, 4], [0, 10]], "curve": {"samples": [1, 10, 20], "right": [0, 0.5, 0.9]},
        "stretches": [{"label": 0, "right": [0.5, None]}, {"label": 1, "right": [None, 1.0]}],
        "guard": {"n_probes": 4, "hits_before": 3, "hits_after": 4, "n_reverted": 1, "checks": [
            {"n_samples": 10, "hits": 2, "reverted": True},
            {"n_samples": 20, "hits": 4, "reverted": False},
        ]},
    }  # fmt: skip


def training(n_tasks: int) -> dict[str, Any]:
    matrix = [[0.9 - 0.01 * (i - j) if j <= i else None for j in range(n_tasks)]
              for i in range(n_tasks)]  # fmt: skip
    return {
        "schema": "metabit.metrics", "name": NASTY,
        "tasks": [f"{NASTY} {k}" for k in range(n_tasks)],
        "accuracy_matrix": matrix, "acc": 0.88, "forgetting": 0.02, "n_weights": 1000,
        "recipe": {"data": {"path": NASTY}, "network": {"kind": "binary"}, "train": {"seed": 7}},
        "citation": NASTY, "n_steps": 100, "seconds": 1.5, "plasticity_left": 0.25,
        "versions": {"metabit": "0.1.0", "torch": "2"},
    }  # fmt: skip


def profiled(fits: bool) -> dict[str, Any]:
    bounds = {"low": 800.0, "typical": 1200.0, "high": 2500.0}
    phases = [{"name": NASTY, "layer": layer, "instructions": 5e4, "cycles": 1e5}
              for layer in (None, 0)]  # fmt: skip
    work = {"instructions": {"total": 1e5, "phases": phases}, "cycles": 2e5,
            "estimate": {"microseconds": bounds, "microjoules": bounds}}  # fmt: skip
    memory = {"parts": {NASTY: 900, "stack": 100}, "used_bytes": 1000,
              "available_bytes": 4000 if fits else 600}  # fmt: skip
    layer = {"name": NASTY, "n_in": 4, "n_out": 2, "n_macs": 8, "weight_bytes": 1,
             "state_bytes": 8, "learns": True}  # fmt: skip
    return {
        "schema": "metabit/profile/1", "file": NASTY, "title": NASTY, "board": NASTY,
        "choice": "learning", "fits": fits, "ram": memory, "flash": memory, "included": NASTY,
        "open": work, "predict": work, "learn": None, "layers": [layer],
    }  # fmt: skip


def on_boards() -> dict[str, Any]:
    """A board on which all is known, one that is too small, and one without a cost model."""
    more = {"core": NASTY, "clock_hz": 64_000_000, "energy_covers": NASTY, "cost_source": NASTY,
            "model_sha256": "ab", "toolchain": NASTY, "samples": NASTY,
            "steps_before": 8}  # fmt: skip
    counted = {"instructions_min": 90_000, "instructions_max": 120_000, "samples_per_step": 1}
    life = {"years_hourly": 70.0, "slots": 9}
    boards = []
    for name, fits in (("large", True), ("small", False), ("unknown", True)):
        one = profiled(fits) | more | {"board": name, "flash_life": life}
        one["predict"] = one["predict"] | counted
        one["learn"] = one["predict"]
        boards.append(one)
    boards[2]["predict"] = boards[2]["predict"] | {"estimate": None}
    boards[2] |= {"learn": None, "flash_life": None, "flash": boards[2]["flash"] | {
        "available_bytes": 0}}  # fmt: skip
    return {"schema": "metabit/profile/1", "file": NASTY, "boards": boards}


def fitted() -> dict[str, Any]:
    rows = [
        {"label": f"{NASTY} {k}", "accuracy": 0.8 + k / 50, "ram_bytes": 4096 * (k + 1),
         "flash_bytes": 3000 * (k + 1), "stage": k // 2, "unbeaten": k > 1}
        for k in range(4)
    ]  # fmt: skip
    return {
        "rivals": [{"name": NASTY, "test_accuracy": 0.8, "flash_bytes": 5000, "ram_bytes": None}],
        "schema": "metabit/fit/1", "question": {"name": NASTY, "seed": 3}, "candidates": rows,
        "chosen": rows[3] | {"test_accuracy": 0.9, "n_test": 50, "model": NASTY, "learns": NASTY},
        "refused": {"counts": {"ram": 3}}, "seconds": 12.0,
        "data": {"source": NASTY, "n_train": 100, "n_test": 50, "classes": ["a", NASTY]},
        "circumstances": {"date": "2026-11-26", "cores": 2, "processor": NASTY, "metabit": "0.1.0"},
        "as_they_come": {"n_samples": 50, "kept": 0.3, "remember": None,
                         "track": {"accuracy": 0.7, "ram_bytes": 9000}},
        "confirmed": {"board": NASTY, "n_samples": 20, "predict_us": 900.0, "learn_us": None},
    }  # fmt: skip


def demo() -> dict[str, Any]:
    curve = {"name": NASTY, "subjects": [0, 1, 2], "old": [0.9, 0.9, 0.9], "new": [0.0, 0.5, 0.7],
             "all": [0.8, 0.9, 0.9]}  # fmt: skip
    ram, work = {"used_bytes": 402_227, "available_bytes": 1_073_217_536}, profiled(True)["predict"]
    sizes = dict.fromkeys(("float32_bytes", "int8_bytes", "learn_bytes", "head_bytes"), 100)
    return {
        "schema": "metabit/demo/1", "seed": 1, "seconds": 60.0, "arena_bytes": 3000,
        "ram_budget": "64 KiB", "ram_parts": {NASTY: 3000}, "curves": [curve, curve],
        "before": {"old": 0.9, "new": 0.0, "all": 0.8}, "n_old": 10, "n_new": 2,
        "permuted": {"nothing set, with contexts": [0.5, 0.6, 0.7, 0.8, 0.9]},
        "sizes": sizes | {"file_bytes": 900},
        "profiles": {"raspberry-pi-3b-plus": profiled(True) | {"ram": ram, "learn": work}},
    }  # fmt: skip


PAGES: dict[str, Page] = {
    "demo": of_demo.page(demo(), FACTS),
    "learn": of_learning.page(learning(), FACTS),
    "train": of_training.page(training(1), FACTS),
    "tasks": of_training.page(training(5), FACTS),
    "many tasks": of_training.page(training(20), FACTS),
    "fits": of_profile.page(profiled(True), FACTS),
    "does not fit": of_profile.page(profiled(False), FACTS),
    "boards": of_profile.page(on_boards(), FACTS),
    "fit": of_fit.page(fitted(), FACTS),
}


class Tags(HTMLParser):
    """Refuses tags that are not closed in order, scripts, and anything from another place."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "img", "iframe")
        for name, value in attrs:
            assert not name.startswith("on")
            if name in ("href", "src"):
                assert value == "data:,"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_search_in_which_all_fits_and_all_is_right_is_drawn_up_to_100_percent() -> None:
    found = fitted() | {"refused": {"counts": {}}}
    found["candidates"] = [row | {"accuracy": 1.0} for row in found["candidates"]]
    html = render(of_fit.page(found, FACTS))
    assert ">100<" in html
    assert ">101<" not in html
    assert "All candidates fit." in html


def test_a_state_folder_has_a_page_from_commit_to_commit(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    states = tmp_path / "states"
    model = random_model((8, 6, 2), seed=1)
    x = random_samples(rng, model.input, 60)
    blob = dumps(with_head(model, x, rng.integers(0, 2, 60), spare_classes=1, ram_bytes=4000))
    with Engine(blob, learn="counting", state=states) as engine:
        for part in (slice(0, 20), slice(20, 60)):
            engine.partial_fit(x[part], rng.integers(0, 2, len(x[part])))
            engine.commit()
    text = render(page_of(states, FACTS))
    assert "60 samples learnt" in text
    assert "From commit to commit" in text
    (states / "state-0000000003.mbs").write_bytes(b"torn")
    torn = render(page_of(states, FACTS))
    assert "1 are damaged" in torn
    assert "60 samples learnt" in torn


@pytest.mark.parametrize("name", PAGES)
def test_a_page_holds_all_it_needs_and_no_text_is_markup(name: str) -> None:
    html = render(PAGES[name])
    tags = Tags()
    tags.feed(html)
    assert tags.open == []
    assert NASTY in tags.text
    assert "url(" not in html
    assert 'name="viewport"' in html
    assert "prefers-color-scheme: dark" in html


def test_the_same_numbers_are_in_the_page() -> None:
    html = render(PAGES["learn"])
    assert "<b>2.0\xa0KiB</b>" in html  # no line ends between a number and its unit
    text = html.replace("\xa0", " ")
    for figure in ("90.0 % right after learning 20 samples", "50.0 %", "2.0 KiB", "took back 1"):
        assert figure in text
    assert "does not fit" in render(PAGES["does not fit"])
    text = render(PAGES["boards"])
    for figure in ("fits 2 of 3 boards", "1.2 ms (800 µs to 2.5 ms)", "(90,000 to 120,000)"):
        assert figure in text
    assert "<b>-2.0</b>" in render(PAGES["tasks"])


def test_a_source_is_known_by_its_schema(tmp_path: Path) -> None:
    for schema, made in (("metabit/fit/1", fitted()), ("metabit.metrics", training(2))):
        assert made["schema"] == schema
        folder = tmp_path / schema.replace("/", "-")
        folder.mkdir()
        name = "fit.json" if "fit" in schema else "metrics.json"
        (folder / name).write_text(json.dumps(made))
        assert page_of(folder, FACTS).headline == page_of(folder / name, FACTS).headline


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no JSON"),
        ("[1]", "no answer of a verb"),
        ('{"schema": "metabit/plan/1"}', "metabit/plan/1"),
        ('{"schema": "metabit/learn/1"}', "a field is missing"),
        ('{"schema": "metabit/fit/1", "chosen": 3, "data": 4, "question": 5}', "another kind"),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_anything_else_is_refused(text: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputError, match=re.escape(why)) as caught:
        page_of(tmp_path / "a.json", FACTS)
    assert caught.value.code == "E-REPORT"


PHONE = """<title>-</title><iframe src="page.html" style="width:375px;height:900px"></iframe>
<script>onmessage = (told) => { document.title = told.data }</script>"""
LOOK = """<script>
const broken = []
for (const cell of document.querySelectorAll("td, th")) for (const node of cell.childNodes) {
  for (const word of (node.data || "").matchAll(/[\\w.,]+/g)) {
    const range = document.createRange()
    range.setStart(node, word.index)
    range.setEnd(node, word.index + word[0].length)
    if (range.getClientRects().length > 1) broken.push(word[0])
  }
}
const wide = document.documentElement.scrollWidth > window.innerWidth ? "wide" : "fits"
const cut = [...document.querySelectorAll(".wide")].filter((e) => e.scrollWidth > e.clientWidth)
parent.postMessage(`${wide} ${cut.length} ${broken.join(" ") || "whole"}`, "*")
</script></body>"""


@pytest.mark.long
@pytest.mark.parametrize("name", PAGES)
def test_on_a_phone_no_word_of_a_table_is_broken(name: str, tmp_path: Path) -> None:
    """A browser's window is never narrower than 500 pixels, and a frame inside it is."""
    page = write(PAGES[name], tmp_path / "page.html")
    page.write_text(page.read_text().replace("</body>", LOOK))
    (tmp_path / "phone.html").write_text(PHONE)
    done = subprocess.run(
        [program("chromium"), "--headless=new", "--no-sandbox", "--disable-gpu",
         "--virtual-time-budget=4000",
         f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom",
         (tmp_path / "phone.html").as_uri()],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    found = re.search(r"<title>(.*)</title>", done.stdout)
    assert found is not None
    page_fits, n_cut, words = found.group(1).split(" ", 2)
    assert (page_fits, words) == ("fits", "whole")
    if name == "demo":  # the first page that people see: nothing on it is reached by scrolling
        assert n_cut == "0"


@pytest.mark.long
@pytest.mark.parametrize("name", PAGES)
def test_a_browser_opens_it_without_a_complaint(name: str, tmp_path: Path) -> None:
    """On the width of a phone nothing is wider than the screen."""
    page = write(PAGES[name], tmp_path / "page.html")
    measured = page.read_text().replace(
        "</body>",
        "<script>document.title = `${document.documentElement.scrollWidth} "
        "${window.innerWidth} ${document.querySelectorAll('section').length}`</script></body>",
    )
    page.write_text(measured)
    done = subprocess.run(
        [program("chromium"), "--headless=new", "--no-sandbox", "--disable-gpu",
         "--enable-logging=stderr",
         f"--user-data-dir={tmp_path / 'profile'}", "--window-size=500,900", "--dump-dom",
         page.as_uri()],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert "CONSOLE" not in done.stderr
    found = re.search(r"<title>(\d+) (\d+) (\d+)</title>", done.stdout)
    assert found is not None, done.stdout[:500]
    wide, screen, sections = map(int, found.groups())
    assert wide <= screen
    assert sections == len(PAGES[name].sections)
