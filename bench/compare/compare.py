#!/usr/bin/env python3
"""Times Attune and its CPU peers alternately, in one run, and checks their outputs.

Shapes are of dense attention or of long-range operators (Transformer-LS, LSRA, Combiner); each peer
runs those of its family.

Each peer and Attune is a process of its own on the same cores. A round goes through the peers: the
FMA loop, a few calls of Attune, a few calls of the peer. A peer's ratio is the median over rounds
of its time by Attune's. Exit status: 0 all outputs agree, 1 one does not or Attune failed, 2 the
call is wrong.
"""
import argparse
import json
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time

import numpy as np

import peers
import results
import shapes
from peers import DEFAULT, MKL512
from workers import HERE, Died, attune_worker, peer_worker

PEAK_SECONDS = 0.02  # of the FMA loop, each time
ROOT = os.path.dirname(os.path.dirname(HERE))
# Of peers that are no packages: what a report calls the folder, and what is in it.
FOLDERS = {"ggml": ("GGML/build/src", "where libggml-base.so and libggml-cpu.so are"),
           "transformer_ls": ("TRANSFORMER_LS", "checkout of NVIDIA/transformer-ls"),
           "lite_transformer": ("LITE_TRANSFORMER", "checkout of mit-han-lab/lite-transformer")}


def option(name):
    return "--" + name.replace("_", "-")


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--peers", default=",".join(DEFAULT),
        help=f"comma list of {', '.join(peers.NAMES)}; torch's and official also with the suffix "
             + MKL512)
    add("--shapes", default=",".join(shapes.FAMILIES),
        help=f"comma list of {', '.join(shapes.FAMILIES)} (all shapes of a family), "
             + ", ".join(shapes.SHAPES))
    add("--threads", type=int, default=1, help="of each process, and cores for all; default 1")
    add("--rounds", type=int, default=9, help="default 9")
    add("--seconds", type=float, default=0.1, help="of calls in a round, one at least; default 0.1")
    add("--json", metavar="FILE", help="write the result, for report.py")
    add("--plot", metavar="FILE", help="write a plot: .svg or .png")
    add("--build", default=os.path.join(ROOT, "build"), metavar="DIR",
        help="where attune-compare-worker and the default pack are; default build")
    add("--pack", default="", metavar="FILE", help="kernel pack, libNAME.so")
    add("--target", default="", help="of Attune: host (default), avx2, ...")
    for name, (_, what) in FOLDERS.items():
        add(option(name), default="", metavar="DIR", help=what)
    options = parser.parse_args(arguments)
    options.peers, options.shapes = options.peers.split(","), options.shapes.split(",")
    unknown = [name for name in options.peers if not peers.known(name)]
    unknown += [name for name in options.shapes
                if name not in shapes.SHAPES and name not in shapes.FAMILIES]
    if unknown:
        parser.error("unknown: " + ", ".join(unknown))
    options.folders = {name: vars(options)[name] for name in FOLDERS}
    if min(options.threads, options.rounds) < 1 or not options.seconds >= 0:
        parser.error("--threads and --rounds are at least 1, --seconds at least 0")
    if options.threads > len(os.sched_getaffinity(0)):
        parser.error(f"--threads {options.threads}: {len(os.sched_getaffinity(0))} cores")
    if not os.access(os.path.join(options.build, "attune-compare-worker"), os.X_OK):
        parser.error(f"no attune-compare-worker in {options.build}: build it, or give --build")
    return options


def progress(text=""):
    if sys.stderr.isatty():
        print("\r\033[K" + text, end="", file=sys.stderr, flush=True)


class AttuneFailed(Exception):
    pass


class Run:
    def __init__(self, options, folder):
        self.options, self.folder, self.workers = options, folder, {}
        self.case = os.path.join(folder, "case")

    def worker(self, name):
        if name not in self.workers:
            self.workers[name] = (attune_worker(self.options) if name == "attune"
                                  else peer_worker(name, self.options, self.folder))
        return self.workers[name]

    def ask(self, name, do, **request):
        """A worker that died is started anew when it is next needed."""
        try:
            return self.worker(name).ask(do, **request)
        except Died as why:
            self.workers.pop(name).close()
            return {"error": str(why)}

    def close(self):
        for worker in self.workers.values():
            worker.close()

    def output_of(self, name):
        """(output, what went wrong)"""
        path = os.path.join(self.folder, "output.npy")
        answer = self.ask(name, "output", file=path)
        if "error" in answer:
            return None, answer
        output = np.load(path)
        os.remove(path)
        return output, None

    def prepare(self, name, shape, reference, ours=None):
        """A row: what runs and how far its output is from the reference and from Attune's."""
        row = self.ask(name, "prepare", case=self.case, shape=shape.name, dtype=shape.dtype,
                       order=shape.order)
        if "error" in row or "unsupported" in row or "other_flops" in row:
            return row, None
        output, failure = self.output_of(name)
        if failure:
            return failure, None
        tolerance = shapes.TOLERANCE[row.get("precision", shape.dtype)]
        row["error_to_reference"] = shape.max_error(output, reference)
        row["agrees"] = row["error_to_reference"] <= tolerance
        if ours is not None:
            row["difference"] = float(abs(output - ours).max())
            row["agrees"] = row["agrees"] and row["difference"] <= 2 * tolerance
        return row, output

    def time(self, name, do="time", seconds=None):
        """Seconds of a call. On one core they are the process's CPU time, which others who take the
        core do not add to; busy: its share of the wall clock, less than 1 if they do."""
        answer = self.ask(name, do, seconds=seconds or self.options.seconds)
        if "error" in answer:
            return answer
        threads = self.options.threads
        times = answer["processor" if threads == 1 else "wall"]
        busy = sum(answer["processor"]) / sum(answer["wall"]) / threads
        return {**answer, "seconds": statistics.median(times), "busy": busy}

    def sample(self, peer):
        """The loop, Attune and the peer, one after another; or {"error": why}."""
        peak = self.time("attune", "peak", PEAK_SECONDS)
        ours = self.time("attune")
        for answer in (peak, ours):
            if "error" in answer:
                raise AttuneFailed(answer["error"])
        theirs = self.time(peer)
        if "error" in theirs:
            return theirs
        return {"peak": peak["flops"] / peak["seconds"], "attune": ours["seconds"],
                "peer": theirs["seconds"], "attune_busy": ours["busy"],
                "peer_busy": theirs["busy"]}

    def rounds(self, shape, rows):
        for i in range(self.options.rounds):
            for row in [row for row in rows if "error" not in row]:
                progress(f"{shape.name}: round {i + 1} of {self.options.rounds}, {row['peer']}")
                sample = self.sample(row["peer"])
                if "error" in sample:
                    row.update(sample, samples=[])
                else:
                    row["samples"].append(sample)

    def shape(self, name):
        shape = shapes.SHAPES[name]
        progress(f"{name}: inputs and reference")
        shutil.rmtree(self.case, ignore_errors=True)  # the last shape's
        inputs = shape.inputs()
        shapes.write_case(self.case, shape, inputs)
        reference = shape.reference(inputs)
        del inputs
        progress(f"{name}: preparing attune")
        attune, ours = self.prepare("attune", shape, reference)
        if ours is None:
            progress()
            return {"name": name, "peers": [], **attune}
        result = {"name": name, "flops": attune["flops"], "attune": attune, "peers": []}
        for peer in self.options.peers:
            if not peers.of_family(shape.family, peer):
                continue
            progress(f"{name}: preparing {peer}")
            row, _ = self.prepare(peer, shape, reference, ours)
            result["peers"].append({"peer": peer, **row, "samples": []})
        try:
            self.rounds(shape, [row for row in result["peers"] if "note" in row])
        except AttuneFailed as why:
            return {"name": name, "peers": [], "error": str(why)}
        finally:
            progress()
        return result


def command(options):
    """As it was called, but for paths."""
    words = [f"--threads {options.threads} --rounds {options.rounds}",
             f"--seconds {options.seconds:g}"]
    words += ["--peers " + ",".join(options.peers)] if options.peers != DEFAULT else []
    if options.shapes != list(shapes.FAMILIES):
        words.append("--shapes " + ",".join(options.shapes))
    words += ["--target " + options.target] if options.target else []
    words += ["--pack PACK"] if options.pack else []
    words += [f"{option(name)} {word}" for name, (word, _) in FOLDERS.items()
              if options.folders[name]]
    return " ".join(["python bench/compare/compare.py", *words, "--json result.json"])


def header(options):
    return {"date": time.strftime("%Y-%m-%d", time.gmtime()), "commit": results.commit(),
            "machine": results.machine(), "packages": results.package_versions(),
            "command": command(options), "threads": options.threads, "rounds": options.rounds,
            "seconds": options.seconds, "target": options.target, "shapes": []}


def failed(result):
    """Attune could not run a shape that its pack has, or an output disagrees."""
    return any("error" in shape or not all(row.get("agrees", True)
                                           for row in [shape.get("attune", {}), *shape["peers"]])
               for shape in result["shapes"])


def main():
    options = parse(sys.argv[1:])
    for ending in (signal.SIGTERM, signal.SIGHUP):  # stopped workers would outlive this process
        signal.signal(ending, lambda number, _: sys.exit(128 + number))
    result = header(options)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-options.threads:])
    with tempfile.TemporaryDirectory() as folder:
        run = Run(options, folder)
        try:
            for name in shapes.named(options.shapes):
                result["shapes"].append(run.shape(name))
                print(results.shape_markdown(result["shapes"][-1]), flush=True)
        finally:
            run.close()
    if options.json:
        with open(options.json, "w") as file:
            json.dump(result, file, indent=1)
    if options.plot:
        import plot
        plot.write(result["shapes"], options.plot)
    return int(failed(result))


if __name__ == "__main__":
    sys.exit(main())
