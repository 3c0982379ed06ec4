"""PyTorch: scaled_dot_product_attention (MKL or oneDNN underneath) and FlexAttention."""
import torch

from dense import WINDOW, whole_mask
from peers import Prepared

DTYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}


def version():
    return "torch " + torch.__version__


def tensors(problem):
    torch.set_num_threads(problem.threads)
    return [torch.from_numpy(x).to(DTYPES[problem.shape.dtype]) for x in problem.qkv]


def prepared(problem, call, note):
    call = torch.no_grad()(call)
    return Prepared(call, lambda: call().float().numpy(), note, problem.shape.dtype)


def sdpa(problem):
    from torch.nn.attention import SDPBackend
    q, k, v = tensors(problem)
    causal = problem.shape.mask == "causal"
    mask = torch.from_numpy(whole_mask(problem.shape)) if problem.shape.mask == "window" else None
    grouped = problem.shape.group > 1
    backend = SDPBackend(torch._fused_sdp_choice(q, k, v, attn_mask=mask, is_causal=causal,
                                                 enable_gqa=grouped)).name
    return prepared(problem, lambda: torch.nn.functional.scaled_dot_product_attention(
        q, k, v, attn_mask=mask, is_causal=causal, enable_gqa=grouped),
        backend.lower().replace("_", " ") + (", boolean mask" if mask is not None else ""))


def block_mask(shape):
    from torch.nn.attention.flex_attention import create_block_mask
    if shape.mask == "dense":
        return None
    rules = {"causal": lambda b, h, i, j: i >= j,
             "window": lambda b, h, i, j: (i >= j) & (i - j < WINDOW)}
    return create_block_mask(rules[shape.mask], None, None, shape.queries, shape.keys,
                             device="cpu")


def flex(problem):
    from torch.nn.attention.flex_attention import flex_attention
    torch.compiler.reset()
    q, k, v = tensors(problem)
    mask = block_mask(problem.shape)
    compiled = torch.compile(flex_attention, dynamic=False)
    return prepared(problem, lambda: compiled(q, k, v, block_mask=mask,
                                              enable_gqa=problem.shape.group > 1),
                    "torch.compile" + (", block mask" if mask else ""))
