"""Calls of dense attention that compare.py times; shapes.py says what a shape has."""
import dataclasses

import numpy as np

WINDOW = 256  # keys that a row of a window shape sees: its own and those before


@dataclasses.dataclass(frozen=True)
class Dense:
    name: str
    batch: int
    heads: int
    queries: int
    keys: int
    head_dim: int
    mask: str = "dense"  # or causal, window
    dtype: str = "f32"
    group: int = 1  # query heads that share a key head
    family = "dense"
    op = "dense"
    output = "o"
    order = "0213"

    @property
    def attributes(self):
        return {"dense": {}, "causal": {"causal": 1},
                "window": {"causal": 1, "left": WINDOW - 1}}[self.mask]

    def sizes(self):
        text = f"B={self.batch} H={self.heads} Lq={self.queries} Lk={self.keys} D={self.head_dim}"
        masks = {"dense": "", "causal": ", causal", "window": f", causal, {WINDOW} keys a row"}
        groups = f", {self.group} query heads to a key head" if self.group > 1 else ""
        return text + masks[self.mask] + groups + f", {self.dtype}"

    def inputs(self):
        """N(0, 1) by a fixed seed, rounded to the shape's type."""
        random = np.random.default_rng(1)
        lengths = {"q": self.queries, "k": self.keys, "v": self.keys}
        sizes = {name: (self.batch, self.heads // (1 if name == "q" else self.group), length,
                        self.head_dim) for name, length in lengths.items()}
        return {name: rounded(random.standard_normal(size, dtype=np.float32), self.dtype)
                .swapaxes(1, 2) for name, size in sizes.items()}

    def reference(self, inputs):
        """Of the first head of the first batch item and the last of the last: {(b, h): [Lq, D]}."""
        heads = {(0, 0), (self.batch - 1, self.heads - 1)}
        q, k, v = inputs.values()
        return {(b, h): reference(self, q[b, :, h], k[b, :, h // self.group],
                                  v[b, :, h // self.group]) for b, h in heads}

    def declared(self, output):
        return output.swapaxes(1, 2)

    def max_error(self, output, reference):
        return float(max(np.abs(output[b, :, h] - want).max()
                         for (b, h), want in reference.items()))


SHAPES = (
    Dense("dense_2048_d64", 1, 8, 2048, 2048, 64),
    Dense("dense_2048_d128", 1, 8, 2048, 2048, 128),
    Dense("causal_2048_d64", 1, 8, 2048, 2048, 64, "causal"),
    Dense("window_8192_d64", 1, 8, 8192, 8192, 64, "window"),
    Dense("decode_8192_d128", 1, 32, 1, 8192, 128),
    Dense("short_b8_128_d32", 8, 12, 128, 128, 32),
    Dense("dense_bf16_2048_d64", 1, 8, 2048, 2048, 64, "dense", "bf16"),
    Dense("causal_bf16_2048_d64", 1, 8, 2048, 2048, 64, "causal", "bf16"),
    Dense("dense_f16_2048_d64", 1, 8, 2048, 2048, 64, "dense", "f16"),
    Dense("causal_f16_2048_d64", 1, 8, 2048, 2048, 64, "causal", "f16"),
    Dense("decode_f16_8192_d128", 1, 32, 1, 8192, 128, "dense", "f16"),
    Dense("decode_8192_d128_gqa8", 8, 32, 1, 8192, 128, group=8),
    Dense("decode_f16_8192_d128_gqa8", 8, 32, 1, 8192, 128, "dense", "f16", 8),
)


def rounded(x, dtype):
    """float32 values that `dtype` holds exactly, to nearest even."""
    if dtype == "f16":
        return x.astype(np.float16).astype(np.float32)
    if dtype == "bf16":
        bits = x.view(np.uint32)
        return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)
    return x


def admitted(shape, rows, keys):
    """True where the query of that position may see the key; both are arrays of positions."""
    rows, keys = rows[:, None], keys[None, :]
    if shape.mask == "dense":
        return np.ones((rows.size, keys.size), bool)
    return (keys <= rows) & ((keys > rows - WINDOW) | (shape.mask == "causal"))


def whole_mask(shape):
    """Of all queries and keys; None where every pair is admitted."""
    if shape.mask == "dense":
        return None
    return admitted(shape, np.arange(shape.queries), np.arange(shape.keys))


def reference(shape, q, k, v):
    """softmax(q k^T / sqrt(D)) v of one head in float64, some rows at a time."""
    q, k, v = (x.astype(np.float64) for x in (q, k, v))
    output = np.empty((shape.queries, shape.head_dim))
    for first in range(0, shape.queries, 256):
        rows = np.arange(first, min(first + 256, shape.queries))
        low = max(0, first - WINDOW) if shape.mask == "window" else 0
        high = shape.keys if shape.mask == "dense" else rows[-1] + 1
        scores = q[rows] @ k[low:high].T / np.sqrt(shape.head_dim)
        scores[~admitted(shape, rows, np.arange(low, high))] = -np.inf
        weights = np.exp(scores - scores.max(1, keepdims=True))
        output[rows] = weights @ v[low:high] / weights.sum(1, keepdims=True)
    return output
