"""ggml_flash_attn_ext, the attention of llama.cpp, through ctypes: queries in f32, keys and values
in f32 or f16, and an f16 mask."""
import ctypes
import os

import numpy as np

from dense import whole_mask
from peers import Prepared, Unsupported

POINTER = ctypes.c_void_p
TYPES = {np.dtype(np.float32): 0, np.dtype(np.float16): 1}  # enum ggml_type
MEBIBYTE = 1 << 20
versions, contexts = [], []


class InitParams(ctypes.Structure):
    _fields_ = [("mem_size", ctypes.c_size_t), ("mem_buffer", POINTER),
                ("no_alloc", ctypes.c_bool)]


class Library:
    """Functions of one of ggml's libraries; what they return is a pointer."""

    def __init__(self, folder, name):
        self.library = ctypes.CDLL(os.path.join(folder, name), mode=ctypes.RTLD_GLOBAL)

    def __call__(self, function, *values, result=POINTER):
        entry = getattr(self.library, function)
        entry.restype = result
        value = entry(*values)
        return POINTER(value) if result is POINTER else value


def version():
    return versions[-1]


def new_tensor(base, context, x):
    sizes = [ctypes.c_int64(n) for n in x.shape[::-1]]  # ggml lists the innermost first
    tensor = base("ggml_new_tensor_4d", context, TYPES[x.dtype], *sizes)
    ctypes.memmove(base("ggml_get_data", tensor), x.ctypes.data, x.nbytes)
    return tensor


def operands(problem, dtype):
    kind = {"f32": np.float32, "f16": np.float16}[dtype]
    q, k, v = problem.qkv
    values = [q, k.astype(kind), v.astype(kind)]
    mask = whole_mask(problem.shape)
    if mask is not None:
        values.append(np.where(mask, 0, -np.inf)[None, None].astype(np.float16))
    return [np.ascontiguousarray(x) for x in values]


def flash_attention(problem, dtype):
    folder = problem.folders["ggml"]
    if not folder:
        raise Unsupported("needs --ggml DIR")
    if problem.shape.dtype not in ("f32", dtype):
        raise Unsupported("queries are f32" if dtype == "f32" else "f32 and f16 only")
    base, cpu = (Library(folder, f"libggml-{name}.so") for name in ("base", "cpu"))
    versions.append("ggml " + base("ggml_commit", result=ctypes.c_char_p).decode())
    while contexts:  # the last shape's tensors
        base("ggml_free", contexts.pop())
    values = operands(problem, dtype)
    size = sum(x.nbytes for x in values) + problem.qkv[0].nbytes + MEBIBYTE
    context = base("ggml_init", InitParams(size, None, False))
    contexts.append(context)
    tensors = [new_tensor(base, context, x) for x in values] + [None] * (4 - len(values))
    scale = ctypes.c_float(problem.shape.head_dim ** -0.5)
    node = base("ggml_flash_attn_ext", context, *tensors, scale, ctypes.c_float(0),
                ctypes.c_float(0))
    graph = base("ggml_new_graph", context)
    base("ggml_build_forward_expand", graph, node)
    backend = cpu("ggml_backend_cpu_init")
    cpu("ggml_backend_cpu_set_n_threads", backend, problem.threads)
    return prepared(problem, base, lambda: base("ggml_backend_graph_compute", backend, graph),
                    node, dtype)


def prepared(problem, base, call, node, dtype):
    shape = problem.shape

    def output():
        call()
        data = ctypes.cast(base("ggml_get_data", node), ctypes.POINTER(ctypes.c_float))
        rows = (shape.batch, shape.queries, shape.heads, shape.head_dim)
        return np.ctypeslib.as_array(data, rows).swapaxes(1, 2)
    mask = "" if shape.mask == "dense" else ", f16 mask"
    return Prepared(call, output, f"flash_attn_ext, K and V {dtype}{mask}", dtype)
