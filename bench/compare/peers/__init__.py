"""Peers by name. Each has a module here with a function that is given a Problem and returns a
Prepared, or raises Unsupported; modules are imported only in the peer's own process."""
import dataclasses
import typing

from shapes import Shape

# Added to a torch peer's name: MKL takes its AVX-512 code on CPUs that are not Intel's, too.
MKL512 = "_mkl512"


class Unsupported(Exception):
    """The peer has no such operator, or not for this type."""


@dataclasses.dataclass
class Problem:
    shape: Shape
    qkv: list  # float32 arrays [B, H, L, D]
    threads: int
    ggml: str  # folder of ggml's shared libraries, or ""


@dataclasses.dataclass
class Prepared:
    call: typing.Callable  # what is timed
    output: typing.Callable  # calls once more; [B, H, L, D] in float32
    note: str  # what exactly runs
    precision: str  # least precise of the types that it stores or computes in


@dataclasses.dataclass(frozen=True)
class Peer:
    module: str
    function: str
    arguments: tuple = ()


PEERS = {
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
DEFAULT = ["torch_sdpa", "torch_sdpa" + MKL512, "torch_flex", "torch_flex" + MKL512,
           "ort_attention", "ort_mha", "ort_gqa", "openvino_sdpa", "ggml_f32", "ggml_f16"]


def known(name):
    base = name.removesuffix(MKL512)
    return base in PEERS and (base == name or PEERS[base].module == "torch_peers")
