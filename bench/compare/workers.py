"""Processes that are asked one at a time: Attune's and one a peer."""
import json
import os
import select
import signal
import subprocess
import sys
import tempfile

from peers import MKL512

HERE = os.path.dirname(os.path.abspath(__file__))
# Packages run with their own defaults, whatever is set here.
TUNING = ("OPENBLAS_", "MKL_", "OMP_", "KMP_", "GOMP_", "ATEN_", "ONEDNN_", "DNNL_", "XLA_",
          "GGML_", "LD_PRELOAD")
# MKL asks this about the CPU, and on AMD's uses AVX2 code where it has AVX-512 code too.
MKL_ANSWER = "int mkl_serv_intel_cpu_true(void) { return 1; }"
LONGEST_ANSWER = 900  # seconds: the first call of FlexAttention compiles


class Died(Exception):
    """A worker has ended, or does not answer; says why."""


def clean_environment(threads):
    clean = {key: value for key, value in os.environ.items() if not key.startswith(TUNING)}
    clean.update(OMP_NUM_THREADS=str(threads), JAX_PLATFORMS="cpu", TF_CPP_MIN_LOG_LEVEL="2",
                 TORCHINDUCTOR_COMPILE_THREADS="1")
    return clean


def mkl_library(folder):
    path = os.path.join(folder, "mkl_answer.so")
    if not os.path.exists(path):
        subprocess.run(["cc", "-shared", "-fPIC", "-xc", "-", "-o", path], input=MKL_ANSWER,
                       text=True, check=True)
    return path


class Worker:
    """Stopped between requests, so that threads of its own that spin do not disturb others."""

    def __init__(self, name, command, environment):
        self.name, self.log = name, tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command, env=environment, text=True, stderr=self.log,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, do, **request):
        """Its answer; raises Died."""
        try:
            self.process.send_signal(signal.SIGCONT)
            line = json.dumps({"do": do, **request}) + "\n"
            os.write(self.process.stdin.fileno(), line.encode())
            if not select.select([self.process.stdout], [], [], LONGEST_ANSWER)[0]:
                raise Died(f"no answer to {do} in {LONGEST_ANSWER} s")
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise Died(f"ended with status {self.process.wait()}: {self.last_words()}")
        self.process.send_signal(signal.SIGSTOP)
        return json.loads(line)

    def last_words(self):
        self.log.seek(0)
        return (self.log.read().strip().splitlines() or ["no message"])[-1][:300]

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.log.close()


def attune_worker(options):
    command = [os.path.join(options.build, "attune-compare-worker"), "--threads",
               str(options.threads)]
    command += ["--pack", options.pack] if options.pack else []
    command += ["--target", options.target] if options.target else []
    return Worker("attune", command, clean_environment(options.threads))


def peer_worker(name, options, folder):
    environment = clean_environment(options.threads)
    if name.endswith(MKL512):
        environment["LD_PRELOAD"] = mkl_library(folder)
    command = [sys.executable, os.path.join(HERE, "worker.py"), name, str(options.threads),
               json.dumps(options.folders)]
    return Worker(name, command, environment)
