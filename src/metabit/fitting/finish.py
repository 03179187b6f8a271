"""The chosen network, trained on all samples but the test ones, packed, and tested once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from metabit.edge_runtime.mapped import Mapped
from metabit.edge_runtime.options import Options
from metabit.edge_runtime.plan import fit as plan
from metabit.errors import BudgetError
from metabit.export import container
from metabit.export.blob import Blob
from metabit.export.from_run import from_run
from metabit.export.heads.home import HeadChoice
from metabit.export.spec import Model
from metabit.files import write_whole
from metabit.fitting.fronts import seen_by_network
from metabit.fitting.material import Material
from metabit.fitting.packing import accuracy, answering, rows
from metabit.fitting.question import Question
from metabit.fitting.race import Entry, Score, epochs_of
from metabit.fitting.recipe_file import readable
from metabit.trainer.data.dataset import Split
from metabit.trainer.loop import train_prepared
from metabit.trainer.prepare import Prepared
from metabit.trainer.recipe import Recipe
from metabit.trainer.recipe.learn import LearnRecipe
from metabit.trainer.runs import run_folder
from metabit.trainer.runs.progress import Progress
from metabit.trainer.streams import single_task

RUN, RECIPE = "run", "recipe.toml"


@dataclass(frozen=True)
class Finished:
    """The chosen network as it is delivered.

    Attributes:
        recipe: what it was trained by.
        model_file, recipe_file: where it lies, and its recipe.
        test_accuracy: on samples that nothing was chosen with, from 0 to 1.
        by_head: whether the head answers.
        ram_bytes, predict_ram_bytes, flash_bytes: of the file as it is.
        weight_bytes, n_weights: packed binary weights, and how many.
        test: the test samples as the model reads them, x of shape (n, n_inputs).
    """

    recipe: Recipe
    model_file: Path
    recipe_file: Path
    test_accuracy: float
    by_head: bool
    ram_bytes: int
    predict_ram_bytes: int
    flash_bytes: int
    weight_bytes: int
    n_weights: int
    test: Split

    @property
    def n_test(self) -> int:
        """Test samples."""
        return len(self.test)


def final_recipe(
    entry: Entry, score: Score, material: Material, question: Question, learn: LearnRecipe | None
) -> Recipe:
    """The recipe of a candidate for all training samples; `learn` is how its file learns."""
    n_train = len(material.dataset.train)
    held = float(material.folds.mean())
    # As many passes over the samples as in the race, which had fewer samples.
    epochs = epochs_of(score.steps, round(n_train * (1 - held)))
    recipe = entry.candidate.recipe(question.name, question.data, epochs, question.seed)
    return replace(recipe, learn=learn)


def finish(
    entry: Entry, score: Score, material: Material, question: Question,
    learn: LearnRecipe | None, folder: Path, progress: Progress,
) -> Finished:  # fmt: skip
    """Train, pack and test the chosen candidate; a run that was interrupted continues.

    Args:
        entry, score: the chosen candidate, and what it has shown.
        material: the samples.
        question: what was asked.
        learn: how the file learns; None for the defaults.
        folder: gets the run, the recipe and the .mbit file.
        progress: is told about each step.

    Raises:
        BudgetError: the packed file is larger than planned (E-BUDGET).
    """
    recipe = final_recipe(entry, score, material, question, learn)
    dataset = seen_by_network(material.dataset, entry.candidate.frontend)
    out = folder / RUN
    resume = (out / run_folder.RECIPE).exists()
    run = train_prepared(Prepared(recipe, out, resume, dataset, single_task(dataset)), progress)
    model, blob = _packed(run, entry, score, question)
    path = folder / f"{question.name}.mbit"
    write_whole(path, blob.data)
    test = Split(rows(run.model, dataset.test.x), dataset.test.y)
    tested = accuracy(model, test.x, test.y, score.by_head)
    what = "none" if model.head is None else "counting"
    ram, predict = (
        plan(Mapped(blob), each, Options(), None).arena_bytes for each in (what, "none")
    )
    done = Finished(
        recipe, path, folder / RECIPE, tested, score.by_head, ram, predict, len(blob.data),
        entry.cost.weight_bytes, entry.cost.n_weights, test,
    )  # fmt: skip
    write_whole(done.recipe_file, readable(recipe, _remarks(done, question)).encode())
    return done


def _packed(
    run: run_folder.Run, entry: Entry, score: Score, question: Question
) -> tuple[Model, Blob]:
    """The model and its file, with as many samples for tests in it as fit."""
    cost, limit = entry.cost, question.budgets.flash_bytes
    head = None if cost.head_ram_bytes is None else HeadChoice(ram_bytes=cost.head_ram_bytes)
    for probes, golden in ((None, 4), (0, 4), (0, 0)):
        model = from_run(run, bits=cost.bits or 8, golden=golden, head=head, probes=probes)
        if cost.bits == 0:
            hidden = tuple(replace(layer, norms=()) for layer in model.layers[:-1])
            model = replace(model, learn=None, layers=(*hidden, model.layers[-1]))
        model = answering(model, score.by_head)
        blob = Blob(container.dumps(model), question.name)
        if limit is None or len(blob.data) <= limit:
            return model, blob
    raise BudgetError(
        f"{question.name}: the packed file has {len(blob.data):,} bytes, and the budget is "
        f"{limit:,}; ask for a little less flash",
        code="E-BUDGET",
    )


def _remarks(done: Finished, question: Question) -> list[str]:
    answers = "its counting head" if done.by_head else "the network"
    return [
        f"Chosen by `metabit fit` on held-out training samples, seed {question.seed}.",
        f"Accuracy on {done.n_test:,} test samples: {100 * done.test_accuracy:.1f} %, where "
        f"{answers} answers.",
        f"`metabit train {done.recipe_file.name} -o RUN` trains it again.",
    ]
