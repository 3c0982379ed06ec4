"""ONNX Runtime, models of one operator: the standard's Attention (opset 23), and the runtime's own
MultiHeadAttention and GroupQueryAttention."""
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

from dense import WINDOW, whole_mask
from peers import Prepared, Unsupported

TYPES = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(bool): TensorProto.BOOL,
         np.dtype(np.int32): TensorProto.INT32}


def version():
    return "onnxruntime " + onnxruntime.__version__


def flat(x):
    """[B, H, L, D] to [B, L, H * D], as the runtime's own operators take it."""
    return np.ascontiguousarray(x.swapaxes(1, 2)).reshape(x.shape[0], x.shape[2], -1)


def model_of(node, feeds):
    graph = helper.make_graph(
        [node], "attention",
        [helper.make_tensor_value_info(name, TYPES[x.dtype], x.shape) for name, x in feeds.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in node.output])
    opsets = [helper.make_opsetid("", 23), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, ir_version=10, opset_imports=opsets).SerializeToString()


def prepared(problem, node, feeds, note, in_place=()):
    """in_place: pairs of an output and the input whose memory it shares."""
    if problem.shape.dtype != "f32":
        raise Unsupported("f32 only")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = problem.threads
    session = onnxruntime.InferenceSession(model_of(node, feeds), options,
                                           providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    values = {name: onnxruntime.OrtValue.ortvalue_from_numpy(x) for name, x in feeds.items()}
    for name, value in values.items():
        binding.bind_ortvalue_input(name, value)
    for name in node.output:
        if name in dict(in_place):
            binding.bind_ortvalue_output(name, values[dict(in_place)[name]])
        else:
            binding.bind_output(name)
    call = lambda: session.run_with_iobinding(binding)

    def output():
        call()
        y = binding.copy_outputs_to_cpu()[0]
        shape = problem.shape
        rows = (shape.batch, shape.queries, shape.heads, shape.head_dim)
        return y if y.ndim == 4 else y.reshape(rows).swapaxes(1, 2)
    return Prepared(call, output, note, "f32")


def attention(problem):
    feeds, note = dict(zip("qkv", problem.qkv)), "Attention"
    if problem.shape.mask == "window":
        feeds["m"], note = whole_mask(problem.shape), note + ", boolean mask"
    node = helper.make_node("Attention", list(feeds), ["y"],
                            is_causal=int(problem.shape.mask == "causal"))
    return prepared(problem, node, feeds, note)


def multi_head_attention(problem):
    shape, note = problem.shape, "MultiHeadAttention"
    if shape.group > 1:
        raise Unsupported("a key head for each query head")
    feeds = {name: flat(x) for name, x in zip("qkv", problem.qkv)}
    names = ["q", "k", "v"]
    if shape.mask == "window":
        bias = np.where(whole_mask(shape), 0, -np.inf).astype(np.float32)
        feeds["m"], names, note = bias[None, None], names + ["", "", "m"], note + ", additive mask"
    node = helper.make_node("MultiHeadAttention", names, ["y"], domain="com.microsoft",
                            num_heads=shape.heads, unidirectional=int(shape.mask == "causal"))
    return prepared(problem, node, feeds, note)


def group_query_attention(problem):
    """Causal only. One query is a step of decoding: its key and value, the last, are added to a
    cache of the others in the cache's own memory."""
    shape, note = problem.shape, "GroupQueryAttention"
    cached = shape.queries == 1
    if shape.mask == "dense" and not cached:
        raise Unsupported("causal only")
    feeds = {name: flat(x) for name, x in zip("qkv", problem.qkv)}
    names, in_place = ["q", "k", "v", "", ""], ()
    if cached:
        feeds.update(k=feeds["k"][:, -1:].copy(), v=feeds["v"][:, -1:].copy(),
                     past_k=problem.qkv[1].copy(), past_v=problem.qkv[2].copy())
        names[3:], note = ["past_k", "past_v"], note + ", cache updated in place"
        in_place = (("new_k", "past_k"), ("new_v", "past_v"))
    feeds["last"] = np.full(shape.batch, shape.keys - 1, np.int32)
    feeds["length"] = np.array(shape.keys, np.int32)
    window = {"local_window_size": WINDOW} if shape.mask == "window" else {}
    node = helper.make_node("GroupQueryAttention", names + ["last", "length"],
                            ["y", "new_k", "new_v"], domain="com.microsoft",
                            num_heads=shape.heads,
                            kv_num_heads=shape.heads // shape.group, **window)
    return prepared(problem, node, feeds, note, in_place)
