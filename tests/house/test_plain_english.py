"""Texts are written in the words of the field, in sentences that need no second reading.

The patterns are the habits that most often made a reader stop. A word that is right in its place
(a value *behind* a pointer) is rare enough to be said in another way.
"""

from __future__ import annotations

import io
import re
import tokenize
from pathlib import Path

import pytest
from click import Context

from metabit.cli import VERBS, group

_COUNTED = (
    "bits?|bytes?|MACs?|cycles?|instructions?|samples?|labels?|calls?|windows?|steps?|files?|"
    "banks?|thresholds?|multiplications?|lines?|rows?|runs?|weights?|numbers?|words?|values?|one"
)
_UNIT = (
    "(hidden )?weight|connection|sample|(learning )?step|layer|cycle|channel|task|neuron|call|"
    "line|core|position|window|contestant|preset|function|verb|method|class|image|row|thread|"
    "load|bit|instruction|table|output|batch|kernel|person|board|block|group|register|value"
)

DIALECT = {
    '"a" for "per"': rf"\b({_COUNTED}) an? ({_UNIT})\b(?! (of|that|which|is|has|can|from|in|to)\b)",
    '"behind" for "after"': r"\bbehind\b",
    '"rests" for "does not learn"': r"\brests\b|\b(that|which) rest\b",
    'bare "that of"': r"\b(that|those) of\b",
    '"one" without a noun': r"(?<!and )\bones? (that|which|if)\b",
    '"if not given" without a verb': r"\bif not given\b",
    '"else" for "otherwise"': r"[,;] else\b(?! if)",
    '"goes on" for "continues"': r"\b(go|goes|going|gone) on\b",
}


def dialect(text: str) -> list[str]:
    """Every place where a text has one of the habits, with some words around it."""
    flat = re.sub(r"\s+", " ", text)
    return [
        f"{name}: ...{flat[max(0, found.start() - 40) : found.end() + 30]}..."
        for name, pattern in DIALECT.items()
        for found in re.finditer(pattern, flat, re.IGNORECASE)
    ]


@pytest.mark.parametrize(
    "sentence",
    [
        "pack one bit a weight",
        "bits a hidden weight; what the file holds if not given",
        "windows a contestant",
        "one a line",
        "MAC a cycle",
        "a network behind a thermometer",
        "the part that rests",
        "convolutions that rest",
        "normalisation bank, from 0; that of --task",
        "one that learns",
        "the golden ones if they are there",
        "a Ray cluster, else a local one",
        "learning goes on from there",
    ],
)
def test_each_habit_is_found(sentence: str) -> None:
    assert dialect(sentence) != []


@pytest.mark.parametrize(
    "sentence",
    [
        "Bits per hidden weight. Default: as in FILE.",
        "the rest of the file",
        "one of the layers",
        "ones and zeros",
        "once a second, 10 MiB a second",
        "the label is a number that a table of the file names",
        "zeros and ones that differ",
    ],
)
def test_plain_sentences_pass(sentence: str) -> None:
    assert dialect(sentence) == []


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_is_plain(verb: str) -> None:
    command = group.get_command(Context(group), verb) if verb else group
    assert command is not None
    assert dialect(command.get_help(Context(command, info_name=f"metabit {verb}"))) == []


ROOT = Path(__file__).parents[2]
C_FOLDERS = (
    "edge_runtime",
    "firmware_sim/firmware",
    "firmware_sim/linux",
    "firmware_sim/standalone",
    "firmware_sim/cost/watcher",
    "examples/c",
    "tests/c",
)
C_FILES = [
    path.relative_to(ROOT)
    for folder in C_FOLDERS
    for path in sorted((ROOT / folder).rglob("*.[ch]"))
]


@pytest.mark.parametrize("path", C_FILES, ids=str)
def test_comments_in_c_are_plain_and_no_line_is_longer_than_100_columns(path: Path) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    comments = [re.sub(r"\n\s*\*", " ", found) for found in re.findall(r"/\*.*?\*/", text, re.S)]
    assert [found for comment in comments for found in dialect(comment)] == []
    assert [line for line in text.splitlines() if len(line) > 100] == []


FOLDERS = (
    "src", "trainer", "export", "edge_runtime", "firmware_sim", "benchmarks", "examples", "docs",
    "recipes",
)  # fmt: skip


def files(suffix: str) -> list[Path]:
    """Every file of a kind outside of the tests, links not followed."""
    return [
        path
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob(f"*{suffix}"))
        if not any(part.is_symlink() for part in (path, *path.parents))
    ]


CODE = files(".py")
PAGES = [*sorted(ROOT.glob("*.md")), *files(".md")]


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def habits_of_code(path: Path) -> list[str]:
    """Those in the docstrings, comments and messages of a Python file."""
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)
    texts = [t.string for t in tokens if t.type in (tokenize.STRING, tokenize.COMMENT)]
    return [found for text in texts for found in dialect(text)]


def test_the_walk_sees_code_and_pages() -> None:
    assert (len(CODE) > 400, len(PAGES) > 40) == (True, True)


@pytest.mark.parametrize("path", CODE, ids=relative)
def test_docstrings_comments_and_messages_are_plain(path: Path) -> None:
    assert habits_of_code(path) == []


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_pages_are_plain(page: Path) -> None:
    assert dialect(page.read_text(encoding="utf-8")) == []
