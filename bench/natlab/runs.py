"""What runs of trials have in common: options, signals, progress, and files of lines that can be resumed."""
import argparse
import hashlib
import json
import os
import platform
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path


class Refused(Exception):
    """Wrong options, or a world that cannot be."""

    def __init__(self, text, code=2):
        super().__init__(text)
        self.code = code


def number(low, high, kind=float):
    def convert(text):
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not low <= value <= high:
            raise argparse.ArgumentTypeError(f'found "{text}"; expected a number from {low} to {high}')
        return value

    return convert


def clock(seconds):
    minutes, seconds = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}" if minutes >= 60 else f"{minutes}:{seconds:02}"


class Progress:
    """On standard error: how many, and about how long it will take; one line that changes on a terminal, else every twentieth."""

    def __init__(self, total, quiet):
        self.total, self.quiet, self.done, self.start = total, quiet, 0, time.monotonic()

    def step(self, text):
        self.done += 1
        if self.quiet:
            return
        left = (time.monotonic() - self.start) / self.done * (self.total - self.done)
        text = f"{self.done}/{self.total}  about {clock(left)} left  {text}"
        if sys.stderr.isatty():
            print(f"\r{text:<100}", end="" if self.done < self.total else "\n", file=sys.stderr, flush=True)
        elif self.done % 20 == 0 or self.done == self.total:
            print(text, file=sys.stderr, flush=True)


# ---- what a run was made with ----


def output_of(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""


def cpu_name():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def manifest(argv, asked, options, build, files=()):
    """options: those that a trial depends on; a run is resumed only with the same ones, programs and files. asked: which trials."""
    here = Path(__file__).resolve().parent
    programs = [build / p for p in ("node/kithd", "tests/e2e/kith-peer", "bench/kith-natbox")]
    made_of = programs + sorted(p for p in (build / "lib").glob("libkith*.so.*") if not p.is_symlink()) + [Path(f) for f in files]
    return {
        "command": shlex.join([Path(sys.argv[0]).name, *argv]),
        "asked": asked,
        "options": options,
        "digests": {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in made_of if p.exists()},
        "version": output_of(str(build / "node/kithd"), "--version"),
        "commit": output_of("git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=12"),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processors": f"{os.cpu_count()} x {cpu_name()}",
        "python": platform.python_version(),
        "nftables": output_of("nft", "--version"),
        "began": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "load_before": os.getloadavg()[0],
    }


class Lines:
    """A file of JSON lines, one a trial, and FILE.manifest.json beside it. With resume, lines that are there stay, and are in
    `before`; else the file is begun anew. Both happen when it is entered."""

    def __init__(self, path, made_with, resume):
        self.path, self.made_with, self.before, self.len = Path(path), made_with, [], 0
        if resume and self.path.exists():
            self.check(manifest_of(self.path), made_with)
            whole = self.path.read_bytes()
            whole = whole[:whole.rfind(b"\n") + 1]  # a line that was not finished is none
            self.before, self.len = [json.loads(line) for line in whole.splitlines()], len(whole)

    def check(self, beside, made_with):
        if not beside.exists():
            raise Refused(f"--resume: {beside} is not there, so it is not known with what {self.path} was made; begin without --resume")
        old = json.loads(beside.read_text())
        for part in ("options", "digests"):
            for key in sorted({*old[part], *made_with[part]}):
                if old[part].get(key) != made_with[part].get(key):
                    raise Refused(f"--resume: {self.path} was made with another {key}: {old[part].get(key)}, now "
                                  f"{made_with[part].get(key)}; take that, or begin without --resume")

    def __enter__(self):
        self.file = open(self.path, "a")
        self.file.truncate(self.len)
        if not self.before:
            manifest_of(self.path).write_text(json.dumps(self.made_with, indent=1) + "\n")
        return self

    def __exit__(self, *error):
        self.file.close()

    def write(self, result):
        self.file.write(json.dumps(result) + "\n")
        self.file.flush()


def manifest_of(path):
    return Path(f"{path}.manifest.json")


# ---- the program around it ----


def run_program(name, run, options, stop):
    """Exit status of run(options); what it made is removed on a signal, too. stop is set on the first one."""

    def on_signal(number_of, frame):
        stop.set()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt

    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, on_signal)
    try:
        return run(options, stop)
    except Refused as e:
        print(f"{name}: {e}", file=sys.stderr)
        return e.code
    except OSError as e:
        print(f"{name}: {e.filename or ''}: {e.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{name}: stopped; what it made is removed", file=sys.stderr)
        return 130
