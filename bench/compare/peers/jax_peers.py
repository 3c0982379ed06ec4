"""JAX: jax.nn.dot_product_attention, jitted."""
import jax
import jax.numpy as jnp
import numpy as np

from dense import WINDOW
from peers import Prepared, Unsupported

DTYPES = {"f32": jnp.float32, "bf16": jnp.bfloat16}


def version():
    return "jax " + jax.__version__


def dot_product_attention(problem):
    shape = problem.shape
    if shape.dtype not in DTYPES:
        raise Unsupported("f32 and bf16 only")
    q, k, v = (jnp.asarray(x.swapaxes(1, 2), DTYPES[shape.dtype]) for x in problem.qkv)
    window = {"local_window_size": (WINDOW - 1, 0)} if shape.mask == "window" else {}
    attend = jax.jit(lambda q, k, v: jax.nn.dot_product_attention(
        q, k, v, is_causal=shape.mask == "causal", **window))
    return Prepared(lambda: attend(q, k, v).block_until_ready(),
                    lambda: np.asarray(attend(q, k, v).astype(jnp.float32)).swapaxes(1, 2),
                    "jitted", shape.dtype)
