"""What a page consists of: a headline, a few large figures, and sections with drawings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Stat:
    """A figure that is read first.

    Attributes:
        value: as people read it, with its unit.
        label: what it is, in a few words.
    """

    value: str
    label: str


@dataclass(frozen=True)
class Series:
    """A curve.

    Attributes:
        name: shown in the legend.
        x, y: its points, as many of one as of the other.
        colour: number of a colour of the page, from 0.
        dashed: whether it is drawn with gaps.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    colour: int = 0
    dashed: bool = False


@dataclass(frozen=True)
class Mark:
    """A point that stands out from a drawing.

    Attributes:
        x, y: its place.
        name: what it says, shown where the pointer is over it.
        kind: what all marks of its colour are, for the legend.
        good: the colour.
    """

    x: float
    y: float
    name: str
    kind: str
    good: bool


@dataclass(frozen=True)
class Lines:
    """Curves over one axis.

    Attributes:
        series: the curves.
        x_label, y_label: of the axes.
        y_most: the upper end of the vertical axis, which begins at 0.
        ticks: texts for x = 0, 1, 2 ..., where x is a place in a list.
        marks: points that stand out.
    """

    series: Sequence[Series]
    x_label: str
    y_label: str
    y_most: float = 100
    ticks: Sequence[str] = ()
    marks: Sequence[Mark] = ()


@dataclass(frozen=True)
class Dot:
    """One of many: its place, what it is called, and whether it was chosen."""

    x: float
    y: float
    name: str
    colour: int = 0
    chosen: bool = False


@dataclass(frozen=True)
class Dots:
    """Dots over a logarithmic axis; each tells its name where the pointer is over it.

    Attributes:
        dots, x_label, y_label: what is drawn.
        y_most: what no dot can be above, and the vertical axis does not go beyond.
    """

    dots: Sequence[Dot]
    x_label: str
    y_label: str
    y_most: float


@dataclass(frozen=True)
class Amount:
    """A length with its name and its text."""

    name: str
    value: float
    text: str
    colour: int = 0


@dataclass(frozen=True)
class Bars:
    """Bars below each other.

    Attributes:
        bars: not negative.
        most: the length of the whole width; None for the longest bar.
    """

    bars: Sequence[Amount]
    most: float | None = None


@dataclass(frozen=True)
class ColourGrid:
    """A matrix in colours.

    Attributes:
        rows, columns: names.
        shares: for each cell how dark it is, from 0 to 1; None for an empty cell.
        texts: what stands in each cell.
        corner: what rows and columns are.
    """

    rows: Sequence[str]
    columns: Sequence[str]
    shares: Sequence[Sequence[float | None]]
    texts: Sequence[Sequence[str]]
    corner: str = ""


@dataclass(frozen=True)
class DataTable:
    """A table; the first column is text, the others are numbers."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


Drawn = Lines | Dots | Bars | ColourGrid | DataTable


@dataclass(frozen=True)
class PagePart:
    """A part of a page.

    Attributes:
        title: what it shows.
        blocks: drawings and tables.
        note: what one has to know to read them.
    """

    title: str
    blocks: Sequence[Drawn]
    note: str = ""


@dataclass(frozen=True)
class Page:
    """A report.

    Attributes:
        verb: the command that found this out.
        headline: the conclusion, in one sentence.
        stats: the figures that are read first.
        conclusion: what follows from them, in plain words; a paragraph each.
        sections: the evidence.
        facts: by name: data, seed, version, date, machine.
    """

    verb: str
    headline: str
    stats: Sequence[Stat]
    conclusion: Sequence[str]
    sections: Sequence[PagePart]
    facts: Mapping[str, str] = field(default_factory=dict)
