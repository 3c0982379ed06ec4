"""Combiner (Ren et al. 2021, arXiv 2107.05768), causal: tokens and regions in one softmax. q, k and
v become [B, H, n, M, D]: n rows of M tokens."""
import torch


def grid(q, k, v, M):
    q = q * q.shape[-1] ** -0.5
    return [x.transpose(1, 2).unflatten(2, (-1, M)) for x in (q, k, v)]


def ungrid(o):
    """In the inputs' order in memory."""
    return o.flatten(2, 3).transpose(1, 2)


def places(count, first):
    """True from the `first`th place after a row's own on: [count, count]."""
    return torch.ones(count, count, dtype=torch.bool).triu(first)


def hidden(scores, mask):
    return scores.masked_fill(mask, -torch.inf)


def columns(x):
    """Rows become columns, and back."""
    return x.transpose(2, 3)


def joint(scores, values):
    """One softmax over groups of keys; some groups' tensors are of columns: (tensor, True)."""
    parts = [columns(x) if turned else x for x, turned in scores]
    weights = torch.softmax(torch.cat(parts, -1), -1).split([x.shape[-1] for x in parts], -1)
    sums = [columns(columns(p) @ v) if turned else p @ v
            for p, (v, turned) in zip(weights, values)]
    return ungrid(sum(sums))


def fixed(q, k, v, *, M, causal):
    """Regions are the segments before a row's own."""
    assert causal
    q, k, v = grid(q, k, v, M)
    region_k = k.amax(3)
    region_v = (torch.softmax(q.amax(3, keepdim=True) @ k.mT, -1) @ v).squeeze(3)
    near = hidden(q @ k.mT, places(M, 1))
    far = hidden(q @ region_k.mT[:, :, None], places(q.shape[2], 0)[:, None])
    return joint([(near, False), (far, False)], [(v, False), (region_v[:, :, None], False)])


def rowmajor(q, k, v, *, M, causal, summary):
    """A region is an earlier row, with the key that it has in the query's column."""
    assert causal and summary == "none"
    q, k, v = grid(q, k, v, M)
    scores = q @ k.mT
    region_v = columns(torch.softmax(scores, -1) @ v)
    far = hidden(columns(q) @ columns(k).mT, places(q.shape[2], 0))
    return joint([(hidden(scores, places(M, 1)), False), (far, True)],
                 [(v, False), (region_v, True)])


def prefixes(q, k, v):
    """Keys and values of the regions of a line up to and with each place."""
    region_q, region_k = q.cummax(3).values, k.cummax(3).values
    weights = torch.softmax(hidden(region_q @ k.mT, places(q.shape[3], 1)), -1)
    return region_k, weights @ v


def mixture(q, k, v, *, M, cum):
    """Tokens of the row and the column; columns above the row; rows left and right of the column.
    A region that is empty has another's key and value, and is hidden."""
    assert cum == "max"
    q, k, v = grid(q, k, v, M)
    rows, turned = q.shape[2], [columns(x) for x in (q, k, v)]
    up = [columns(x).roll(1, 2) for x in prefixes(*turned)]
    left = [columns(x).roll(1, 2) for x in prefixes(q, k, v)]
    right = [columns(x.flip(3)).roll(-1, 2) for x in prefixes(*(x.flip(3) for x in (q, k, v)))]
    own, above = hidden(q @ k.mT, places(M, 1)), hidden(turned[0] @ turned[1].mT, places(rows, 0))
    first_row = torch.arange(rows)[:, None, None] == 0
    column = torch.arange(M)[:, None, None]
    scores = [(own, False), (above, True),
              (hidden(q @ up[0].mT, first_row | torch.eye(M, dtype=torch.bool)), False),
              (hidden(turned[0] @ left[0].mT, places(rows, 0) | (column == 0)), True),
              (hidden(turned[0] @ right[0].mT, places(rows, 0) | (column == M - 1)), True)]
    return joint(scores, [(v, False), (turned[2], True), (up[1], False), (left[1], True),
                          (right[1], True)])
