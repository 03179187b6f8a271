"""Names that others chose do no harm to a terminal that shows them, nor to a program that reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from metabit.cli.answers import harmless
from metabit.export import container

from .conftest import Cli

#: Clears the screen; names the window; turns writing round; rings; a control of eight bits.
NASTY = 'a\x1b[2J\x1b]0;x\x07\u202eb\x9b1m"\\é'
SHOWN = 'a?[2J?]0;x??b?1m"\\é'
FORBIDDEN = ("\x1b", "\x07", "\x9b", "\u202e")


def shows_no_control(text: str) -> bool:
    return not any(character in text for character in FORBIDDEN)


@pytest.fixture
def nasty_model(tmp_path: Path, model_file: Path) -> Path:
    """A model whose texts are all hostile."""
    path = tmp_path / "nasty.mbit"
    meta = {"class_names": [NASTY] * 4, "name": NASTY, "recipe": NASTY, NASTY: NASTY}
    container.save(replace(container.load(model_file), meta=meta), path)
    return path


def test_what_moves_the_cursor_is_shown_as_a_question_mark() -> None:
    assert harmless(NASTY) == SHOWN
    assert harmless("two\nlines\tand a µs, 日本") == "two\nlines\tand a µs, 日本"


@pytest.mark.parametrize(
    "verb",
    [
        lambda model, data: ("inspect", model),
        lambda model, data: ("plan", model),
        lambda model, data: ("verify", model),
        lambda model, data: ("predict", model, data),
        lambda model, data: ("learn", model, data),
    ],
    ids=["inspect", "plan", "verify", "predict", "learn"],
)
def test_no_verb_hands_controls_of_a_model_file_to_the_terminal(
    cli: Cli, nasty_model: Path, data_file: Path, verb: Callable[..., tuple[object, ...]]
) -> None:
    done = cli(*verb(nasty_model, data_file))
    assert done.code == 0
    assert shows_no_control(done.stdout + done.stderr)
    as_json = cli(*verb(nasty_model, data_file), "--json")
    assert shows_no_control(as_json.stdout + as_json.stderr)
    assert isinstance(as_json.answer, dict)


def test_json_is_read_back_as_it_is_shown(cli: Cli, nasty_model: Path, data_file: Path) -> None:
    answer = cli("predict", nasty_model, data_file, "--json").answer
    assert answer["class_names"] == [SHOWN] * 4


def test_an_error_names_a_column_of_a_table_without_its_controls(
    cli: Cli, model_file: Path, tmp_path: Path
) -> None:
    table = tmp_path / "table.csv"
    values = np.zeros((3, 12), dtype=int)
    rows = "\n".join(",".join(map(str, row)) + ",moving" for row in values)
    table.write_text(f"{','.join('abcdefghijkl')},{NASTY}\n{rows}\n", encoding="utf-8")
    done = cli("learn", model_file, table, "--json")
    assert done.code != 0
    assert shows_no_control(done.stdout + done.stderr)


def test_a_file_whose_name_has_controls_is_told_without_them(cli: Cli, tmp_path: Path) -> None:
    done = cli("verify", tmp_path / f"{NASTY}.mbit")
    assert done.code != 0
    assert SHOWN in done.stderr
    assert shows_no_control(done.stderr)


@pytest.mark.parametrize("verb", ["inspect", "verify", "plan", "report", "export"])
def test_a_name_of_two_lines_forges_no_error(cli: Cli, tmp_path: Path, verb: str) -> None:
    written = ("-o", tmp_path / "out.mbit") if verb == "export" else ()
    done = cli(verb, tmp_path / "a\nerror[E-FORGED]: <script>.mbit", *written)
    assert done.code != 0
    assert [line[:7] for line in done.stderr.splitlines()].count("error[E") == 1
    assert "E-FORGED" in done.stderr


MARKUP = "<script>alert('x')</script><img src=x onerror=alert(1)>\"'>&amp;"


class Told(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_markup_in_names_of_files_classes_and_folders_is_text_in_every_page(
    cli: Cli, model_file: Path, tmp_path: Path
) -> None:
    """Labels come from a table of somebody else, as the name of the file and of the folder do."""
    folder = tmp_path / MARKUP.replace("/", "")
    folder.mkdir()
    names = [f"{MARKUP} {label}" for label in range(4)]
    model = folder / "<b>model.mbit"
    meta = {"class_names": names, "name": MARKUP}
    container.save(replace(container.load(model_file), meta=meta), model)
    rng = np.random.default_rng(0)
    rows = [",".join(map(str, rng.integers(0, 250, 12))) for _ in range(40)]
    table = folder / "<i>rows.csv"
    quoted = [name.replace('"', '""') for name in names]
    lines = [f'{row},"{quoted[k % 4]}"' for k, row in enumerate(rows)]
    table.write_text("\n".join(lines) + "\n")
    state, learnt, kept = folder / "<u>state", folder / "learn.html", folder / "state.html"
    assert cli("learn", model, table, "--state", state, "--report", learnt).code == 0
    assert cli("report", state, "-o", kept).code == 0
    for page, named in ((learnt, names[0]), (kept, "<u>state")):
        told = Told(page.read_text())
        assert not told.tags & {"script", "img", "i", "u"} - ({"i"} if page == kept else set())
        assert named in told.text
