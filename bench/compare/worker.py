"""A peer in a process of its own: `worker.py PEER THREADS FOLDERS`, the last an object of JSON.
Answers the requests of compare.py on stdin, a line of JSON each, as attune-compare-worker does."""
import importlib
import json
import os
import sys
import time

import numpy as np

import shapes
from peers import Problem, Unsupported, of_family

LONG = 0.5  # seconds of a call


class Worker:
    def __init__(self, name, threads, folders):
        self.name, self.threads, self.folders = name, threads, folders
        self.shape = self.prepared = None

    def prepare(self, case, shape, **_):
        self.prepared, self.longest = None, 0  # frees the last shape's memory first
        self.shape = shapes.SHAPES[shape]
        peer = of_family(self.shape.family, self.name)
        module = importlib.import_module("peers." + peer.module)
        problem = Problem(self.shape, shapes.read_case(case), self.threads, self.folders)
        self.prepared = getattr(module, peer.function)(problem, *peer.arguments)
        start = time.perf_counter()
        self.prepared.call()
        answer = {"first": time.perf_counter() - start, "note": self.prepared.note,
                  "precision": self.prepared.precision, "version": module.version()}
        return answer | ({"other_flops": self.prepared.flops} if self.prepared.flops else {})

    def output(self, file):
        output = self.shape.declared(self.prepared.output())
        np.save(file, np.ascontiguousarray(output, np.float32))
        return {}

    def time(self, seconds):
        """One call that is not counted, which brings the tensors back into the caches, unless calls
        are too long for that to matter; then calls for that many seconds, one at least."""
        call, wall, processor = self.prepared.call, [], []
        if self.longest < LONG:
            call()
        while not wall or sum(wall) < seconds:
            start, processor_start = time.perf_counter(), time.process_time()
            call()
            processor.append(time.process_time() - processor_start)
            wall.append(time.perf_counter() - start)
        self.longest = max(wall)
        return {"wall": wall, "processor": processor}

    def answer(self, request):
        try:
            return getattr(self, request.pop("do"))(**request)
        except Unsupported as why:
            return {"unsupported": str(why)}
        except Exception as error:  # a peer that cannot do a shape is a result
            return {"error": f"{type(error).__name__}: {str(error).strip()[:300]}"}


def main():
    name, threads, folders = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    worker = Worker(name, threads, folders)
    for line in sys.stdin:
        print(json.dumps(worker.answer(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
