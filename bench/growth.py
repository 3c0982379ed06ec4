#!/usr/bin/env python3
"""How time grows with length, against the pairs that a variant's cost formula counts.

For each variant: attune bench at lengths from 1024 on, one pinned thread; the exponents e of a
least-squares fit log(time) = e log(length) + c, and of the same fit to the floating-point
operations. Time is in units of the multiply-add loop's of the same run, so that a change of the
clock is no growth. Exit status: 0 every difference is below --within, 1 one is not, 2 the call is
wrong.
"""
import argparse
import json
import math
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Sizes and attributes at a length, and the greatest length (quadratic ones take too long beyond).
VARIANTS = {
    "tls_bidir": ("B=1,N={n},H=8,D=64,rank=32", "w=128,r=32", "s,gL,bL", 65536),
    "tls_causal": ("B=1,M={n},H=8,D=64,cached=128", "S=16,r=1,W=512", "", 16384),
    "combiner_fixed": ("B=1,L={n},H=12,D=64", "M=128,causal=1", "", 65536),
    "combiner_logsparse": ("B=1,L={n},H=12,D=64", "", "", 65536),
    "combiner_axial_rowmajor": ("B=1,L={n},H=12,D=64", "M=128,causal=1", "", 65536),
    "combiner_mixture_causal": ("B=1,L={n},H=12,D=64", "M=128", "", 65536),
    "combiner_mixture_bidir": ("B=1,L={n},H=12,D=64", "M=128", "", 65536),
    "lsra_core": ("T={n},B=1,Ha=4,D=64,Hc=4,R=64", "K=31,P=15,causal=0", "", 8192),
}


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--variant", action="append", choices=list(VARIANTS), help="repeat for more; none: all")
    add("--build", default=os.path.join(ROOT, "build"), metavar="DIR",
        help="where attune-bench is; default build")
    add("--pack", default="", metavar="FILE", help="kernel pack, libNAME.so")
    add("--target", default="host", help="host (default), avx2, ...")
    add("--order", default="", metavar="DIGITS",
        help="memory order of rank-4 tensors, as of attune bench; 0213: each head in one piece")
    add("--within", type=float, default=0.05, help="of the two exponents; default 0.05")
    add("--json", metavar="FILE", help="write the rows and exponents")
    options = parser.parse_args(arguments)
    if not os.access(os.path.join(options.build, "attune-bench"), os.X_OK):
        parser.error(f"no attune-bench in {options.build}: build it, or give --build")
    return options


def measure(options, variant, length, folder):
    size, attributes, given, _ = VARIANTS[variant]
    rows = os.path.join(folder, "rows.json")
    command = [os.path.join(options.build, "attune-bench"), "--variant", variant, "--size",
               size.format(n=length), "--target", options.target, "--json", rows]
    for flag, value in (("--attr", attributes), ("--with", given), ("--pack", options.pack),
                        ("--order", options.order)):
        command += [part for text in value.split(",") if text for part in (flag, text)]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr.strip() or f"{command[0]} ended with {done.returncode}")
    with open(rows) as file:
        row = json.load(file)[0]
    work = row["gflops"] * row["ms_median"] / 1e3
    return {"length": length, "gflop": work, "ms": row["ms_median"],
            "share": row["share_of_fma_peak"], "time": work / row["share_of_fma_peak"]}


def exponent(rows, what):
    x = [math.log(row["length"]) for row in rows]
    y = [math.log(row[what]) for row in rows]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    above = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y))
    return above / sum((a - mean_x) ** 2 for a in x)


def main(arguments):
    options = parse(arguments)
    result, good = [], True
    print("| variant | lengths | share of the FMA peak | exponent of time | of operations |")
    print("| --- | --- | --- | --- | --- |")
    for variant in options.variant or VARIANTS:
        rows, length = [], 1024
        with tempfile.TemporaryDirectory() as folder:
            while length <= VARIANTS[variant][3]:
                if sys.stderr.isatty():
                    print(f"\r\033[K{variant} {length}", end="", file=sys.stderr, flush=True)
                rows.append(measure(options, variant, length, folder))
                length *= 2
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr, flush=True)
        time, work = exponent(rows, "time"), exponent(rows, "gflop")
        good = good and abs(time - work) < options.within
        shares = " ".join(f"{row['share']:.2f}" for row in rows)
        print(f"| {variant} | {rows[0]['length']} to {rows[-1]['length']} | {shares} "
              f"| {time:.3f} | {work:.3f} |", flush=True)
        result.append({"variant": variant, "rows": rows, "time": time, "operations": work})
    if options.json:
        with open(options.json, "w") as file:
            json.dump(result, file, indent=1)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
