"""Calls of long-range operators that compare.py times; shapes.py says what a shape has. What they
compute, in PyTorch, is in compositions/."""
import dataclasses

import numpy as np


class Values:
    """Tensors by a fixed seed."""

    def __init__(self):
        self.random = np.random.default_rng(1)

    def normal(self, *extents, spread=1.0, center=0.0):
        values = self.random.standard_normal(extents, dtype=np.float32)
        return np.float32(center) + np.float32(spread) * values

    def gain(self, width):
        return self.normal(width, spread=0.1, center=1.0)

    def bias(self, *extents):
        return self.normal(*extents, spread=0.1)


def tls_bidir(x, B, N, H, D, r, **_):
    tensors = {name: x.normal(B, N, H, D) for name in "qkv"}
    tensors |= {"s": x.normal(B, N, H, r), "keep": np.ones((B, N), np.uint8)}
    return tensors | {"gT": x.gain(H * D), "bT": x.bias(H * D), "gL": x.gain(H * D),
                      "bL": x.bias(H * D)}


def tls_causal(x, B, M, H, D, S, r, W, cached):
    """cached: landmarks of the cache."""
    tensors = {"q": x.normal(B, M, H, D), "s": x.normal(B, M, H, r)}
    tensors |= {name: x.normal(B, W + M, H, D) for name in ("kw", "vw")}
    tensors |= {name: x.normal(B, cached, H, D) for name in ("kcache", "vcache")}
    tensors |= {"Rw": x.normal(W, H, D, spread=0.3),
                "Rc": x.normal(cached + M // S * r, H, D, spread=0.3)}
    tensors |= {name: x.bias(H, D) for name in ("uw", "ur")}
    return tensors | {"gW": x.gain(H * D), "bW": x.bias(H * D), "gP": x.gain(H * D),
                      "bP": x.bias(H * D)}


def lsra_core(x, T, B, Ha, D, Hc, R, K, **_):
    tensors = {name: x.normal(T, B, Ha, D) for name in "qkv"}
    return tensors | {"u": x.normal(T, B, Hc, R), "wl": x.normal(T, B, Hc, K)}


def combiner(x, B, L, H, D, **_):
    return {name: x.normal(B, L, H, D) for name in "qkv"}


@dataclasses.dataclass(frozen=True)
class Operator:
    inputs: object  # function of Values, the extents and the attributes
    output: str
    order: str = ""


OPERATORS = {"tls_bidir": Operator(tls_bidir, "out"),
             "tls_causal": Operator(tls_causal, "out"),
             "lsra_core": Operator(lsra_core, "ctx"),
             **{"combiner_" + name: Operator(combiner, "o", "0213")
                for name in ("fixed", "axial_rowmajor", "mixture_causal")}}


@dataclasses.dataclass(frozen=True)
class LongRange:
    name: str
    op: str
    extents: dict
    attributes: dict
    beside_dense: bool = False  # torch_sdpa has dense attention of as many tokens in its place
    family = "long_range"
    dtype = "f32"

    @property
    def output(self):
        return OPERATORS[self.op].output

    @property
    def order(self):
        return OPERATORS[self.op].order

    def sizes(self):
        words = [f"{name}={value}" for name, value in (self.extents | self.attributes).items()]
        return f"`{self.op}`: {' '.join(words)}, {self.dtype}"

    def inputs(self):
        return OPERATORS[self.op].inputs(Values(), **self.extents, **self.attributes)

    def reference(self, inputs):
        """The composition in float64."""
        import compositions  # and PyTorch, which most processes do without
        return compositions.reference(self, inputs)

    def declared(self, output):
        return output

    def max_error(self, output, reference):
        return float(np.abs(output - reference).max())


TLS = {"B": 1, "H": 8, "D": 64}
COMBINER = {"B": 1, "H": 12, "D": 64}
SHAPES = (
    LongRange("tls_bidir_w128_r32", "tls_bidir", {**TLS, "N": 4096}, {"w": 128, "r": 32}),
    LongRange("tls_bidir_lra_text", "tls_bidir", {"B": 1, "N": 4096, "H": 2, "D": 32},
              {"w": 8, "r": 32}),
    LongRange("tls_bidir_16384", "tls_bidir", {**TLS, "N": 16384}, {"w": 128, "r": 32}, True),
    LongRange("tls_causal_enwik8", "tls_causal", {**TLS, "M": 2048, "cached": 128},
              {"S": 16, "r": 1, "W": 512}),
    LongRange("lsra_512", "lsra_core", {"T": 2048, "B": 1, "Ha": 4, "D": 64, "Hc": 4, "R": 64},
              {"causal": 0, "K": 31, "P": 15}),
    LongRange("combiner_fixed_2048", "combiner_fixed", {**COMBINER, "L": 2048},
              {"M": 128, "causal": 1}),
    LongRange("combiner_fixed_8192", "combiner_fixed", {**COMBINER, "L": 8192},
              {"M": 128, "causal": 1}),
    LongRange("combiner_rowmajor_2048", "combiner_axial_rowmajor", {**COMBINER, "L": 2048},
              {"M": 128, "causal": 1, "summary": "none"}),
    LongRange("combiner_mixture_2048", "combiner_mixture_causal", {**COMBINER, "L": 2048},
              {"M": 128, "cum": "max"}),
)
