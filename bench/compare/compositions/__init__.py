"""The long-range operators in PyTorch, as its users write them: matrix products, softmax and views.
A function takes an operator's tensors by their names in the pack's tables, in shapes as declared,
and its attributes."""
import numpy as np
import torch

from compositions import combiner, lsra, transformer_ls

OPERATORS = {"tls_bidir": transformer_ls.bidir, "tls_causal": transformer_ls.causal,
             "lsra_core": lsra.core, "combiner_fixed": combiner.fixed,
             "combiner_axial_rowmajor": combiner.rowmajor,
             "combiner_mixture_causal": combiner.mixture}


def tensors(shape, inputs):
    """The same values, those of four dimensions in the shape's order in memory."""
    order = [int(digit) for digit in shape.order]
    result = {}
    for name, x in inputs.items():
        if order and x.ndim == len(order):
            ordered = torch.from_numpy(np.ascontiguousarray(x.transpose(order)))
            result[name] = ordered.permute(*np.argsort(order).tolist())
        else:
            result[name] = torch.from_numpy(x)
    return result


def reference(shape, inputs):
    """In float64."""
    exact = {name: x.double() if x.is_floating_point() else x
             for name, x in tensors(shape, inputs).items()}
    with torch.no_grad():
        return OPERATORS[shape.op](**exact, **shape.attributes).numpy()
