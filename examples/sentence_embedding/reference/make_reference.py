"""Makes token_ids.json and embeddings.json, the reference values of this example's tests.

Made once with the fast BERT tokenizer of Hugging Face and the Flax BERT model (float32 on a CPU):

    Python 3.11, jax==0.4.30 jaxlib==0.4.30 flax==0.8.5 transformers==4.44.2 tokenizers==0.19.1
    numpy==1.26.4 scipy==1.13.1 safetensors==0.8.0

    python make_reference.py MODEL    # the folder that fetch_model.sh made

MODEL holds model.safetensors, vocab.txt, config.json and tokenizer_config.json of all-MiniLM-L6-v2.
Mean pooling over the real tokens and L2 normalisation are those of sentence-transformers; sequences
are cut to 256 word pieces, [CLS] and [SEP] included.
"""
import json
import pathlib
import sys

import jax
import jax.numpy as jnp
import numpy
from transformers import BertTokenizerFast, FlaxBertModel

MAX_PIECES = 256

TOKENIZED = [
    "",
    " \t\n\r ",
    "Hello, world!",
    "The quick brown fox jumps over the lazy dog.",
    "UPPER CASE, lower case; MiXeD.",
    "unaffable",
    "Caf\u00e9 cr\u00e8me br\u00fbl\u00e9e \u00e0 la carte, na\u00efve fa\u00e7ade",
    "Cafe\u0301 re\u0301sume\u0301 with combining accents",
    "\u00c4rger \u00dcber \u00d6l, Stra\u00dfe, \u00c5ngstr\u00f6m",
    "\u0141\u00f3d\u017a, \u0158eh\u00e1\u010d, \u015awi\u0119ty, \u0110or\u0111e, "
    "\u00f8re, \u00fe\u00f3r",
    "\u0130stanbul \u0131\u015f\u0131k I\u0307",
    "Vi\u1ec7t Nam, Nguy\u1ec5n",
    "\u039f\u0394\u03a5\u03a3\u03a3\u0395\u03a5\u03a3 \u03ba\u03b1\u03af "
    "\u039b\u03cc\u03b3\u03bf\u03c2",
    "\u041c\u043e\u0441\u043a\u0432\u0430 \u0401\u043b\u043a\u0430 "
    "\u0439\u043e\u0433\u0443\u0440\u0442",
    "\u4f60\u597d\u4e16\u754chello\u4e16\u754c",
    "\u6771\u4eac\u306f\u65e5\u672c\u306e\u9996\u90fd\u3067\u3059\u3002",
    "\u30d1\u30bd\u30b3\u30f3 \u304c\u304e\u3050",
    "\ud55c\uad6d\uc5b4 \uc11c\uc6b8",
    "\u0627\u0644\u0633\u064e\u0651\u0644\u0627\u0645\u064f \u0639\u0644\u064a\u0643\u0645",
    "\u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd",
    "\u0928\u092e\u0938\u094d\u0924\u0947 \u0926\u0941\u0928\u093f\u092f\u093e",
    "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35",
    "I \u2764\ufe0f C++ \U0001f600\U0001f680 emoji",
    "family \U0001f468\u200d\U0001f469\u200d\U0001f467 joiner",
    "don't can't it's o'clock rock'n'roll",
    "\u2018curly\u2019 \u201cquotes\u201d \u2014 dash \u2013 en\u2026 ellipsis",
    "a-b_c/d\\e|f~g^h`i@j#k$l%m&n*o+p=q<r>s",
    "[brackets] {braces} (parens) \u00abguillemets\u00bb \u00bfqu\u00e9? \u00a1hola!",
    "$12.50 \u20ac3,000 \u00a37 \u00a55 50% \u00b110\u00b0C",
    "3.14159 1,000,000 0x1F 1e-12 v2.0.1",
    "x\u00b2 + y\u00b2 = z\u00b2, \u00bd cup, \u2160\u2164, \u2122 \u00a9 \u00ae",
    "\ufb01ne \ufb02ow \uff26\uff35\uff2c\uff2c\uff37\uff29\uff24\uff34\uff28",
    "tab\tnewline\nreturn\rnbsp\u00a0thin\u2009ideographic\u3000end",
    "line\u2028separator paragraph\u2029separator",
    "zero\u200bwidth soft\u00adhyphen bom\ufeff bell\u0007 nul\u0000 del\u007f c1\u0085 "
    "vt\u000b ff\u000c",
    "replacement \ufffd character",
    "private \ue000use, unassigned \u0378x, word\u2060joiner, katakana\u30fbdot, greek\u037emark",
    "pneumonoultramicroscopicsilicovolcanoconiosis",
    "Donaudampfschifffahrtsgesellschaftskapit\u00e4n",
    "a" * 100,
    "a" * 101 + " short",
    "\u00e9" * 100 + " " + "\u00e9" * 101,
    "attune@example.org https://example.org/a?b=c&d=e#f",
    "\U0001d4d0\U0001d4fd\U0001d4fd\U0001d4fe\U0001d4f7\U0001d4ee \U00020000\U0002a700\u9fa5\uf900",
    "word " * 300,
    "antidisestablishmentarianism, " * 60,
]

EMBEDDED = [
    "",
    "Yes.",
    "A cat sits on the mat.",
    "A kitten is resting on a rug.",
    "The stock market fell sharply today.",
    "How do I compile a C++ program that links a static library?",
    "Caf\u00e9 cr\u00e8me br\u00fbl\u00e9e is served at noon, na\u00efvely assuming that "
    "somebody is hungry.",
    "\u6771\u4eac\u306f\u65e5\u672c\u306e\u9996\u90fd\u3067\u3059\u3002",
    "Alice was beginning to get very tired of sitting by her sister on the bank, and of having "
    "nothing to do.",
    "Attention maps a query and a set of pairs of keys and values to an output, a weighted sum of "
    "the values, where the weight of each value is a function of the query and its key; several "
    "heads do this side by side on projections of their own, and their outputs are concatenated.",
    "The rain in the valley started before dawn and did not stop. " * 9,
    "A text far too long for the model is cut, so its end must not count at all. " * 20,
    "I \u2764\ufe0f C++ \U0001f600",
]


def embed(model, tokenizer, text):
    """Unit vector of one text, alone in its batch: no padding."""
    ids = tokenizer(text, truncation=True, max_length=MAX_PIECES, return_tensors="np")
    with jax.default_matmul_precision("float32"):
        rows = model(**{k: jnp.asarray(v) for k, v in ids.items()}).last_hidden_state[0]
    mean = numpy.asarray(rows, dtype=numpy.float64).mean(axis=0)
    return [float(f"{x:.7g}") for x in mean / numpy.linalg.norm(mean)]


def write(name, value):
    """One list a line, so that changes show in a diff."""
    lines = ",\n".join(" " + json.dumps(row) for row in value)
    (pathlib.Path(__file__).parent / name).write_text("[\n" + lines + "\n]\n")


def main(folder):
    tokenizer = BertTokenizerFast.from_pretrained(folder)
    tokenizer.backend_tokenizer.no_padding()
    write("token_ids.json", [
        {"text": text, "ids": tokenizer(text, truncation=True, max_length=MAX_PIECES).input_ids}
        for text in TOKENIZED])
    model = FlaxBertModel.from_pretrained(folder, add_pooling_layer=False)
    write("embeddings.json", [
        {"text": text, "embedding": embed(model, tokenizer, text)} for text in EMBEDDED])


if __name__ == "__main__":
    main(sys.argv[1])
