"""PyTorch: the compositions as they are, through torch.compile, or with
scaled_dot_product_attention."""
import torch

import compositions
from peers import Prepared, Unsupported


def version():
    return "torch " + torch.__version__


def composed(problem):
    """The composition as a function of nothing."""
    torch.set_num_threads(problem.threads)
    tensors = compositions.tensors(problem.shape, problem.inputs)
    operator, attributes = compositions.OPERATORS[problem.shape.op], problem.shape.attributes
    return lambda **more: operator(**tensors, **attributes, **more)


def prepared(call, note, flops=0):
    call = torch.no_grad()(call)
    return Prepared(call, lambda: call().numpy(), note, "f32", flops)


def eager(problem):
    return prepared(composed(problem), "composition")


def compiled(problem):
    torch.compiler.reset()
    return prepared(torch.compile(composed(problem), dynamic=False), "composition, torch.compile")


def sdpa(problem):
    if problem.shape.beside_dense:
        return dense(problem)
    if problem.shape.op != "lsra_core":
        raise Unsupported("no part of it is ordinary attention")
    call = composed(problem)
    return prepared(lambda: call(fused=True), "composition, attention by one function")


def dense(problem):
    """What the operator stands in for: all pairs of its tokens."""
    torch.set_num_threads(problem.threads)
    q, k, v = (torch.from_numpy(x) for x in problem.qkv)
    batch, heads, tokens, width = q.shape
    return prepared(lambda: torch.nn.functional.scaled_dot_product_attention(q, k, v),
                    "another operator: dense attention of as many tokens",
                    4 * batch * heads * tokens**2 * width)
