"""Rows as JSON lines, which may tell the label of an earlier row later.

{"id": 17, "values": [0.1, 0.7, 9.8]}
{"id": 18, "x": 0.1, "y": 0.7, "z": 9.8, "label": "walking"}
{"id": 17, "label": "sitting"}
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from typing import Any

from metabit.errors import InputError
from metabit.export.spec import Model
from metabit.readers.csv_columns import n_values_of
from metabit.readers.rows import CsvOptions, RowName, Rows, SampleRow


class JsonRows(Rows):
    """The rows of JSON lines.

    Values stand in a list called "values", or each under the name of its channel. A line without
    values tells the label of the row that has the same "id".

    Args:
        lines: of text, a JSON object each.
        where, model, options: see `Rows`.
    """

    def __init__(self, lines: Iterable[str], where: str, model: Model, options: CsvOptions) -> None:
        super().__init__(where, model, options)
        self._lines = lines
        data = model.meta.get("data")
        told = data.get("group") if isinstance(data, dict) else None
        self._group = told if isinstance(told, str) else "group"

    def __iter__(self) -> Iterator[SampleRow]:
        for number, line in enumerate(self._lines, 1):
            if line.strip():
                yield self._row(line, f"line {number}")

    def _row(self, line: str, place: str) -> SampleRow:
        try:
            found = json.loads(line.removeprefix("\ufeff"))
        except (json.JSONDecodeError, RecursionError) as error:
            raise self._refuse(place, f"not JSON ({error})", "E-DATA-JSON") from error
        if not isinstance(found, dict):
            raise self._refuse(place, "not a JSON object", "E-DATA-JSON")
        name, label = found.get("id"), found.get(self.options.label or "label")
        if isinstance(name, bool) or not isinstance(name, RowName):
            raise self._refuse(place, '"id" is neither text nor a whole number', "E-DATA-JSON")
        if isinstance(label, bool) or not isinstance(label, str | int | None):
            raise self._refuse(place, "the label is neither text nor a whole number", "E-DATA-JSON")
        text = None if label is None else str(label).strip()
        values = self._values(found, place)
        if values is None:
            if name is None or not text:
                raise self._refuse(place, 'neither values nor an "id" with a label', "E-DATA-SHAPE")
            return SampleRow(None, text, "", name)
        self.mean_alike(all(isinstance(value, int) for value in values), place)
        return SampleRow(
            [float(value) for value in values], text, str(found.get(self._group, "")), name
        )

    def _values(self, found: dict[str, Any], place: str) -> list[float] | None:
        names = self.model.channel_names
        if "values" in found:
            values = found["values"]
        elif names and any(name in found for name in names):
            values = [found.get(name) for name in names]
        else:
            return None
        wanted = n_values_of(self.model)
        if not isinstance(values, list) or len(values) != wanted:
            raise self._refuse(
                place, f'the model wants a list of {wanted} "values"', "E-DATA-SHAPE"
            )
        for at, value in enumerate(values):
            if isinstance(value, bool) or not isinstance(value, int | float):
                what = names[at] if names else f"value {at + 1}"
                raise self._refuse(place, f"{what} is not a number", "E-DATA-CELL")
            if not math.isfinite(value) or abs(value) > 1e300:
                raise self._refuse(place, f"value {at + 1} is not finite", "E-DATA-NAN")
        return values

    def _refuse(self, place: str, why: str, code: str) -> InputError:
        return InputError(f"{self.where}: {place}: {why}", code=code)
