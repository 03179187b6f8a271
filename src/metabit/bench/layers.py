"""What the layers of a packed model do: multiplications, bytes, and their speed at best."""

from __future__ import annotations

import math
from dataclasses import dataclass

from metabit.export.spec import ConvLayer, Layer, Model

#: Binary multiply-accumulates a clock cycle that a core's vector units can do at the very best, by
#: instruction path: bits of a vector, times vector operations a cycle, by operations a vector.
#:   VPOPCNTDQ: xor, popcount, add, two a cycle (Zen 4, Ice Lake and later): 512 * 2 / 3.
#:   AVX-512BW, AVX2: xor, two masks, a shift, two look-ups, two additions; two 512-bit or four
#:   256-bit operations a cycle (Zen 4; on cores with three ports AVX2 is bound at 96).
#:   SSSE3: the same on 128 bits, four a cycle.
#:   NEON: xor, popcount, add, two a cycle (Cortex-A72, A76).
ROOFS: dict[str, float] = {
    "avx512vpopcnt": 512 * 2 / 3,
    "avx512bw": 512 * 2 / 8,
    "avx2": 256 * 4 / 8,
    "ssse3": 128 * 4 / 8,
    "neon": 128 * 2 / 3,
}
#: The same of convolutions, some of which look differences up, for four positions at once: two
#: look-ups, two additions, and a quarter of two masks and a shift.
CONV_ROOFS = ROOFS | {
    "avx512bw": 512 * 2 / 4.75,
    "avx2": 256 * 4 / 4.75,
    "ssse3": 128 * 4 / 4.75,
}


@dataclass(frozen=True)
class LayerWork:
    """One layer, for one sample.

    Attributes:
        name: for people.
        kind: "dense" or "conv".
        macs: multiply-accumulates, one per weight and position.
        touched_bytes: packed weights, thresholds, inputs and outputs, each once; no scratch space.
        binary: whether the inputs are bits; the first layer has bytes.
    """

    name: str
    kind: str
    macs: int
    touched_bytes: int
    binary: bool

    def roof_share(self, macs_per_cycle: float, path: str) -> float | None:
        """Share of the roof; None for layers of bytes, and for paths without a known roof."""
        roof = (CONV_ROOFS if self.kind == "conv" else ROOFS).get(path)
        return macs_per_cycle / roof if self.binary and roof else None


def layers_of(model: Model) -> list[LayerWork]:
    """The work of every layer."""
    inputs = [model.n_inputs, *(_bit_bytes(layer) for layer in model.layers[:-1])]
    return [
        LayerWork(
            layer.name,
            "conv" if isinstance(layer, ConvLayer) else "dense",
            layer.n_macs,
            _weight_bytes(layer) + n_bytes + _output_bytes(layer, last=layer is model.layers[-1]),
            binary=layer is not model.layers[0],
        )
        for layer, n_bytes in zip(model.layers, inputs, strict=True)
    ]


def _weight_bytes(layer: Layer) -> int:
    """Rows of bits, each filled up to a word."""
    return 4 * -(-layer.n_in // 32) * layer.n_out


def _bit_bytes(layer: Layer) -> int:
    """What a hidden layer hands on: a bit per value, filled up to a word."""
    return 4 * -(-math.prod(layer.out_shape) // 32)


def _output_bytes(layer: Layer, last: bool) -> int:
    """Sums of the output layer, or thresholds with their flips, and bits."""
    if last:
        return 4 * layer.n_out
    return 4 * layer.n_out + 4 * -(-layer.n_out // 32) + _bit_bytes(layer)
