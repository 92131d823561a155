#!/usr/bin/env python3
"""Builds and tests libkith in several configurations, one stage after the other, and sums up.

A stage that fails does not stop the others; a configuration that does not build skips its own tests only. The last line is
"N passed, N failed" (", N skipped" may follow): tests that ctest ran, and fuzz targets; a stage that gave no results
(such as a build that failed) counts as one failure. The exit code is 0 only when nothing failed.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fuzzing

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / "build" / "logs"

# Which labels run in which configuration. "label:name" runs only the tests of that name, "label:!name" all but those: of the
# lints, only the one that looks at binaries depends on the compiler. The corpora of the fuzz targets are replayed optimised, by gcc, and with the
# sanitizers, by clang.
FULL = {
    "release": ["unit", "lint", "tidy", "fuzz", "install", "sim", "large:^sim[.]large_(calm|loss)$", "e2e"],
    # By clang, which warns of other things. Between namespaces the sanitizers see what moves packets; commands and files they
    # see in the unit tests. Of the simulator they see the runs with faults, and what a run comes to, which must not depend on
    # the compiler; what runs cost is no question to them, nor are days that pass in a unit test.
    "asan-ubsan": ["unit:!^unit[.]serving_(elected|renewed)$", "fuzz",
                   "sim:^sim[.](determinism|effects|liars|mass_loss|mutation|outage|seeds)$", "monkey",
                   "e2e:^e2e[.](chat|failover|failures|first_call|ipv6|leave|loopback|outage|relay_then_direct|roam)$"],
    # The UDP of other systems: what differs is below the carrier.
    "portable": ["unit:^unit[.](carrier|conn_stream|effect|host|node|node_memory|portable_udp|stream|udp|udp_internal)$", "e2e:^e2e[.]loopback$"],
}
QUICK = {"dev": ["unit", "lint", "sim"]}
# What there is no time for with each change.
DEEP = {"release": ["large"], "clang": ["unit", "lint:symbols", "install", "sim"], "asan-ubsan": ["unit", "sim", "e2e"], "lto": ["unit"], "lto-clang": ["unit"]}
# Where the tests of a label come from: with nothing there, there is nothing to run; with something there, ctest must know it.
ORIGIN = {"unit": "tests/unit/test_*.c", "sim": "tests/sim/*.c", "large": "tests/sim/sim_large.c", "e2e": "tests/e2e/*.sh",
          "fuzz": "tests/fuzz/fuzz_*.c",
          "lint": "tests/lint/*.py", "tidy": "tests/lint/tidy.sh", "install": "tests/install/run.sh",
          "monkey": "tests/monkey/*.c"}
# The sanitizers look at memory, which fewer runs show as well; a run of theirs costs as much as four of the release.
MASS_SEEDS = {"dev": 1, "release": 2, "asan-ubsan": 1}
SIM_SEEDS = {"dev": 10, "release": 100, "asan-ubsan": 12}
LIARS_SEEDS = {"dev": 8, "release": 12, "asan-ubsan": 4}
EARLY_SEEDS = {"dev": 4, "release": 30, "asan-ubsan": 4}
# What --only names: of a configuration that both have, what CI runs.
ALONE = {**DEEP, **FULL}
DEEP_MASS_SEEDS = {"clang": 4, "asan-ubsan": 2}
DEEP_SIM_SEEDS = {"clang": 200, "asan-ubsan": 100}
DEEP_LIARS_SEEDS = {"clang": 24, "asan-ubsan": 12}
# Tests that mostly wait run beside each other: more at once than there are processors, or one at a time.
JOBS = {"unit": lambda jobs: 2 * jobs, "e2e": lambda jobs: jobs + 1, "tidy": lambda jobs: 1, "install": lambda jobs: 1}
MUTANTS = 6 # of those under tests/mutants, in a full run


class Stage:
    """The result of one stage, and a line of the table."""

    def __init__(self, name):
        self.name, self.passed, self.failed, self.skipped = name, 0, 0, 0
        self.seconds, self.note, self.details = 0.0, "", []

    def fail(self, note, details=()):
        self.failed += 1
        self.note = note
        self.details.extend(details)


class Run:
    def __init__(self, options):
        self.options, self.stages = options, []
        self.environment = dict(os.environ)
        self.environment.setdefault("CTEST_OUTPUT_ON_FAILURE", "1")
        self.environment["CLICOLOR_FORCE"] = "0"
        # What two configurations compile with the same words is compiled once.
        self.environment.setdefault("CCACHE_BASEDIR", str(ROOT))
        self.environment.setdefault("CCACHE_NOHASHDIR", "1")
        if options.no_root:
            self.environment["KITH_NO_ROOT"] = "1"
        LOGS.mkdir(parents=True, exist_ok=True)

    def stage(self, name, action):
        stage = Stage(name)
        print(f"--- {name} ...", flush=True)
        start = time.monotonic()
        try:
            action(stage)
        except (OSError, ElementTree.ParseError, subprocess.SubprocessError) as error:
            stage.fail(f"{type(error).__name__}: {error}")
        stage.seconds = time.monotonic() - start
        self.stages.append(stage)
        for line in stage.details:
            print(f"    {line}")
        print(f"    {name}: {summary(stage)} in {stage.seconds:.1f} s", flush=True)
        return stage.failed == 0

    def command(self, name, *words):
        """Runs it with the output in a log file; returns the exit code and that file."""
        log = LOGS / (name.replace(" ", "-") + ".log")
        with log.open("wb") as out:
            code = subprocess.run(words, cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=out,
                                  stderr=subprocess.STDOUT, check=False).returncode
        return code, log

    def build(self, preset):
        def configure(stage):
            code, log = self.command(f"{preset} configure", "cmake", "--preset", preset)
            if code:
                stage.fail("cmake failed", tail(log, 30))

        def compile_all(stage):
            code, log = self.command(f"{preset} build", "cmake", "--build", "--preset", preset, "-j",
                                     str(self.options.jobs), "--", "-k", "0")
            if code:
                stage.fail("does not build", errors(log))

        return self.stage(f"{preset} configure", configure) and self.stage(f"{preset} build", compile_all)

    def ctest(self, preset, selection):
        label, _, name = selection.partition(":")
        named = ["-E", name[1:]] if name.startswith("!") else ["-R", name or "."]
        if not any(ROOT.glob(ORIGIN[label])):
            print(f"--- {preset} {label}: no {ORIGIN[label]}, nothing to run", flush=True)
            return

        def action(stage):
            deep = self.options.deep
            seeds = {"KITH_SIM_SEEDS": (SIM_SEEDS, DEEP_SIM_SEEDS), "KITH_MASS_SEEDS": (MASS_SEEDS, DEEP_MASS_SEEDS),
                     "KITH_LIARS_SEEDS": (LIARS_SEEDS, DEEP_LIARS_SEEDS), "KITH_EARLY_SEEDS": (EARLY_SEEDS, {})}
            self.environment.update({name: str(of[deep][preset]) for name, of in seeds.items() if preset in of[deep]})
            junit = LOGS / f"{preset}-{label}.xml"
            junit.unlink(missing_ok=True)
            jobs = JOBS.get(label, lambda jobs: jobs)(self.options.jobs)
            code, log = self.command(f"{preset} {label}", "ctest", "--test-dir", str(ROOT / "build" / preset), "-L",
                                     f"^{label}$", *named, "-j", str(jobs), "--output-on-failure", "--no-tests=error",
                                     "--output-junit", str(junit))
            if not junit.is_file():
                stage.fail("no test ran" if code else "ctest left no results", tail(log, 30))
                return
            self.count(stage, junit, log)
            self.times(stage, junit, limits(preset, label))
            if code and not stage.failed:
                stage.fail(f"ctest ended with {code}", tail(log, 30))

        self.stage(f"{preset} {label}", action)

    def count(self, stage, junit, log):
        for case in ElementTree.parse(junit).getroot().iter("testcase"):
            status, name = case.get("status"), case.get("name")
            if status == "run":
                stage.passed += 1
            elif status == "disabled" or (status == "notrun" and case.find("skipped") is not None
                                          and case.find("skipped").get("message") == "SKIP_RETURN_CODE=77"):
                if self.options.no_root:
                    stage.skipped += 1
                    stage.details.append(f"skipped: {name}")
                else:
                    stage.fail("skipped without --no-root", [f"skipped, but only --no-root permits that: {name}"])
            else:
                stage.fail("", [f"FAILED: {name}", *("  " + line for line in output_of(case))])
        if not stage.passed + stage.failed + stage.skipped:
            stage.fail("no test ran", tail(log, 30))

    def times(self, stage, junit, limit):
        """A limit ends what hangs; a test that needs more than a third of it would be ended on a busy machine."""
        for case in ElementTree.parse(junit).getroot().iter("testcase"):
            name, seconds = case.get("name"), float(case.get("time") or 0)
            if seconds > limit.get(name, float("inf")) / 3:
                slow = f"slow: {name} took {seconds:.1f} s, more than a third of its limit of {limit[name]:g} s"
                if self.options.strict_times:
                    stage.fail("", [slow])
                else:
                    stage.details.append(slow)

    def namespaces(self, stage):
        """Whether the e2e tests can have network namespaces; said once, instead of by each of them."""
        for words in (["unshare", "-n", "true"], ["unshare", "-Urn", "true"]):
            if shutil.which(words[0]) and subprocess.run(words, stderr=subprocess.DEVNULL, check=False).returncode == 0:
                return
        stage.fail("no network namespaces: run as root, or leave those tests out with --no-root")

    def hashes(self, stage):
        """Whether the simulator comes to the same with both compilers."""
        told = {}
        for preset in ("release", "asan-ubsan"):
            for case in ElementTree.parse(LOGS / f"{preset}-sim.xml").getroot().iter("testcase"):
                if case.get("name") == "sim.determinism":
                    told[preset] = re.findall(r"^hash: [0-9a-f]{64}$", case.findtext("system-out") or "", re.MULTILINE)
        if not told.get("release") or told["release"] != told.get("asan-ubsan"):
            stage.fail("the simulator's hashes differ", [f"{preset}: {' '.join(h)}" for preset, h in told.items()])
        else:
            stage.passed += 1

    def script(self, name, *words):
        """A stage that is a command: it works, or what it says last tells why not."""
        def action(stage):
            code, log = self.command(name, str(ROOT / words[0]), *words[1:])
            stage.note = (tail(log, 1) or ["nothing was said"])[0]
            if code:
                stage.fail(stage.note, tail(log, 30))
            else:
                stage.passed += 1

        self.stage(name, action)

    def fuzz(self, stage):
        targets = fuzzing.targets()
        workers = min(self.options.jobs, len(targets))
        each = max(1, self.options.fuzz_seconds * workers // len(targets))
        with ThreadPoolExecutor(workers) as pool:
            for target, (code, log) in zip(targets, pool.map(lambda t: fuzzing.run(t, each), targets)):
                if code == 0:
                    stage.passed += 1
                else:
                    stage.fail("", [f"FAILED: fuzz_{target}", *("  " + line for line in fuzzing.why(log))])
        stage.note = f"{each} s each"


def limits(preset, label):
    """The time limit of each test of a label, in seconds."""
    shown = subprocess.run(["ctest", "--test-dir", str(ROOT / "build" / preset), "-L", f"^{label}$", "--show-only=json-v1"],
                           stdout=subprocess.PIPE, check=True).stdout
    return {test["name"]: p["value"] for test in json.loads(shown)["tests"] for p in test["properties"] if p["name"] == "TIMEOUT"}


def tail(log, count):
    return log.read_text(errors="replace").splitlines()[-count:]


def errors(log):
    """The compiler's messages, rather than ninja's progress."""
    lines = log.read_text(errors="replace").splitlines()
    found = [line for line in lines if "error:" in line or "undefined reference" in line or "FAILED:" in line]
    return found[:40] or lines[-20:]


def output_of(case):
    """What failed, first: an end-to-end test says that before it shows the ends of its programs' logs."""
    text = case.findtext("system-out") or ""
    lines = [line for line in text.splitlines() if line.strip()]
    first = [line for line in lines[:-40] if line.startswith(("FAIL", "[  ERROR   ]"))]
    return [line if len(line) <= 500 else line[:500] + " ..." for line in first + lines[-40:]]


def summary(stage):
    if not stage.passed + stage.failed + stage.skipped:
        return "done" + (f", {stage.note}" if stage.note else "")
    parts = [f"{stage.passed} passed", f"{stage.failed} failed"]
    if stage.skipped:
        parts.append(f"{stage.skipped} skipped")
    if stage.note:
        parts.append(stage.note)
    return ", ".join(parts)


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/test", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true",
                        help="one compiler, unit tests, lints and ten simulator seeds: under a minute")
    parser.add_argument("--deep", action="store_true",
                        help="instead, what CI has no time for: every simulator test and scenario in every configuration, more"
                        " seeds, the analyzer with all its steps")
    parser.add_argument("--no-root", action="store_true", help="leave out what needs network namespaces, and say what")
    parser.add_argument("--fuzz-seconds", type=int, default=40, metavar="N",
                        help="wall-clock time for all fuzz targets together (default 40; 0: none; scripts/fuzz runs longer)")
    parser.add_argument("--only", action="append", metavar="PRESET", choices=[*ALONE, "fuzz"],
                        help="only this configuration (may be repeated): " + ", ".join([*ALONE, "fuzz"]))
    parser.add_argument("--strict-times", action="store_true",
                        help="a test that takes more than a third of its time limit fails: for a machine that does nothing else")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2, metavar="N", help="parallel jobs")
    return parser.parse_args()


def only(presets):
    return {p: ALONE[p] for p in presets or FULL if p in ALONE}


def main():
    options = arguments()
    start = time.monotonic()
    run = Run(options)
    plan = QUICK if options.quick else DEEP if options.deep else only(options.only)
    if not options.no_root and any("e2e" in labels for labels in plan.values()) and any(ROOT.glob(ORIGIN["e2e"])):
        run.stage("network namespaces", run.namespaces)
    for preset, labels in plan.items():
        if run.build(preset):
            for label in labels:
                run.ctest(preset, label)
    if options.deep:
        run.script("tidy deep", "scripts/tidy")
    elif not options.quick and not options.only:
        run.stage("same hashes", run.hashes)
        run.script("windows core", "scripts/cross", "--jobs", str(options.jobs), "windows")
        run.script("small size", "scripts/size")
        # Some rules of the library broken on purpose, others with each commit: a test must notice.
        run.script("mutants", "scripts/mutants", "--sample", str(MUTANTS), "-j", str(options.jobs))
    fuzzing = not options.quick and not options.deep and options.fuzz_seconds > 0 and (not options.only or "fuzz" in options.only)
    if fuzzing and any(ROOT.glob(ORIGIN["fuzz"])) and run.build("fuzz"):
        run.stage("fuzz run", run.fuzz)

    width = max(len(stage.name) for stage in run.stages)
    print(f"\n{'stage':{width}}  passed  failed  skipped  seconds")
    for stage in run.stages:
        print(f"{stage.name:{width}}  {stage.passed:6}  {stage.failed:6}  {stage.skipped:7}  {stage.seconds:7.1f}"
              + (f"  {stage.note}" if stage.note else ""))
    passed, failed, skipped = (sum(getattr(s, key) for s in run.stages) for key in ("passed", "failed", "skipped"))
    print(f"{'all':{width}}  {passed:6}  {failed:6}  {skipped:7}  {time.monotonic() - start:7.1f}")
    print(f"logs: {LOGS}")
    print(f"\n{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""), flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
