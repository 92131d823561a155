#!/usr/bin/env python3
"""experiment: runs a scenario in virtual time, over many seeds and values, and makes tables and plots of it.

    experiment run SCENARIO.toml [--seeds 30] [--jobs 2] [--output DIR] [--set OPTION=VALUE]...
    experiment report DIR...
    experiment list

A scenario is a file: bench/experiments/scenario.py says what it may hold. DIR gets runs.jsonl, one document of kith-sim a run;
manifest.json, what ran and where; and of report, which run does at its end: summary.csv, report.html and its pictures (SVG). A run
that was interrupted goes on where it was. Exit status: 0 done, 1 a run ended with a violation or not at all, 2 wrong options or files.
"""
import argparse
import concurrent.futures
import json
import os
import platform
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE))
from scenario import Refused, Scenario, arguments  # noqa: E402

SIM = Path(os.environ.get("KITH_BUILD_DIR", ROOT / "build" / "release")) / "bench" / "kith-sim"


def key_of(point, seed):
    return json.dumps([point, seed], sort_keys=True)


def read_runs(path):
    """(runs, their lines). The last line may be half written, and is left out then."""
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    if lines and not lines[-1].endswith("\n"):
        lines.pop()
    runs = []
    for number, line in enumerate(lines, 1):
        try:
            runs.append(json.loads(line))
        except json.JSONDecodeError as e:
            raise Refused(f"{path}:{number}: {e}; expected a document a line. Take the line out, and what it was is run again") from None
    return runs, lines


def write_whole(path, text):
    temporary = path.with_suffix(path.suffix + ".new")
    with open(temporary, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def output_of(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def manifest(scenario, seeds):
    return {
        "scenario": scenario.name, "title": scenario.title, "about": scenario.about, "run": scenario.run, "sweep": scenario.sweep,
        "report": scenario.report, "seeds": seeds, "commit": output_of("git", "-C", str(ROOT), "describe", "--always", "--dirty"),
        "machine": {"kernel": platform.release(), "processor": platform.machine(), "processors": os.cpu_count(),
                    "python": platform.python_version()},
    }


class Progress:
    """On standard error: a line that is written over if that is a terminal, else a line now and then."""

    def __init__(self, total, done):
        self.total, self.done, self.before, self.began, self.shown = total, done, done, time.monotonic(), 0.0
        self.lock = threading.Lock()

    def one(self, text):
        with self.lock:
            self.done += 1
            now = time.monotonic()
            terminal, last = sys.stderr.isatty(), self.done == self.total
            if not last and now - self.shown < (0.2 if terminal else 15):
                return
            self.shown = now
            left = (now - self.began) / (self.done - self.before) * (self.total - self.done)
            line = f"{self.done} of {self.total} runs, {left:.0f} s left; {text}"
            print(f"\r{line:100}" if terminal else line, end="\n" if last or not terminal else "", file=sys.stderr, flush=True)


def run_one(scenario, point, seed):
    words = arguments(scenario.run, point, seed)
    if scenario.report["series"] and not any(word.startswith("--series=") for word in words):
        words.append("--series=5")
    done = subprocess.run([str(SIM), *words, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode not in (0, 1) or not done.stdout.strip():
        raise Refused(f"{scenario.path}: kith-sim {' '.join(words)} ended with {done.returncode}: {done.stderr.strip()[-400:]}")
    return {"point": point, "seed": seed, "violated": done.returncode == 1, "document": json.loads(done.stdout)}


def run(options):
    scenario = Scenario(options.scenario)
    for text in options.set:
        scenario.set(text)
    if not SIM.exists():
        raise Refused(f"{SIM} is not there; build it: cmake --preset release && cmake --build --preset release")
    output = Path(options.output or f"{scenario.name}.results")
    output.mkdir(parents=True, exist_ok=True)
    asked = manifest(scenario, options.seeds)
    known = output / "manifest.json"
    runs, lines = read_runs(output / "runs.jsonl")
    if known.exists() and runs:
        before = json.loads(known.read_text())
        changed = [key for key in ("scenario", "run", "commit") if before.get(key) != asked[key]]
        if changed:
            raise Refused(f"{output} holds runs of another {' and '.join(changed)}; expected the same to go on with, or another --output")
    write_whole(known, json.dumps(asked, indent=1) + "\n")
    write_whole(output / "runs.jsonl", "".join(lines))
    there = {key_of(r["point"], r["seed"]) for r in runs}
    wanted = [(point, seed) for seed in range(1, options.seeds + 1) for point in scenario.points()]
    missing = [(point, seed) for point, seed in wanted if key_of(point, seed) not in there]
    progress = Progress(len(wanted), len(wanted) - len(missing))
    bad = sum(r["violated"] for r in runs)
    with open(output / "runs.jsonl", "a") as file, concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        todo = {pool.submit(run_one, scenario, point, seed): point for point, seed in missing}
        try:
            for future in concurrent.futures.as_completed(todo):
                done = future.result()
                file.write(json.dumps(done) + "\n")
                file.flush()
                bad += done["violated"]
                progress.one(", ".join(f"{k}={v}" for k, v in done["point"].items()) or f"seed {done['seed']}")
                if done["violated"]:
                    print(f"\nseed {done['seed']}: {done['document']['violations'].get('first', '')}", file=sys.stderr)
        except BaseException:
            for future in todo:
                future.cancel()
            raise
    make_report(output)
    if bad:
        print(f"{bad} of {len(wanted)} runs violated an invariant; count-violations = true in [run] goes on after one", file=sys.stderr)
    return 1 if bad else 0


def make_report(directory):
    import report  # noqa: PLC0415, imports matplotlib, which runs alone do not need
    known = directory / "manifest.json"
    if not known.exists():
        raise Refused(f"{directory}: no manifest.json; expected a directory that experiment run made")
    for path in report.make(directory, json.loads(known.read_text()), read_runs(directory / "runs.jsonl")[0]):
        print(path)


def list_scenarios():
    for path in sorted((HERE / "scenarios").glob("*.toml")):
        scenario = Scenario(path)
        print(f"{scenario.name:16} {scenario.title}; {len(scenario.points())} points")
    return 0


def main():
    parser = argparse.ArgumentParser(prog="experiment", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    runs = commands.add_parser("run", help="runs a scenario and reports")
    runs.add_argument("scenario", help="a file, or the name of one of those that list names")
    runs.add_argument("--seeds", type=int, default=30, metavar="N", help="runs of each point (30)")
    runs.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="runs at a time (as many as processors)")
    runs.add_argument("--output", metavar="DIR", help="where results go (NAME.results)")
    runs.add_argument("--set", action="append", default=[], metavar="OPTION=VALUE", help="instead of what the file says; values with "
                      "commas between them are a sweep")
    reports = commands.add_parser("report", help="tables and plots anew, of what has run")
    reports.add_argument("directories", nargs="+", metavar="DIR")
    commands.add_parser("list", help="the scenarios that are here")
    options = parser.parse_args()
    try:
        if options.command == "list":
            return list_scenarios()
        if options.command == "report":
            for directory in options.directories:
                make_report(Path(directory))
            return 0
        if options.seeds < 1 or options.jobs < 1:
            raise Refused("--seeds and --jobs: expected 1 or more")
        if not options.scenario.endswith(".toml"):
            options.scenario = str(HERE / "scenarios" / f"{options.scenario}.toml")
        return run(options)
    except Refused as e:
        print(f"experiment: {e}", file=sys.stderr)
        return 2
    except ImportError as e:
        print(f"experiment: no report: {e}; Debian: apt-get install python3-matplotlib. What has run is kept", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nexperiment: interrupted; the same command goes on", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
