"""[learn] of a recipe: how the exported file learns on a device, where nobody says otherwise."""

from __future__ import annotations

from dataclasses import dataclass

from metabit.trainer.recipe.tables import require, require_choice, toml_value

REPLAYS = ("auto", "tracking", "head")
WHAT = ("auto", "counting", "counting-small", "tracking", "head", "all")
GOALS = ("remember", "track")
MOST_REPLAY, MOST_BATCH = 65_535, 64


@dataclass(frozen=True)
class LearnRecipe:
    """[learn]: what the file of this run does where it is to learn and nobody says otherwise.

    Attributes:
        what: what learns, as `metabit learn --learn` names it.
        goal: what "auto" chooses for: keep what was learnt, or follow a stream that drifts.
        replay: samples kept on the device to be learnt again, four beside each new one.
        batch: samples per learning step, where layers learn.
    """

    what: str = "auto"
    goal: str = "remember"
    replay: int = 0
    batch: int = 1

    def __post_init__(self) -> None:
        require_choice("[learn] what", self.what, WHAT)
        require_choice("[learn] goal", self.goal, GOALS)
        most = f"must be 0 to {MOST_REPLAY}"
        require(0 <= self.replay <= MOST_REPLAY, "[learn] replay", self.replay, most)
        most = f"must be 1 to {MOST_BATCH}"
        require(1 <= self.batch <= MOST_BATCH, "[learn] batch", self.batch, most)
        rule = "samples are learnt again by what = " + " or ".join(map(toml_value, REPLAYS))
        require(not self.replay or self.what in REPLAYS, "[learn] replay", self.replay, rule)
        rule = "samples that are kept are learnt again one by one: leave batch out, or replay"
        require(not self.replay or self.batch == 1, "[learn] batch", self.batch, rule)
