"""[frontend] of a recipe: what windows of raw sensor values become before the network."""

from __future__ import annotations

from dataclasses import dataclass

from metabit.trainer.frontend.bands import SPACINGS, edges
from metabit.trainer.frontend.front_end import LOGS, STATISTICS, Log, Operations
from metabit.trainer.recipe.tables import refuse, require, require_choice

STREAMS = ("single", "parts", "classes", "subjects")
"""Streams that leave samples as they are, so that one front end fits all their tasks."""


@dataclass(frozen=True)
class FrontEndRecipe:
    """[frontend]: integer operations before the network, which the device does too.

    docs/FRONTEND.md says what each of them computes.

    Attributes:
        length: frames per window. Default: all frames of a sample.
        hop: frames from the start of a window to the start of the next. Default: half of `length`.
            A sample of the network has as many windows as the frames of a sample hold.
        statistics: some of mean, deviation, minimum, maximum and change, of each channel.
        bands: bands of the spectrum of each channel; 0 for none.
        spacing: "log" for bands that widen upward, "linear" for equal ones, "mel" for sound.
        lowest, highest: frequencies in Hz between which bands lie; they need [data] sample_rate.
        log: "also" adds the logarithm of each value, "only" puts it in its place, "none" leaves it
            out.
    """

    length: int | None = None
    hop: int | None = None
    statistics: tuple[str, ...] = STATISTICS
    bands: int = 8
    spacing: str = "log"
    lowest: float | None = None
    highest: float | None = None
    log: str = "also"

    def __post_init__(self) -> None:
        require_choice("[frontend] spacing", self.spacing, SPACINGS)
        require_choice("[frontend] log", self.log, LOGS)
        for name in self.statistics:
            require_choice("[frontend] statistics", name, STATISTICS)
        require(0 <= self.bands <= 64, "[frontend] bands", self.bands, "must be 0 to 64")
        for key, least in (("length", 1), ("hop", 1)):
            value = getattr(self, key)
            if value is not None:
                require(value >= least, f"[frontend] {key}", value, f"must be {least} or more")

    def operations(self, n_frames: int, n_channels: int, sample_rate: float | None) -> Operations:
        """The operations for samples of so many frames and channels.

        Raises:
            InputError: windows do not fill the samples, or a limit is broken.
        """
        length = n_frames if self.length is None else self.length
        hop = max(1, length // 2) if self.hop is None else self.hop
        if length > n_frames or (n_frames - length) % hop:
            raise refuse(
                f"[frontend] windows of {length} frames every {hop} do not fill samples of "
                f"{n_frames} frames; {n_frames} must be length + a multiple of hop"
            )
        n_transform = 1 << max(length - 1, 1).bit_length()
        log: Log = next(each for each in LOGS if each == self.log)
        found = Operations(
            n_channels,
            length,
            hop,
            tuple(name for name in STATISTICS if name in self.statistics),
            edges(self.spacing, self.bands, n_transform, sample_rate, self.lowest, self.highest),
            log,
            (n_frames - length) // hop + 1,
        )
        problem = found.problem()
        if problem:
            raise refuse(f"[frontend] {problem}")
        return found
