"""LSRA of Lite Transformer (Wu et al. 2020, arXiv 2004.11886): attention beside a convolution."""
import torch
from torch.nn.functional import pad, scaled_dot_product_attention


def attention(q, k, v, causal):
    """Of [B, H, T, D]."""
    scale = q.shape[-1] ** -0.5
    if torch.compiler.is_compiling():  # the form for which it takes scaled_dot_product_attention
        scores = q @ k.mT * scale
    else:
        scores = (q * scale) @ k.mT
    if causal:
        later = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
        scores = scores.masked_fill(later, -torch.inf)
    return torch.softmax(scores, -1) @ v


def core(q, k, v, u, wl, *, causal, K, P, fused=False):
    """fused: its attention by one function of PyTorch."""
    q, k, v = (x.permute(1, 2, 0, 3) for x in (q, k, v))
    if fused:
        far = scaled_dot_product_attention(q, k, v, is_causal=bool(causal))
    else:
        far = attention(q, k, v, causal)
    tiles = pad(u, (0, 0, 0, 0, 0, 0, P, K - 1 - P)).unfold(0, K, 1)
    near = torch.einsum("tbgrk,tbgk->tbgr", tiles, torch.softmax(wl, -1))
    return torch.cat([far.permute(2, 0, 1, 3).flatten(2), near.flatten(2)], -1)
