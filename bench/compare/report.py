#!/usr/bin/env python3
"""docs/performance.md from what compare.py wrote with --json: Markdown on stdout, a plot beside it.

Samples of several runs of one machine and one commit are taken together.
"""
import argparse
import json
import os
import statistics
import sys

import peers
import plot
import results
from shapes import FAMILIES, SHAPES

METHOD = """\
Attune and each peer is a process of its own, and all share the same {cores}. A round goes through
the peers: a loop of nothing but multiply-adds of the kernels' vector width, then calls of Attune,
then calls of the peer, one at a time while all others are stopped. There are {rounds} rounds, with
{seconds:g} s of calls each (one at least) after one that is not counted if it is shorter than
0.5 s; a round's time is the median of its calls. The clock is {clock}. All get
the same N(0, 1) values, in memory order b, h, l, d (Transformer-LS, LSRA: as declared) or the one
that the peer wants, prepared outside the timing. Variables of the environment that tune the
packages (`OMP_*`, `MKL_*`, ...) are removed.

* **time / Attune's**: median over the rounds of the peer's time by Attune's just before it; above 1
  the peer is slower. Lowest and highest are of single rounds.
* **of FMA peak**: useful operations (of admitted pairs only; a multiply-add is 2) a second, as a
  share of the f32 multiply-add loop's. bf16 dot products may pass 1; decoding is bound by memory.
* **error**: largest difference from a float64 reference, of dense attention on two heads. **from
  Attune**: largest difference from Attune's output, all of it.
* `_mkl512`: MKL, which PyTorch brings, uses its AVX-512 code on Intel's CPUs only. Here it is told
  that this is one (a library of one function, loaded first). Without the suffix a row is what a
  user gets.
"""

LONG_RANGE = """\
No package has these operators. `torch_eager` is each as a user of PyTorch writes it, of matrix
products, softmax and views ([compositions](../bench/compare/compositions)); the reference is that
in float64. `torch_compiled` is the same through `torch.compile`, `torch_sdpa` with
`scaled_dot_product_attention` for the part that is ordinary attention, and `official` the authors'
own PyTorch module, with ready-made tensors in place of its projections. A cell is the peer's time
by Attune's, with or without `_mkl512`, whichever is faster."""


def together(runs):
    """One result of several."""
    first = runs[0]
    for run in runs[1:]:
        for key in ("machine", "commit", "packages", "threads", "target"):
            if run[key] != first[key]:
                sys.exit(f"report.py: {key} differs: {first[key]} and {run[key]}")
    by_name = {}
    for run in runs:
        for shape in run["shapes"]:
            merge(by_name.setdefault(shape["name"], shape), shape)
    commands = list(dict.fromkeys(run["command"] for run in runs))
    return {**first, "commands": commands, "shapes": list(by_name.values())}


def merge(into, shape):
    """Adds the samples, and peers that are new."""
    if into is shape or "attune" not in shape:
        return
    if "attune" not in into:
        into.update(shape)
        return
    rows = {row["peer"]: row for row in into["peers"]}
    for row in shape["peers"]:
        if rows.get(row["peer"], {}).get("samples"):
            rows[row["peer"]]["samples"] += row.get("samples", [])
        else:
            rows[row["peer"]] = row
    into["peers"] = list(rows.values())


def standings(shapes):
    """A line a shape: Attune's share and the fastest peer that reads as many bytes."""
    lines = ["| shape | Attune, ms | of FMA peak | fastest of the same storage | time / Attune's |",
             "| --- | --: | --: | --- | --: |"]
    for shape in shapes:
        measured = results.same_operator(shape)
        precisions = {row["peer"]: row.get("precision") for row in shape["peers"]}
        same = [name for name in measured
                if precisions.get(name) == SHAPES[shape["name"]].dtype]
        if not same:
            continue
        name, ours = same[0], measured["attune"]
        lines.append(f"| `{shape['name']}` | {ours['ms']:.3f} | {ours['share']:.2f} | {name} | "
                     f"{measured[name]['ratio']:.2f} |")
    return "\n".join(lines)


def best(measured, name):
    """Ratio of the peer of that name, the faster one with and without the suffix."""
    ratios = [one["ratio"] for peer, one in measured.items()
              if peer.removesuffix(peers.MKL512) == name]
    return f"{min(ratios):.2f}" if ratios else ""


def long_range_standings(shapes):
    names = list(peers.LONG_RANGE)
    lines = [f"| shape | Attune, ms | of FMA peak | {' | '.join(names)} |",
             "| --- |" + " --: |" * (2 + len(names))]
    for shape in shapes:
        measured = results.same_operator(shape)
        if measured:
            ours, ratios = measured["attune"], [best(measured, name) for name in names]
            lines.append(f"| `{shape['name']}` | {ours['ms']:.3f} | {ours['share']:.2f} | "
                         + " | ".join(ratios) + " |")
    return "\n".join(lines)


def beside_dense(shapes):
    """How long dense attention of as many tokens takes."""
    lines = []
    for shape in shapes:
        others = {name: one for name, one in results.summaries(shape).items() if one["other"]}
        lines += [f"* `{shape['name']}`: dense attention of as many tokens by {name} takes "
                  f"{one['ms']:.0f} ms, {one['ratio']:.1f} times as long as Attune."
                  for name, one in others.items()]
    return "\n".join(lines)


def summary(shapes):
    """A table a family."""
    dense, long_range = ([shape for shape in shapes if SHAPES[shape["name"]].family == family]
                         for family in FAMILIES)
    parts = ["## Summary"] + ([standings(dense)] if dense else [])
    if long_range:
        parts += ["### Long-range operators", LONG_RANGE, long_range_standings(long_range),
                  beside_dense(long_range)]
    return [part for part in parts if part]


def faster(shapes):
    """Which peers were faster, with their ratios."""
    lines = []
    for shape in shapes:
        measured = results.same_operator(shape)
        ahead = [f"{name} ({one['ratio']:.2f})" for name, one in measured.items()
                 if name != "attune" and one["ratio"] < 1]
        if ahead:
            lines.append(f"* `{shape['name']}`: {', '.join(ahead)}")
    return "\n".join(lines) if lines else "None was."


def gaps(shapes):
    """What could not be run, and how much others disturbed what was."""
    lines = [f"* `{shape['name']}`: {shape.get('unsupported') or shape['error']}"
             for shape in shapes if "attune" not in shape]
    busy = {shape["name"]: min(one["busy"] for one in results.summaries(shape).values())
            for shape in shapes if results.summaries(shape)}
    low = [f"`{name}` {share:.2f}" for name, share in busy.items() if share < 0.95]
    if low:
        lines.append("* Threads waited, or others on the machine took the cores. Least share of "
                     f"the time that a row's threads ran: {', '.join(low)}.")
    return "\n".join(lines) if lines else "None: every shape ran, undisturbed."


def origin(result):
    machine, shapes = result["machine"], result["shapes"]
    rows = [row for shape in shapes for row in [shape.get("attune", {}), *shape["peers"]]]
    versions = {row["version"] for row in rows if "version" in row}
    versions.add("numpy " + result["packages"].get("numpy", "unknown"))
    peaks = [sample["peak"] for row in rows for sample in row.get("samples", [])]
    vectors = {row["vectors"] for row in rows if "vectors" in row}
    lines = [f"* Date: {result['date']}; commit `{result['commit']}`.",
             f"* Machine: {machine['cpu']}, {machine['cpus']} CPUs, {machine['memory']} of memory;",
             f"  {machine['system']}, Linux {machine['kernel']}.",
             f"* Versions: {', '.join(sorted(versions))}.",
             f"* Threads: {result['threads']}."
             + (f" Attune's target: {result['target']}." if result["target"] else "")]
    if peaks:
        lines.append(f"* FMA loop: {', '.join(sorted(vectors))}, median "
                     f"{statistics.median(peaks) / 1e9:.1f} GFLOP/s on all threads.")
    return "\n".join(lines)


def page(result, image):
    cores = "core" if result["threads"] == 1 else f"{result['threads']} cores"
    shapes = result["shapes"]
    clock = "the CPU time of the process" if result["threads"] == 1 else "the wall clock"
    method = METHOD.format(cores=cores, clock=clock, rounds=result["rounds"],
                           seconds=result["seconds"])
    text = os.path.splitext(image)[0] + ".md"
    parts = ["# Performance", "Attune beside what can be installed for attention on a CPU.\n"
             "This page is made by [bench/compare](../bench/compare/README.md).",
             origin(result), "```\n" + "\n".join(result["commands"]) + "\n"
             f"python bench/compare/report.py result.json --plot docs/{image} > docs/{text}\n```",
             f"![Share of the FMA peak, a panel a shape]({image})",
             *summary(shapes), "## Peers that were faster", faster(shapes),
             "## Gaps", gaps(shapes), "## Method", method.strip(), "## All rows"]
    parts += [results.shape_markdown(shape).strip() for shape in shapes]
    return "\n\n".join(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="+", metavar="RESULT.json")
    parser.add_argument("--plot", default="docs/performance.svg", metavar="FILE",
                        help="beside the page; default docs/performance.svg")
    options = parser.parse_args()
    runs = []
    for path in options.results:
        with open(path) as file:
            runs.append(json.load(file))
    result = together(runs)
    plot.write(result["shapes"], options.plot)
    print(page(result, os.path.basename(options.plot)))


if __name__ == "__main__":
    main()
