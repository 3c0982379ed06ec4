"""OpenVINO: ScaledDotProductAttention in a model of one operator. For bf16 it takes f32 tensors and
the hint to compute in bf16."""
import numpy as np
import openvino
from openvino import opset13

from dense import whole_mask
from peers import Prepared, Unsupported


def version():
    return "openvino " + openvino.__version__.split("-")[0]


def layers(compiled):
    types = {op.get_rt_info()["layerType"].astype(str)
             for op in compiled.get_runtime_model().get_ops()}
    return "+".join(sorted(types - {"Input", "Output"}))


def sdpa(problem):
    shape = problem.shape
    if shape.dtype == "f16":
        raise Unsupported("f32 and bf16 only")
    if shape.group > 1:
        raise Unsupported("a key head for each query head")
    values = list(problem.qkv)
    if shape.mask == "window":
        values.append(whole_mask(shape))
    parameters = [opset13.parameter(x.shape, x.dtype.type) for x in values]
    node = opset13.scaled_dot_product_attention(*parameters, causal=shape.mask == "causal")
    compiled = openvino.Core().compile_model(openvino.Model([node], parameters), "CPU", {
        "INFERENCE_PRECISION_HINT": shape.dtype, "INFERENCE_NUM_THREADS": problem.threads,
        "PERFORMANCE_HINT": "LATENCY"})
    request = compiled.create_infer_request()
    tensors = [openvino.Tensor(x) for x in values]
    for i, tensor in enumerate(tensors):
        request.set_input_tensor(i, tensor)

    def output():
        request.infer()
        return request.get_output_tensor(0).data.astype(np.float32)
    return Prepared(request.infer, output, f"precision {shape.dtype}, {layers(compiled)}",
                    shape.dtype)
