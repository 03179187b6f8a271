"""Figures of Matplotlib as PNG files, with names in them as other people wrote them."""

from __future__ import annotations

import io
import warnings

from matplotlib.figure import Figure
from matplotlib.text import Text


def png(figure: Figure) -> bytes:
    """The figure as the bytes of a PNG file.

    Matplotlib would read what stands between two dollar signs as a formula, and refuse a name such
    as "$x^{$". Letters that its font lacks are drawn as boxes.
    """
    for text in figure.findobj(Text):
        if isinstance(text, Text) and text.get_text():  # scales write theirs later, as formulas
            text.set_parse_math(False)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(buffer, format="png")
    return buffer.getvalue()
