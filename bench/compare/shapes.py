"""The calls that compare.py times: their sizes, inputs, a float64 reference, and how far outputs
may be from it."""
import dataclasses
import json
import os

import numpy as np

WINDOW = 256  # keys that a row of a window shape sees: its own and those before
# Largest error of an output, by the least precise type that its peer stores or computes in. Values
# reach 5; half a unit in the last place there is 2e-7, 2e-3 and 2e-2.
TOLERANCE = {"f32": 1e-5, "f16": 4e-3, "bf16": 4e-2}


@dataclasses.dataclass(frozen=True)
class Shape:
    name: str
    batch: int
    heads: int
    queries: int
    keys: int
    head_dim: int
    mask: str = "dense"  # or causal, window
    dtype: str = "f32"   # of q, k, v and the output; peers may say that they take another

    def sizes(self):
        text = f"B={self.batch} H={self.heads} Lq={self.queries} Lk={self.keys} D={self.head_dim}"
        masks = {"dense": "", "causal": ", causal", "window": f", causal, {WINDOW} keys a row"}
        return text + masks[self.mask] + f", {self.dtype}"


SHAPES = {shape.name: shape for shape in (
    Shape("dense_2048_d64", 1, 8, 2048, 2048, 64),
    Shape("dense_2048_d128", 1, 8, 2048, 2048, 128),
    Shape("causal_2048_d64", 1, 8, 2048, 2048, 64, "causal"),
    Shape("window_8192_d64", 1, 8, 8192, 8192, 64, "window"),
    Shape("decode_8192_d128", 1, 32, 1, 8192, 128),
    Shape("short_b8_128_d32", 8, 12, 128, 128, 32),
    Shape("dense_bf16_2048_d64", 1, 8, 2048, 2048, 64, "dense", "bf16"),
    Shape("causal_bf16_2048_d64", 1, 8, 2048, 2048, 64, "causal", "bf16"),
    Shape("dense_f16_2048_d64", 1, 8, 2048, 2048, 64, "dense", "f16"),
    Shape("causal_f16_2048_d64", 1, 8, 2048, 2048, 64, "causal", "f16"),
    Shape("decode_f16_8192_d128", 1, 32, 1, 8192, 128, "dense", "f16"),
)}


def rounded(x, dtype):
    """float32 values that `dtype` holds exactly, to nearest even."""
    if dtype == "f16":
        return x.astype(np.float16).astype(np.float32)
    if dtype == "bf16":
        bits = x.view(np.uint32)
        return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)
    return x


def inputs(shape):
    """q, k, v as [B, H, L, D]: N(0, 1) by a fixed seed, rounded to the shape's type."""
    random = np.random.default_rng(1)
    lengths = (shape.queries, shape.keys, shape.keys)
    return [rounded(random.standard_normal((shape.batch, shape.heads, length, shape.head_dim),
                                           dtype=np.float32), shape.dtype) for length in lengths]


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


def references(shape, qkv):
    """Of the first head of the first batch item and the last of the last: {(b, h): [Lq, D]}."""
    heads = {(0, 0), (shape.batch - 1, shape.heads - 1)}
    return {(b, h): reference(shape, *(x[b, h] for x in qkv)) for b, h in heads}


def max_error(output, expected):
    """Largest absolute difference of those heads; NaN if there is one."""
    return float(max(np.abs(output[head] - want).max() for head, want in expected.items()))


def write_case(folder, shape, qkv):
    """What `attune run --case` reads: case.json, and a .npy of [B, L, H, D] a tensor."""
    for name, x in zip("qkv", qkv):
        np.save(os.path.join(folder, name + ".npy"), np.ascontiguousarray(x.swapaxes(1, 2)))
    attributes = {"dense": {}, "causal": {"causal": 1}, "window": {"causal": 1, "left": WINDOW - 1}}
    case = {"op": "dense", "attrs": attributes[shape.mask], "inputs": list("qkv"),
            "outputs": ["o"]}
    with open(os.path.join(folder, "case.json"), "w") as file:
        json.dump(case, file)


def read_tensor(path):
    """As [B, H, L, D], in C order."""
    return np.ascontiguousarray(np.load(path).swapaxes(1, 2))
