"""The keys that each built-in method adds to [method]: one frozen dataclass per method.

dgm, which has the most, has a file of its own, dgm_options.py.

They stand here and not in trainer/methods/, because those files need PyTorch. A recipe is checked
without it, so that a mistyped key is refused at once. What the keys mean in formulas is explained
at the top of the method's own file.
"""

from __future__ import annotations

from dataclasses import dataclass

from metabit.trainer.recipe.method import MIXED_BATCH, ConsolidatingRecipe, MethodRecipe
from metabit.trainer.recipe.tables import refuse, require, require_choice


@dataclass(frozen=True)
class QuadraticOptions(ConsolidatingRecipe):
    """Keys of every method that has the quadratic penalty.

    Attributes:
        strength: factor of the penalty, called lambda in the papers; 0 is plain training.
    """

    strength: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.strength >= 0, "[method] strength", self.strength, "must be 0 or more")


@dataclass(frozen=True)
class AnpycOptions(QuadraticOptions):
    """[method] with name = "anpyc".

    Attributes:
        prune: percent of each hidden layer that are free after the first task; 0 prunes nothing.
        prune_step: percent that are pruned in one step.
        prune_decay: factor from the percentage of one task to the percentage of the next.
        retrain_epochs: epochs of training after each step of pruning. Default: [train] epochs.
        own_weights: test a task with the weights that it was trained with. Needs prune, and a
            real-valued network.
        importance: "batches", the formula of the paper on the summed entropy of 100 samples, or
            "samples", the mean over samples of |gradient * weight|.
        neurons: prune whole neurons, after which a later task cannot disturb an earlier one through
            free neurons. Needs prune, and a real-valued network without normalisation.
    """

    prune: int = 0
    prune_step: int = 10
    prune_decay: float = 0.8
    retrain_epochs: int | None = None
    own_weights: bool = False
    importance: str = "batches"
    neurons: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        require_choice("[method] importance", self.importance, ("batches", "samples"))
        require(0 <= self.prune < 100, "[method] prune", self.prune, "must be 0 to 99 percent")
        step, decay = self.prune_step, self.prune_decay
        require(1 <= step <= 100, "[method] prune_step", step, "must be 1 to 100 percent")
        require(0 <= decay <= 1, "[method] prune_decay", decay, "must be from 0 to 1")
        if self.retrain_epochs is not None:
            epochs = self.retrain_epochs
            require(epochs >= 1, "[method] retrain_epochs", epochs, "must be 1 or more")
        if self.own_weights and not self.prune:
            raise refuse("[method] own_weights needs prune: without it every task uses all weights")
        if self.neurons and not self.prune:
            raise refuse("[method] neurons needs prune: without it no neuron is free")
        if self.neurons and self.own_weights:
            raise refuse("[method] own_weights does not go with neurons, which keeps tasks apart")
        if self.prune and self.consolidate_samples is not None:
            raise refuse(
                "[method] consolidate_samples does not go with prune, which works on whole tasks"
            )

    @property
    def needs_real(self) -> str:
        """Why the method cannot work with a binary network; empty where it can."""
        key = "own_weights" if self.own_weights else "neurons" if self.neurons else ""
        return f"{key} sets weights to zero: a sign has no zero" if key else ""

    def percents(self, task: int) -> list[int]:
        """Percent of a hidden layer that are pruned after each step of pruning in a task."""
        most = self.prune
        for _ in range(task):
            most = int(self.prune_decay * most)
        return [*range(self.prune_step, most, self.prune_step), *([most] if most else [])]


@dataclass(frozen=True)
class BimuOptions(MethodRecipe):
    """[method] with name = "bimu".

    Attributes:
        window: samples after which beliefs that were not confirmed have faded.
        rate: factor of the gradient.
        scale: how much evidence one batch is, called rho in the paper; a larger value makes weights
            rigid sooner.
        max_rate: upper limit of a step, called lr_max in the paper; a larger value makes confirmed
            weights grow faster.
        samples: networks drawn in each step; 0 trains with the likelier signs.
    """

    window: int = 100_000
    rate: float = 1.0
    scale: float = 0.03
    max_rate: float = 1.0
    samples: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.window >= 1, "[method] window", self.window, "must be 1 or more")
        require(self.samples >= 0, "[method] samples", self.samples, "must be 0 or more")
        for key in ("rate", "scale", "max_rate"):
            value = getattr(self, key)
            require(value > 0, f"[method] {key}", value, "must be above 0")

    @property
    def needs_binary(self) -> str:
        """Why the method cannot work with a real-valued network."""
        return "it is a rule for the belief in a sign"


@dataclass(frozen=True)
class BopOptions(MethodRecipe):
    """[method] with name = "bop".

    Attributes:
        adaptivity: weight of a new gradient in the running average, called gamma in the paper.
        threshold: size that the average must exceed for a flip, called tau in the paper.
    """

    adaptivity: float = 1e-3
    threshold: float = 1e-6

    def __post_init__(self) -> None:
        super().__post_init__()
        adaptivity = self.adaptivity
        require(0 < adaptivity <= 1, "[method] adaptivity", adaptivity, "must be in (0, 1]")
        require(self.threshold >= 0, "[method] threshold", self.threshold, "must be 0 or more")

    @property
    def needs_binary(self) -> str:
        """Why the method cannot work with a real-valued network."""
        return "it flips signs"


@dataclass(frozen=True)
class ChainOptions(MethodRecipe):
    """[method] with name = "chain".

    Attributes:
        variables: length of the chain, with the weight itself as its first variable. Each further
            one is four times as slow as the one before.
        coupling: share of their difference that flows in each step from the weight to the second
            variable, and as much the other way.
    """

    variables: int = 6
    coupling: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        variables, coupling = self.variables, self.coupling
        rule = "must be from 2, a weight and one more variable, to 16"
        require(2 <= variables <= 16, "[method] variables", variables, rule)
        rule = "must be above 0 and at most 0.5, beyond which a chain may swing"
        require(0 < coupling <= 0.5, "[method] coupling", coupling, rule)


@dataclass(frozen=True)
class EwcOptions(QuadraticOptions):
    """[method] with name = "ewc".

    Attributes:
        online: keep one anchor, which moves at each consolidation, in place of one per task.
        decay: factor of the old importance at each consolidation, called gamma in the paper. Only
            with online = true.
        shuffled: a control, not a method: within each layer the importances of a task are given to
            random weights. What is left of the benefit does not come from knowing which weights
            matter.
    """

    online: bool = False
    decay: float = 1.0
    shuffled: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 <= self.decay <= 1, "[method] decay", self.decay, "must be from 0 to 1")
        if self.decay != 1 and not self.online:
            raise refuse("[method] decay belongs to online = true; separate tasks do not decay")


@dataclass(frozen=True)
class JointOptions(MethodRecipe):
    """[method] with name = "joint", which has no keys of its own."""

    @property
    def needs_shared_bank(self) -> str:
        """Why the method cannot work with a normalisation bank per task; empty where it can."""
        return MIXED_BATCH


@dataclass(frozen=True)
class LwfOptions(ConsolidatingRecipe):
    """[method] with name = "lwf".

    Attributes:
        strength: factor of the penalty; 0 is plain training.
        temperature: T; a higher one gives small probabilities more weight.
    """

    strength: float = 1.0
    temperature: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.strength >= 0, "[method] strength", self.strength, "must be 0 or more")
        require(self.temperature > 0, "[method] temperature", self.temperature, "must be above 0")


@dataclass(frozen=True)
class MasOptions(QuadraticOptions):
    """[method] with name = "mas".

    Attributes:
        rule: "global" or "local" importance.
        accumulate: "task-end"; "online"; or "again", which at the end of each task measures the
            importance for all tasks so far anew, on the network as it now is.
        measure_on: "training" samples of the task, or its "test" samples, whose labels are not
            used: what a network meets in use then decides what is protected.
        measure_classes: measure on samples of these classes only, a condition of use in which the
            others do not occur. With a head for each task they are counted within the head, from 0.
            Default: all.
    """

    rule: str = "global"
    accumulate: str = "task-end"
    measure_on: str = "training"
    measure_classes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        require_choice("[method] rule", self.rule, ("global", "local"))
        require_choice("[method] accumulate", self.accumulate, ("task-end", "online", "again"))
        require_choice("[method] measure_on", self.measure_on, ("training", "test"))
        if self.accumulate == "online" and (self.measure_on != "training" or self.measure_classes):
            raise refuse(
                '[method] accumulate = "online" measures on the batches of training: leave out '
                "measure_on and measure_classes"
            )
        if self.consolidate_samples is not None and (
            self.accumulate == "again" or self.measure_on == "test"
        ):
            raise refuse(
                '[method] consolidate_samples does not go with accumulate = "again" or '
                'measure_on = "test", which are for whole tasks'
            )

    @property
    def needs_shared_bank(self) -> str:
        """Why the method cannot work with a normalisation bank per task; empty where it can."""
        return "earlier tasks are measured again" if self.accumulate == "again" else ""


@dataclass(frozen=True)
class MetaplasticOptions(MethodRecipe):
    """[method] with name = "metaplastic", which is the default.

    Attributes:
        m: metaplasticity coefficient, one number or one per layer; 0 is plain training. The useful
            value falls with the learning rate and the number of steps: it is about 10 where a task
            has 1,200 steps at a learning rate of 0.005.
        window: damp growing steps too once hidden weights are large, which is the rule of learning
            on a device. A layer then never becomes rigid, and forgets what is not repeated.
    """

    m: float | tuple[float, ...] = 0.0
    window: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        values = self.m if isinstance(self.m, tuple) else (self.m,)
        require(all(m >= 0 for m in values), "[method] m", self.m, "must be 0 or more")
        if self.window and not all(values):
            raise refuse("[method] window needs an m above 0: it damps what m damps")


@dataclass(frozen=True)
class ReplayOptions(MethodRecipe):
    """[method] with name = "replay".

    Attributes:
        memory: number of samples that are kept.
        replayed: old samples in a step; 0 takes as many as the stream gives.
    """

    @property
    def needs_shared_bank(self) -> str:
        """Why the method cannot work with a normalisation bank per task; empty where it can."""
        return MIXED_BATCH

    memory: int = 200
    replayed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.memory >= 1, "[method] memory", self.memory, "must be 1 or more")
        require(self.replayed >= 0, "[method] replayed", self.replayed, "must be 0 or more")


@dataclass(frozen=True)
class SiOptions(QuadraticOptions):
    """[method] with name = "si".

    Attributes:
        damping: keeps the division finite where a weight has not moved; called xi in the paper.
    """

    damping: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.damping > 0, "[method] damping", self.damping, "must be above 0")
