"""From a finished training run to a packed model; what can be refused is, before PyTorch loads."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, cast

from metabit.errors import InputError
from metabit.export import raw_input
from metabit.export.golden import GOLDEN_DEFAULT, with_golden
from metabit.export.heads.home import HEAD_DEFAULT, HeadChoice, obstacle, with_chosen_head
from metabit.export.probes import with_probes
from metabit.export.shapes import map_samples
from metabit.export.spec import Goal, InputSpec, Learner, Model, Told
from metabit.trainer.recipe.learn import LearnRecipe
from metabit.trainer.runs.home_samples import HOME, read_home
from metabit.trainer.runs.run_folder import Run
from metabit.trainer.runs.run_front_end import front_end_of_run
from metabit.trainer.runs.run_input import RunInput, input_of_run


def from_run(
    run: Run,
    *,
    bits: int = 8,
    golden: int = GOLDEN_DEFAULT,
    learnable: bool = True,
    head: HeadChoice | None = HEAD_DEFAULT,
    probes: int | None = None,
) -> Model:
    """Pack a finished run.

    Args:
        run: from `metabit.trainer.runs.run_folder.load_run`.
        bits: bits per hidden weight, 8 or 4.
        golden: number of test samples whose scores travel in the file. A run keeps 16; for more of
            them its data set is needed.
        learnable: whether the model can learn: hidden weights and hidden normalisation travel too.
        head: the counting head of a model that can learn, made of the samples that the run kept;
            None for none. Where `why_no_head` has a reason, the model gets none either.
        probes: how many test samples travel in a model that can learn, for a guard; None for up to
            200 in 16 KiB.

    Raises:
        InputError: its network is not binary, its data set is needed and is not there, its head
            does not fit the RAM, or it keeps fewer test samples than probes are wanted.
        StorageError, FormatError, CorruptError: a file of the run is damaged or cannot be read.
    """
    if run.recipe.network.kind != "binary":
        raise InputError(
            f"{run.path}: only a binary network can be exported, and this run trained a "
            f'{run.recipe.network.kind} one; set [network] kind = "binary" and train again',
            code="E-NETWORK",
        )
    seen = input_of_run(run, golden)

    from metabit.export.from_torch import from_model, map_input
    from metabit.trainer.networks.convnet import BinaryConvNet
    from metabit.trainer.networks.mlp import BinaryMLP

    net, samples = cast(BinaryMLP | BinaryConvNet, run.model), seen.samples[:golden]
    dtype = cast(Literal["uint8", "int8"], str(samples.dtype))
    spec = InputSpec(dtype, samples.shape[1:], seen.scale, seen.zero_point)
    if isinstance(net, BinaryConvNet):
        spec, samples = map_input(spec), map_samples(samples)
    model = from_model(net, spec, m=run.m, bits=bits, learnable=learnable)
    model = replace(model, front_end=front_end_of_run(run))
    model = with_golden(_described(model, run, seen), samples.reshape(-1, model.n_inputs))
    if not learnable or not (run.path / HOME).exists():
        return model
    home = read_home(run.path / HOME)
    x, test_x = home.x, home.test_x
    if isinstance(net, BinaryConvNet):
        x, test_x = map_samples(x), map_samples(test_x)
    x, test_x = x.reshape(len(x), -1), test_x.reshape(len(test_x), -1)
    if model.n_banks == 1:  # probes do not say which task they are of
        model = with_probes(model, test_x, home.test_y, probes)
    if head is None or why_no_head(run, model, head) is not None:
        return model
    return with_chosen_head(model, x, home.y, head)


def reads_for(run: Run) -> Model:
    """What reads samples for the network of a run, real-valued ones too: its input, without layers.

    Its maps have channels first, as the network of the run reads them.

    Raises:
        InputError: the run is of an older metabit, and its data set is not on this machine.
        StorageError, FormatError, CorruptError: a file of the run is damaged or cannot be read.
    """
    seen = input_of_run(run, 1)
    dtype = cast(Literal["uint8", "int8"], str(seen.samples.dtype))
    spec = InputSpec(dtype, seen.samples.shape[1:], seen.scale, seen.zero_point)
    meta = {"data": run.recipe.to_dict()["data"]}
    return Model(spec, (), meta=meta, front_end=front_end_of_run(run))


def why_no_head(run: Run, model: Model, head: HeadChoice) -> str | None:
    """Why the model of a run cannot have this head, for people; None where it can."""
    if not (run.path / HOME).exists():
        return f"the run keeps no training samples ({HOME}); train it again with this version"
    return obstacle(model, head)


def _described(model: Model, run: Run, seen: RunInput) -> Model:
    """The model with what is known about its run, for the META section."""
    meta = dict(model.meta) | {
        "recipe": run.recipe.name,
        "data": run.recipe.to_dict()["data"],  # `metabit predict FILE NAME --task K` reads it
        "class_names": list(seen.class_names),
        "citation": seen.citation,
        "metrics": {k: run.metrics[k] for k in ("acc", "bwt", "forgetting") if k in run.metrics},
    }
    if seen.channel_names:
        meta["channel_names"] = list(seen.channel_names)
    if seen.encoding is not None:
        dtype = cast(Literal["uint8", "int8"], seen.encoding.dtype)
        code = raw_input.Code(
            seen.encoding.thresholds, dtype, seen.encoding.scale, seen.encoding.zero_point
        )
        meta[raw_input.NAME] = code.to_meta()
    return replace(model, meta=meta, told=_told(run.recipe.learn))


def _told(learn: LearnRecipe | None) -> Told | None:
    """How the recipe wants its file to learn."""
    if learn is None:
        return None
    what, goal = cast(Learner, learn.what), cast(Goal, learn.goal)
    return Told(what, goal, learn.replay, learn.batch)
