"""What a run has measured, in numbers and as Markdown.

A result is a dictionary, written as JSON: what compare.py was asked and where it ran, and a list of
shapes. A shape has Attune's row and the peers'; a peer's row has `samples`, one a round: the
seconds of a call of the peer and of Attune just before it, and the rate of the FMA loop just
before that. `unsupported` or `error` stand in place of what could not be measured. A row with
`other_flops` is of another operator, of that many operations: only its time is compared.
"""
import os
import platform
import statistics
import subprocess
from importlib import metadata

import shapes

HERE = os.path.dirname(os.path.abspath(__file__))


def text_of(path, start):
    """What follows `start` in the first line of the file that begins with it."""
    try:
        with open(path) as file:
            lines = [line for line in file if line.startswith(start)]
        return lines[0].split(":" if ":" in lines[0] else "=", 1)[1].strip().strip('"')
    except (OSError, IndexError):
        return "unknown"


def machine():
    return {"cpu": text_of("/proc/cpuinfo", "model name"), "cpus": os.cpu_count(),
            "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') >> 30} GiB",
            "system": text_of("/etc/os-release", "PRETTY_NAME"), "kernel": platform.release()}


def commit():
    git = ["git", "-C", HERE, "describe", "--always", "--dirty", "--exclude=*"]
    done = subprocess.run(git, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def package_versions(names=("torch", "onnxruntime", "openvino", "jax", "numpy")):
    found = {dist.metadata["Name"]: dist.version for dist in metadata.distributions()}
    return {name: found[name] for name in names if name in found}


def summary(row, flops):
    """Medians over a peer's rounds; ratio: its time over Attune's, of the same round."""
    samples, flops = row["samples"], row.get("other_flops", flops)
    ratios = sorted(s["peer"] / s["attune"] for s in samples)
    return {"ms": 1e3 * statistics.median(s["peer"] for s in samples),
            "ratio": statistics.median(ratios), "lowest": ratios[0], "highest": ratios[-1],
            "share": statistics.median(flops / s["peer"] / s["peak"] for s in samples),
            "busy": statistics.median(s["peer_busy"] for s in samples),
            "other": "other_flops" in row}


def attune_summary(shape):
    """The same of Attune, over the rounds of all peers."""
    samples = [s for row in shape["peers"] for s in row.get("samples", [])]
    return {"ms": 1e3 * statistics.median(s["attune"] for s in samples), "ratio": 1.0,
            "share": statistics.median(shape["flops"] / s["attune"] / s["peak"] for s in samples),
            "busy": statistics.median(s["attune_busy"] for s in samples), "other": False}


def summaries(shape):
    """{name: summary} of what was measured: Attune, peers from the fastest on, other operators."""
    rows = {row["peer"]: summary(row, shape["flops"]) for row in shape["peers"]
            if row.get("samples")}
    if not rows:
        return {}
    ordered = dict(sorted(rows.items(), key=lambda item: (item[1]["other"], item[1]["ratio"])))
    return {"attune": attune_summary(shape), **ordered}


def same_operator(shape):
    """The summaries without other operators."""
    return {name: one for name, one in summaries(shape).items() if not one["other"]}


def not_measured(shape):
    if "attune" not in shape:
        return f"Not run: {shape.get('unsupported') or shape.get('error')}."
    by_reason = {}
    for row in shape["peers"]:
        if not row.get("samples"):
            by_reason.setdefault(row.get("unsupported") or row["error"], []).append(row["peer"])
    reasons = [f"{', '.join(names)} ({why})" for why, names in by_reason.items()]
    return f"Not run: {'; '.join(reasons)}." if reasons else ""


def table_line(name, one, row):
    spread = f"{one['lowest']:.2f} - {one['highest']:.2f}" if "lowest" in one else ""
    error, difference = (f"{row[key]:.0e}" if key in row else ""
                         for key in ("error_to_reference", "difference"))
    wrong = "" if row.get("agrees", True) else " **wrong**"
    cells = [name, f"{one['ms']:.3f}", f"{one['ratio']:.2f}", spread, f"{one['share']:.2f}",
             error + wrong, difference, row["note"]]
    return "| " + " | ".join(cells) + " |"


def shape_markdown(shape):
    lines = [f"### {shape['name']}", "", shapes.SHAPES[shape["name"]].sizes() + ".", ""]
    measured = summaries(shape)
    if measured:
        rows = {"attune": shape["attune"], **{row["peer"]: row for row in shape["peers"]}}
        lines += ["| | ms | time / Attune's | lowest - highest | of FMA peak | error | from Attune "
                  "| what runs |", "| --- | --: | --: | --: | --: | --: | --: | --- |"]
        lines += [table_line(name, one, rows[name]) for name, one in measured.items()] + [""]
    missing = not_measured(shape)
    return "\n".join(lines + ([missing, ""] if missing else []))
