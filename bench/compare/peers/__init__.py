"""Peers by family of shapes and name. Each has a module here with a function that is given a
Problem and returns a Prepared, or raises Unsupported; modules are imported only in the peer's own
process."""
import dataclasses
import functools
import typing

import numpy as np

# Added to a torch peer's name: MKL takes its AVX-512 code on CPUs that are not Intel's, too.
MKL512 = "_mkl512"


class Unsupported(Exception):
    """The peer has no such operator, or not for this type."""


@dataclasses.dataclass
class Problem:
    shape: typing.Any  # of shapes.py
    inputs: dict  # arrays as declared
    threads: int
    folders: dict  # of what is no package: {"ggml": path or "", ...}

    @functools.cached_property
    def qkv(self):
        """Of dense attention, as [B, H, L, D]."""
        return [np.ascontiguousarray(self.inputs[name].swapaxes(1, 2)) for name in "qkv"]


@dataclasses.dataclass
class Prepared:
    call: typing.Callable  # what is timed
    output: typing.Callable  # calls once more; float32, [B, H, L, D] if dense, else as declared
    note: str  # what exactly runs
    precision: str  # least precise of the types that it stores or computes in
    flops: float = 0  # of another operator than the shape's, whose output is not compared; or 0


@dataclasses.dataclass(frozen=True)
class Peer:
    module: str
    function: str
    arguments: tuple = ()

    @property
    def has_mkl(self):
        return self.module in ("torch_peers", "torch_long_range", "official")


DENSE = {
    "torch_sdpa": Peer("torch_peers", "sdpa"),
    "torch_flex": Peer("torch_peers", "flex"),
    "ort_attention": Peer("onnxruntime_peers", "attention"),
    "ort_mha": Peer("onnxruntime_peers", "multi_head_attention"),
    "ort_gqa": Peer("onnxruntime_peers", "group_query_attention"),
    "openvino_sdpa": Peer("openvino_peers", "sdpa"),
    "jax": Peer("jax_peers", "dot_product_attention"),
    "ggml_f32": Peer("ggml_peers", "flash_attention", ("f32",)),
    "ggml_f16": Peer("ggml_peers", "flash_attention", ("f16",)),
}
LONG_RANGE = {
    "torch_eager": Peer("torch_long_range", "eager"),
    "torch_compiled": Peer("torch_long_range", "compiled"),
    "torch_sdpa": Peer("torch_long_range", "sdpa"),
    "official": Peer("official", "module"),
}
FAMILIES = {"dense": DENSE, "long_range": LONG_RANGE}
NAMES = list(dict.fromkeys([*DENSE, *LONG_RANGE]))
DEFAULT = ["torch_sdpa", "torch_sdpa" + MKL512, "torch_flex", "torch_flex" + MKL512,
           "ort_attention", "ort_mha", "ort_gqa", "openvino_sdpa", "ggml_f32", "ggml_f16",
           "torch_eager", "torch_eager" + MKL512, "torch_compiled", "torch_compiled" + MKL512,
           "official", "official" + MKL512]


def of_family(family, name):
    """The peer of that name, or None."""
    base = name.removesuffix(MKL512)
    peer = FAMILIES[family].get(base)
    return peer if peer and (base == name or peer.has_mkl) else None


def known(name):
    return any(of_family(family, name) for family in FAMILIES)
