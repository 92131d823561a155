#!/usr/bin/env python3
"""Builds the fuzz targets (libFuzzer, with the sanitizers) and runs them, each for some time, several at once.

What a target finds is added to build/fuzz/corpus/<target>, from where the next run goes on; an input that makes one fail is
kept in build/fuzz/artifacts. The last line is "N passed, N failed"; the exit code is 0 only when nothing failed.
"""
import argparse
import base64
import os
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build/fuzz"
LOGS = ROOT / "build/logs"
STATUS = re.compile(r"^#(\d+)\s+\w+.*?cov: (\d+).*?corp: (\d+)", re.M)


def targets():
    return sorted(p.stem.removeprefix("fuzz_") for p in ROOT.glob("tests/fuzz/fuzz_*.c"))


def run(target, seconds):
    """Runs one target over what was found before and the corpus of the tree; returns its exit code and its log."""
    artifacts, found = BUILD / "artifacts", BUILD / "corpus" / target
    for folder in (artifacts, found, LOGS):
        folder.mkdir(parents=True, exist_ok=True)
    corpora = [str(p) for p in (found, ROOT / "tests/fuzz/corpus" / target) if p.is_dir()]
    log = LOGS / f"fuzz-{target}.log"
    with log.open("wb") as out:
        code = subprocess.run([str(BUILD / f"tests/fuzz/fuzz_{target}"), f"-max_total_time={seconds}", "-timeout=10",
                               "-rss_limit_mb=2048", "-print_final_stats=1", f"-artifact_prefix={artifacts}/{target}-", *corpora],
                              cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, check=False).returncode
    return code, log


def why(log):
    """The end of the log of a target that failed, and its input, to be pasted into `base64 -d`: the machine may be gone."""
    text = log.read_text(errors="replace")
    lines = text.splitlines()[-25:]
    found = re.search(r"Test unit written to (\S+)", text)
    if found and Path(found[1]).is_file() and Path(found[1]).stat().st_size <= 4096:
        lines.append("input, base64: " + base64.b64encode(Path(found[1]).read_bytes()).decode())
    return lines


def progress(target):
    """How far a target is: runs, branches covered, inputs kept."""
    log = LOGS / f"fuzz-{target}.log"
    found = STATUS.findall(log.read_text(errors="replace")) if log.is_file() else []
    return "{}: {} runs, {} edges, {} inputs".format(target, *found[-1]) if found else f"{target}: starts"


def run_all(chosen, seconds, jobs, every_s):
    """Runs them; prints how each ended, and every few seconds what those that run have come to. Returns how many failed."""
    start, running, over, failed = time.monotonic(), set(), threading.Event(), 0

    def tell():
        while not over.wait(every_s):
            print(f"  {time.monotonic() - start:6.0f} s  " + "; ".join(progress(t) for t in sorted(running)), flush=True)

    def one(target):
        running.add(target)
        result = run(target, seconds)
        running.discard(target)
        return target, *result

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    with ThreadPoolExecutor(jobs) as pool:
        for target, code, log in pool.map(one, chosen):
            failed += code != 0
            print(f"{'FAILED' if code else 'passed'}  {progress(target)}", flush=True)
            if code:
                print("\n".join("    " + line for line in why(log)), flush=True)
    over.set()
    return failed


def main():
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60, metavar="N", help="for each target (default 60)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2, metavar="N", help="targets at once")
    parser.add_argument("target", nargs="*", help="which ones (default: all): " + " ".join(targets()))
    options = parser.parse_args()
    chosen = [t.removeprefix("fuzz_") for t in options.target] or targets()
    unknown = sorted(set(chosen) - set(targets()))
    if unknown:
        parser.error(f"no such target: {' '.join(unknown)}")
    for words in (["cmake", "--preset", "fuzz"],
                  ["cmake", "--build", "--preset", "fuzz", "--target", *(f"fuzz_{t}" for t in chosen)]):
        if subprocess.run(words, cwd=ROOT, stdout=subprocess.DEVNULL, check=False).returncode:
            print("the fuzz targets do not build\n\n0 passed, 1 failed")
            return 1
    turns = -(-len(chosen) // options.jobs)
    print(f"{len(chosen)} targets, {options.seconds} s each, {options.jobs} at once: {turns * options.seconds} s", flush=True)
    failed = run_all(chosen, options.seconds, options.jobs, 10)
    print(f"\n{len(chosen) - failed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
