"""The authors' modules, from checkouts, with ready-made tensors in place of what their projections
make of a layer's input: what is timed is what Attune computes, in the authors' code."""
import importlib
import importlib.util
import os
import subprocess
import sys
import types

import torch
from torch.nn import Identity

import compositions
from peers import Prepared, Unsupported

versions = []


def version():
    return versions[-1]


class Given(torch.nn.Module):
    """In place of a projection: the tensor of as many rows as its input has."""

    def __init__(self, *tensors):
        super().__init__()
        self.tensors = {x.shape[:2]: x for x in tensors}

    def forward(self, x):
        return self.tensors[x.shape[:2]]


def checkout(problem, name):
    folder = problem.folders[name.replace("-", "_")]
    if not folder:
        raise Unsupported(f"needs --{name} DIR")
    git = subprocess.run(["git", "-C", folder, "describe", "--always", "--exclude=*"],
                         capture_output=True, text=True)
    versions.append(f"{name} {git.stdout.strip() or 'of unknown commit'}")
    return folder


def stub(name, path="", **content):
    """Stands in for a package that a file of a checkout imports from."""
    sys.modules[name] = module = types.ModuleType(name)
    module.__path__ = [path]
    module.__dict__.update(content)
    return module


def load(*path):
    """A file as a module."""
    spec = importlib.util.spec_from_file_location("official_module", os.path.join(*path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def set_norm(layer, gain, bias):
    layer.weight.copy_(gain)
    layer.bias.copy_(bias)


def tls_bidir(problem, x, w, r):
    folder = checkout(problem, "transformer-ls")
    batch, tokens, heads, d = x["q"].shape
    config = types.SimpleNamespace(
        pooling_mode="MEAN", cls_token=False, num_head=heads, head_dim=d, num_landmarks=r,
        max_seq_len=tokens, transformer_dim=heads * d, attention_dropout=0.0, window_size=w,
        fp32_attn=False)
    module = load(folder, "lra", "attention_transformer_ls.py").AttentionLS(config).eval()
    q, k, v, s = (x[name].flatten(2) for name in ("q", "k", "v", "s"))
    module.W_q, module.W_k, module.W_v, module.W_o = Given(q), Given(k), Given(v), Identity()
    module.dconv_fc = Given(s)
    set_norm(module.dual_ln_l, x["gT"], x["bT"])
    set_norm(module.dual_ln_s, x["gL"], x["bL"])
    return lambda: module(q, x["keep"]).view(x["q"].shape), "AttentionLS"


def tls_causal(problem, x, S, r, W):
    """It also makes the landmarks of its cache, which Attune is given: 2 C operations a token."""
    folder = checkout(problem, "transformer-ls")
    stub("fairseq")
    stub("fairseq.modules")
    stub("fairseq.modules.layer_norm", LayerNorm=lambda width, **_: torch.nn.LayerNorm(width))
    (batch, rows, heads, d), cached = x["q"].shape, x["kcache"].shape[1] // r
    module = load(folder, "autoregressive", "model_lib", "layer.py").ChunkedLSAttention(
        heads * d, heads, S, r, W, 0.0).eval()
    x = {name: value.flatten(2) if value.ndim == 4 else value for name, value in x.items()}
    memory = torch.zeros(batch, cached * S, heads * d)
    module.proj_query, module.proj_out = Given(x["q"]), Identity()
    module.proj_key, module.proj_val = (Given(cache, window[:, :W], window[:, W:])
                                        for window, cache in ((x["kw"], x["kcache"]),
                                                              (x["vw"], x["vcache"])))
    module.r_net, module.r_net_chunk = Identity(), Identity()
    module.dconv_1 = Given(torch.zeros(batch, cached * S, heads * r), x["s"])
    module.r_w_bias.copy_(x["uw"][None, :, None, None])
    module.r_r_bias.copy_(x["ur"][None, :, None])
    set_norm(module.dual_ln_win, x["gW"], x["bW"])
    set_norm(module.dual_ln_dproj, x["gP"], x["bP"])
    near, far = (x[name].flatten(1)[None] for name in ("Rw", "Rc"))
    chunk = torch.arange(cached + rows // S).repeat_interleave(r)
    unseen = (chunk >= cached + torch.arange(rows // S)[:, None])[None, None, :, None]
    return (lambda: module(x["q"], memory, far, near, unseen).view(batch, rows, heads, d),
            "ChunkedLSAttention, landmarks of the cache included")


def fairseq(folder):
    """The modules of its copy in a checkout, without the rest of it."""
    softmax = lambda x, dim, onnx_trace: torch.softmax(x.float(), dim)
    stub("fairseq", utils=types.SimpleNamespace(softmax=softmax))
    modules = stub("fairseq.modules", os.path.join(folder, "fairseq", "modules"))
    find = lambda name: importlib.import_module("fairseq.modules." + name)
    modules.MultiheadAttention = find("multihead_attention").MultiheadAttention
    return find


def lsra_core(problem, x, causal, K, P):
    if causal:
        raise Unsupported("the mask that it needs is not built here")
    find = fairseq(checkout(problem, "lite-transformer"))
    (rows, batch, heads, d), groups, columns = x["q"].shape, *x["u"].shape[2:]
    q, k, v, u, wl = (x[name].flatten(2) for name in ("q", "k", "v", "u", "wl"))
    far = sys.modules["fairseq.modules"].MultiheadAttention(heads * d, heads, self_attention=True)
    far.enable_torch_version = False  # its own code: PyTorch's function projects by itself
    far.q_proj, far.k_proj, far.v_proj, far.out_proj = Given(q), Given(k), Given(v), Identity()
    far.q_proj.forward = lambda _: q.clone()  # it scales what it gets in place
    near = find("dynamic_convolution").DynamicConv1dTBC(
        groups * columns, kernel_size=K, padding_l=P, weight_softmax=True, num_heads=groups,
        with_linear=True)
    near.linear1, near.linear2, near.weight_linear = Given(u), Identity(), Given(wl)
    near.weight_linear.out_features = None  # it asks whether the projection makes its input too
    widths = [heads * d, groups * columns]
    module = find("multibranch").MultiBranch([far, near], widths).eval()
    both = torch.zeros(rows, batch, sum(widths))
    return lambda: module(both, both, both, need_weights=False)[0], "MultiBranch"


MODULES = {"tls_bidir": tls_bidir, "tls_causal": tls_causal, "lsra_core": lsra_core}


def module(problem):
    make = MODULES.get(problem.shape.op)
    if not make:
        raise Unsupported("the authors' code is not for PyTorch")
    torch.set_num_threads(problem.threads)
    tensors = compositions.tensors(problem.shape, problem.inputs)
    with torch.no_grad():
        call, note = make(problem, tensors, **problem.shape.attributes)
    call = torch.no_grad()(call)
    return Prepared(call, lambda: call().numpy(), "the authors' " + note, "f32")
