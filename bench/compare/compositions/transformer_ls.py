"""Transformer-LS (Zhu et al. 2021, arXiv 2107.02192): landmarks and a window in one softmax."""
import torch
from torch.nn.functional import layer_norm, pad


def normed(x, gain, bias):
    """[B, N, H, D] after a LayerNorm over the columns of all heads, as [B, H, N, D]."""
    rows = layer_norm(x.flatten(2), gain.shape, gain, bias)
    return rows.view(x.shape).transpose(1, 2)


def bidir(q, k, v, s, keep, gT, bT, gL, bL, *, w, r):
    """Without padding: `keep` is not read."""
    tokens, d = q.shape[1], q.shape[3]
    e = max(w // 2, 1)
    q = q.transpose(1, 2) * d**-0.5
    k, v = (normed(x, gT, bT) for x in (k, v))
    weights = torch.softmax(s, 1).permute(0, 2, 3, 1)
    marks = [normed((weights @ x).transpose(1, 2), gL, bL) for x in (k, v)]
    tiles = [pad(x, (0, 0, e, e)).unfold(2, w + 2 * e, w) for x in (k, v)]  # [B, H, N/w, D, w+2e]
    key = torch.arange(tokens // w)[:, None] * w - e + torch.arange(w + 2 * e)
    outside = ((key < 0) | (key >= tokens))[:, None]
    near = (q.unflatten(2, (-1, w)) @ tiles[0]).masked_fill(outside, -torch.inf).flatten(2, 3)
    p = torch.softmax(torch.cat([q @ marks[0].mT, near], -1), -1)
    near = (p[..., r:].unflatten(2, (-1, w)) @ tiles[1].mT).flatten(2, 3)
    return (p[..., :r] @ marks[1] + near).transpose(1, 2).contiguous()


def chunk_landmarks(x, s, S):
    """Of every chunk of S rows: [B, M, H, D] and logits [B, M, H, r] to [B, M/S*r, H, D]."""
    weights = torch.softmax(s.unflatten(1, (-1, S)), 2).permute(0, 1, 3, 4, 2)
    marks = weights @ x.unflatten(1, (-1, S)).transpose(2, 3)  # [B, M/S, H, r, D]
    return marks.transpose(2, 3).flatten(1, 2)


def diagonals(scores, w):
    """Of tiles of w rows by 2 w keys: columns i+1 ... i+w of row i."""
    return scores.flatten(-2)[..., 1:].unfold(-1, w, 2 * w + 1)


def undiagonals(weights, w):
    """Back to tiles of 2 w keys, with zeros elsewhere."""
    return pad(weights, (1, w)).flatten(-2)[..., :2 * w * w].unflatten(-1, (w, 2 * w))


def far_places(t, Rc, S, r):
    """t Rc^T, shifted in each chunk by the landmarks that it does not see: [B, H, M, nc]."""
    chunks, nc = t.shape[2] // S, Rc.shape[0]
    t = t.unflatten(2, (chunks, S)).transpose(2, 3).flatten(2, 3)  # rows of one place in a chunk
    scores = (t @ Rc.permute(1, 2, 0)).unflatten(2, (S, chunks))
    shifted = pad(scores.flatten(-2), (0, r))[..., chunks * r:].unfold(-1, nc, nc - r)
    return shifted.transpose(2, 3).flatten(2, 3)


def causal(q, kw, vw, kcache, vcache, s, Rw, Rc, uw, ur, gW, bW, gP, bP, *, S, r, W):
    """W divides M."""
    (_, rows, _, d), nc = q.shape, Rc.shape[0]
    marks = [normed(torch.cat([cache, chunk_landmarks(x[:, W:], s, S)], 1), gP, bP)
             for x, cache in ((kw, kcache), (vw, vcache))]
    k, v = (normed(x, gW, bW).unfold(2, 2 * W, W) for x in (kw, vw))  # [B, H, M/W, D, 2 W]
    t = q.transpose(1, 2) * d**-0.5
    near = diagonals((t + uw[:, None]).unflatten(2, (-1, W)) @ k, W).flatten(2, 3)
    near = near + (t + ur[:, None]) @ Rw.permute(1, 2, 0)
    seen = kcache.shape[1] + torch.arange(rows) // S * r
    far = t @ marks[0].mT + far_places(t, Rc, S, r)
    far = far.masked_fill(torch.arange(nc) >= seen[:, None], -torch.inf)
    p = torch.softmax(torch.cat([far, near], -1), -1)
    near = undiagonals(p[..., nc:].unflatten(2, (-1, W)), W) @ v.mT
    return (p[..., :nc] @ marks[1] + near.flatten(2, 3)).transpose(1, 2).contiguous()
