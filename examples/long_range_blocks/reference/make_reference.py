"""Makes the expected values of long_range_blocks: the authors' layers in float64, NumPy only.

    python make_reference.py MODEL    # the folder that fetch_model.sh made

Each function is a port of the module that it names, written from the module's own steps: dense
scores of all pairs, then masks. Made with Python 3.11 and numpy 2.4.6.

Transformer-LS  NVIDIA/transformer-ls, lra/attention_transformer_ls.py, AttentionLS
LSRA            mit-han-lab/lite-transformer, fairseq/modules/multibranch.py, MultiBranch of
                MultiheadAttention and DynamicConv1dTBC
Combiner        google-research/google-research, combiner/combiner/jax/model/layer.py,
                _SelfAttAxialRowmajor and _AxialMixtureAtt
"""
import json
import pathlib
import struct
import sys
import unicodedata

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
TEXT = HERE.parent.parent / "sentence_embedding" / "alice.txt"
WIDTH, TOKENS = 384, 2048
ROWS = [0, 1, 63, 64, 500, 1023, 1999]  # of those that are written down, with every third column


# ---- the text

def word_pieces(text, vocabulary):
    """[CLS] and the word pieces of an English text, as BERT's uncased tokenizer makes them."""
    ids, word = [vocabulary["[CLS]"]], ""
    for letter in text.lower() + " ":
        mark = unicodedata.category(letter).startswith("P") or letter in "$+<=>^`|~"
        if not mark and not letter.isspace():
            word += letter
            continue
        for part in (word, letter if mark else ""):
            ids += pieces(part, vocabulary)
        word = ""
    return ids


def pieces(word, vocabulary):
    ids, start = [], 0
    while start < len(word):
        end = len(word)
        while end > start and ("##" if start else "") + word[start:end] not in vocabulary:
            end -= 1
        if end == start:
            return [vocabulary["[UNK]"]]
        ids.append(vocabulary[("##" if start else "") + word[start:end]])
        start = end
    return ids


def tensor(path, name):
    with open(path, "rb") as file:
        length, = struct.unpack("<Q", file.read(8))
        entry = json.loads(file.read(length))[name]
        begin, end = entry["data_offsets"]
        file.seek(8 + length + begin)
        return np.frombuffer(file.read(end - begin), np.float32).reshape(entry["shape"])


def text_rows(model):
    """Normalised embeddings of the text's first TOKENS word pieces."""
    lines = (model / "vocab.txt").read_text(encoding="utf-8").split("\n")
    vocabulary = {line: i for i, line in enumerate(lines)}
    ids = word_pieces(TEXT.read_text(encoding="utf-8"), vocabulary)[:TOKENS]
    of = lambda name: tensor(model / "model.safetensors", "embeddings." + name).astype(float)
    words = of("word_embeddings.weight")[ids]
    return norm(words, of("LayerNorm.weight"), of("LayerNorm.bias"), 1e-12)


# ---- random weights, the same as in random_weights.cpp

def uniform(seed, *shape, bound):
    """In [-bound, bound): bits of splitmix64, exact in float32 before the product with bound."""
    with np.errstate(over="ignore"):
        z = (np.uint64(seed) << np.uint64(32)) + np.arange(1, np.prod(shape) + 1, dtype=np.uint64)
        z = z * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    unit = (z >> np.uint64(40)).astype(np.float32) * np.float32(2**-23) - np.float32(1)
    return (unit * np.float32(bound)).astype(float).reshape(shape)


def weight(seed, outputs, inputs):
    return uniform(seed, outputs, inputs, bound=np.sqrt(np.float32(3) / np.float32(inputs)))


def linear(x, seed, outputs, bias=True):
    y = x @ weight(seed, outputs, x.shape[-1]).T
    return y + uniform(seed + 100, outputs, bound=0.1) if bias else y


def norm_weights(seed, width):
    gain = (np.float32(1) + uniform(seed, width, bound=0.1).astype(np.float32)).astype(float)
    return gain, uniform(seed + 100, width, bound=0.1)


def norm(x, gain, shift, eps):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + eps) * gain + shift


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


# ---- the layers

def transformer_ls(text, heads=6, window=16, rank=32, padding=48):
    """AttentionLS with a CLS token; the last tokens are padding."""
    size, n = WIDTH // heads, TOKENS
    keep = np.arange(n) < n - padding
    x = np.where(keep[:, None], text, 0)
    cls = uniform(6, 1, WIDTH, bound=1)
    split = lambda y: y.reshape(-1, heads, size)
    tokens, marks = norm_weights(7, WIDTH), norm_weights(8, WIDTH)
    q, k, v = (linear(x, seed, WIDTH) for seed in (1, 2, 3))
    qc, kc, vc = (linear(cls, seed, WIDTH) for seed in (1, 2, 3))
    k, v = norm(k, *tokens, 1e-5), norm(v, *tokens, 1e-5)
    logits = linear(x, 4, heads * rank).reshape(n, heads, rank)
    share = softmax(np.where(keep[:, None, None], logits, -np.inf), 0)
    mean = lambda y: np.einsum("nhr,nhd->rhd", share, split(y)).reshape(rank, WIDTH)
    kl, vl = (split(norm(np.vstack([c, mean(y)]), *marks, 1e-5)) for c, y in ((kc, k), (vc, v)))
    q, k, v = split(q) / np.sqrt(size), split(k), split(v)
    i, e = np.arange(n), max(window // 2, 1)
    first = i // window * window - e
    seen = (i >= first[:, None]) & (i < first[:, None] + window + 2 * e) & keep
    context = np.zeros((n, heads, size))
    for h in range(heads):
        near = np.where(seen, q[:, h] @ k[:, h].T, -np.inf)
        p = softmax(np.hstack([q[:, h] @ kl[:, h].T, near]))
        context[:, h] = p @ np.vstack([vl[:, h], v[:, h]])
    context[~keep] = 0
    qc, kc, vc = (split(y) for y in (qc / np.sqrt(size), kc, vc))
    rows = np.vstack([kc, context])  # keys and values of the CLS token's own softmax
    scores = np.einsum("hd,nhd->nh", qc[0], rows)
    p = softmax(np.where(np.append(True, keep)[:, None], scores, -np.inf), 0)
    out = np.einsum("nh,nhd->hd", p, np.vstack([vc, context]))[None]
    return linear(np.vstack([out, context]).reshape(n + 1, WIDTH), 5, WIDTH)


def lsra(text, batch=2, heads=4, groups=4, taps=31):
    """MultiBranch of a decoder: T tokens of `batch` sequences, row t * batch + b."""
    half, length = WIDTH // 2, TOKENS // batch
    x = text.reshape(batch, length, WIDTH).swapaxes(0, 1)
    long, short = x[..., :half], x[..., half:]
    split = lambda y: y.reshape(length, batch, heads, half // heads)
    q, k, v = (split(linear(long, seed, half)) for seed in (1, 2, 3))
    scores = np.einsum("ibhd,jbhd->bhij", q, k) / np.sqrt(half // heads)
    p = softmax(np.where(np.tri(length, dtype=bool), scores, -np.inf))
    attended = np.einsum("bhij,jbhd->ibhd", p, v).reshape(length, batch, half)
    z = linear(short, 5, 2 * half)
    u = z[..., :half] / (1 + np.exp(-z[..., half:]))
    filters = softmax(linear(u, 6, groups * taps, bias=False).reshape(length, batch, groups, taps))
    padded = np.concatenate([np.zeros((taps - 1, batch, half)), u])
    filtered = sum(np.repeat(filters[..., i], half // groups, -1) * padded[i:i + length]
                   for i in range(taps))
    out = np.concatenate([linear(attended, 4, half), linear(filtered, 7, half)], -1)
    return out.reshape(TOKENS, WIDTH)


def combiner_projections(text, heads):
    x = norm(text, *norm_weights(5, WIDTH), 1e-6)
    q, k, v = (linear(x, seed, WIDTH, bias=False).reshape(TOKENS, heads, -1) for seed in (1, 2, 3))
    return x, q / np.sqrt(WIDTH // heads), k, v


def combiner_output(text, o):
    return text + linear(o.reshape(TOKENS, WIDTH), 4, WIDTH, bias=False)


def axial(text, heads=6, m=64):
    """_SelfAttAxialRowmajor: one summary of each row by column, its key projected."""
    x, q, k, v = combiner_projections(text, heads)
    n, size = TOKENS // m, WIDTH // heads
    grid = lambda y: y.reshape(n, m, heads, size)
    q, k, v = grid(q), grid(k), grid(v)
    inside = np.einsum("rchd,rjhd->rhcj", q, k)
    value = np.einsum("rhcj,rjhd->rchd", softmax(inside), v)
    w1 = uniform(11, WIDTH, WIDTH, bound=np.sqrt(np.float32(3) / np.float32(WIDTH)))
    w2 = uniform(12, WIDTH, WIDTH, bound=np.sqrt(np.float32(3) / np.float32(WIDTH)))
    first = value.reshape(TOKENS, WIDTH) @ w1 + x
    key = grid(norm(first, *norm_weights(13, WIDTH), 1e-6) @ w2)
    direct = np.where(np.tri(m, dtype=bool), inside, -np.inf)
    columns = np.einsum("rchd,tchd->rhct", q, key)
    earlier = np.tri(n, k=-1, dtype=bool)[:, None, None, :]
    p = softmax(np.concatenate([direct, np.where(earlier, columns, -np.inf)], -1))
    o = np.einsum("rhcj,rjhd->rchd", p[..., :m], v)
    o += np.einsum("rhct,tchd->rchd", p[..., m:], value)
    return combiner_output(text, o)


def prefix_regions(q, k, v, axis, backward):
    """Key and value of the region of each place of a line up to it (backward: from it)."""
    q, k, v = (np.moveaxis(y, axis, 0) for y in (q, k, v))
    if backward:
        q, k, v = q[::-1], k[::-1], v[::-1]
    key, query = np.maximum.accumulate(k), np.maximum.accumulate(q)
    scores = np.einsum("p...d,j...d->pj...", query, k)
    inside = np.tri(len(k), dtype=bool).reshape(len(k), len(k), *[1] * (k.ndim - 2))
    value = np.einsum("pj...,j...d->p...d", softmax(np.where(inside, scores, -np.inf), 1), v)
    if backward:
        key, value = key[::-1], value[::-1]
    return np.moveaxis(key, 0, axis), np.moveaxis(value, 0, axis)


def mixture(text, heads=6, m=64):
    """_AxialMixtureAtt with running maxima: row and column, and regions of both."""
    _, q, k, v = combiner_projections(text, heads)
    n, size = TOKENS // m, WIDTH // heads
    q, k, v = (y.reshape(n, m, heads, size) for y in (q, k, v))
    up, left, right = (prefix_regions(q, k, v, axis, backward)
                       for axis, backward in ((0, False), (1, False), (1, True)))
    o = np.zeros_like(v)
    for r in range(n):
        for c in range(m):
            keys, values = [k[:r, c], k[r, :c + 1]], [v[:r, c], v[r, :c + 1]]
            if r > 0:
                others = np.arange(m) != c
                keys.append(up[0][r - 1, others]), values.append(up[1][r - 1, others])
            if c > 0:
                keys.append(left[0][:r, c - 1]), values.append(left[1][:r, c - 1])
            if c < m - 1:
                keys.append(right[0][:r, c + 1]), values.append(right[1][:r, c + 1])
            p = softmax(np.einsum("hd,jhd->jh", q[r, c], np.concatenate(keys)), 0)
            o[r, c] = np.einsum("jh,jhd->hd", p, np.concatenate(values))
    return combiner_output(text, o)


def write(name, rows):
    """Some rows, and the mean of all, which any wrong row moves."""
    digits = lambda row: [float(f"{x:.7g}") for x in row[::3]]
    entries = [{"row": i, "values": digits(rows[i])} for i in ROWS]
    entries.append({"row": -1, "values": digits(rows.mean(0))})
    lines = ",\n".join(" " + json.dumps(entry) for entry in entries)
    (HERE / (name + ".json")).write_text("[\n" + lines + "\n]\n")


def main(model):
    text = text_rows(pathlib.Path(model))
    for name, layer in (("transformer_ls", transformer_ls), ("lsra", lsra),
                        ("combiner_axial", axial), ("combiner_mixture", mixture)):
        write(name, layer(text))


if __name__ == "__main__":
    main(sys.argv[1])
