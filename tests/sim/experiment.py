#!/usr/bin/env python3
"""scripts/experiment: a small one from the file to the report, interrupted and resumed; its intervals; every scenario that is here.

Usage: experiment.py SOURCE_DIR BUILD_DIR
"""
import csv
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE, BUILD = Path(sys.argv[1]), Path(sys.argv[2])
sys.path.insert(0, str(SOURCE / "bench" / "experiments"))
import estimate  # noqa: E402
from scenario import Refused, Scenario, look_up  # noqa: E402

SMALL = ["--seeds=2", "--set", "leaves=40", "--set", "supernodes=8", "--set", "minutes=5", "--set", "kill=0.3,0.6"]


def experiment(status, *words):
    done = subprocess.run([str(SOURCE / "scripts" / "experiment"), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env={**os.environ, "KITH_BUILD_DIR": str(BUILD)}, check=False)
    assert done.returncode == status, (words, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def near(values, wanted):
    return all(abs(a - b) < 5e-5 for a, b in zip(values, wanted))


def intervals_are_right():
    # Wilson's, as published in tables: 0 of 10, 5 of 10, 81 of 263 (R. G. Newcombe, Statistics in Medicine 17, 1998).
    assert near(estimate.wilson(0, 10), (0, 0, 0.27753)), estimate.wilson(0, 10)
    assert near(estimate.wilson(5, 10), (0.5, 0.23659, 0.76341)), estimate.wilson(5, 10)
    assert abs(estimate.wilson(81, 263)[1] - 0.2553) < 1e-4 and abs(estimate.wilson(81, 263)[2] - 0.3662) < 1e-4
    assert estimate.wilson(0, 0) is None and estimate.mean([]) is None
    assert estimate.mean([7, 7, 7]) == (7, 7, 7)
    middle, low, high = estimate.mean(list(range(100)))
    # The normal approximation: 49.5 and 1.96 times 28.87 / 10.
    assert middle == 49.5 and abs(low - (49.5 - 5.66)) < 0.5 and abs(high - (49.5 + 5.66)) < 0.5, (low, high)


def numbers_are_found_by_their_paths():
    document = {"a": {"b c": 6, "none": None}, "n": 3, "yes": True}
    assert look_up(document, "a.b c") == 6 and look_up(document, "a.b c / n") == 2
    assert look_up(document, "a.none") is None and look_up(document, "a.x / n") is None and look_up(document, "yes") is None


def scenarios_here_name_what_there_is():
    usage = subprocess.run([str(BUILD / "bench" / "kith-sim"), "--help"], stdout=subprocess.PIPE, text=True, check=True).stdout
    document = json.loads(subprocess.run([str(BUILD / "bench" / "kith-sim"), "--json", "--minutes=4", "--leaves=30", "--supernodes=6",
                                          "--series=30", "--kill=0.7", "--kill-at=60", "--no-verify", "--count-violations"],
                                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout)
    found = sorted((SOURCE / "bench" / "experiments" / "scenarios").glob("*.toml"))
    assert len(found) >= 8
    for path in found:
        scenario = Scenario(path)
        for key in [*scenario.run, *scenario.sweep]:
            assert f"--{key}=" in usage or f"--{key} " in usage, f"{path}: kith-sim has no --{key}"
        for figure in scenario.report["figures"] + scenario.report["shares"]:
            for part in figure.split(" / "):
                assert look_up(document, part) is not None, f"{path}: a run has no {part}"
        for name in scenario.report["distributions"]:
            assert name in document["times"], f"{path}: no time is called {name}"
        for name in scenario.report["series"]:
            assert name in document["series"], f"{path}: no series is called {name}"


def a_small_one_is_run_resumed_and_shown(directory):
    output = Path(directory) / "out"
    told = experiment(0, "run", "supernodes-lost", *SMALL, "--output", str(output))
    assert "4 of 4 runs" in told, told
    lines = (output / "runs.jsonl").read_text().splitlines(keepends=True)
    assert len(lines) == 4
    with open(output / "summary.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["kill"] for row in rows} == {"0.3", "0.6"} and {row["kind"] for row in rows} == {"mean", "share"}
    assert all(float(row["low"]) <= float(row["value"]) <= float(row["high"]) for row in rows)
    page = (output / "report.html").read_text()
    pictures = sorted(p.name for p in output.glob("*.svg"))
    assert len(pictures) >= 8 and all(f'src="{name}"' in page for name in pictures), pictures
    before = {name: (output / name).read_bytes() for name in [*pictures, "summary.csv"]}

    # Interrupted in the middle of a line: what is whole stays, the rest is run again, and comes to the same.
    (output / "runs.jsonl").write_text("".join(lines[:2]) + lines[2][:100])
    told = experiment(0, "run", "supernodes-lost", *SMALL, "--output", str(output))
    assert "4 of 4 runs" in told, told
    documents = [json.loads(line) for line in (output / "runs.jsonl").read_text().splitlines()]
    assert len(documents) == 4
    hashes = {json.dumps([d["point"], d["seed"]]): d["document"]["hash"] for d in documents}
    assert hashes == {json.dumps([d["point"], d["seed"]]): d["document"]["hash"] for d in map(json.loads, lines)}
    told = experiment(0, "report", str(output))
    assert {name: (output / name).read_bytes() for name in before} == before, "the same runs, the same files"

    (output / "runs.jsonl").write_text("".join(lines[:2]) + lines[2][:100] + "\n" + lines[3])
    assert "runs.jsonl:3: " in experiment(2, "report", str(output))
    (output / "runs.jsonl").write_text("".join(lines))
    told = experiment(2, "run", "supernodes-lost", *SMALL, "--set", "calls=7", "--output", str(output))
    assert "holds runs of another run" in told, told


def what_is_wrong_is_said(directory):
    assert "no-such.toml: No such file" in experiment(2, "run", f"{directory}/no-such.toml")
    wrong = Path(directory) / "wrong.toml"
    for text, said in [("[run\n", "wrong.toml: Expected"), ("[runs]\nleaves=1\n", "wrong.toml: found runs; expected"),
                       ("[sweep]\nloss = 0.1\n", "sweep.loss: found 0.1; expected a list"),
                       ("[run]\nleaves = [1]\n", "run.leaves: found [1]; expected a number"),
                       ("[report]\nplots = []\n", "report.plots: expected lists of texts, called")]:
        wrong.write_text(text)
        told = experiment(2, "run", str(wrong))
        assert said in told, (said, told)
    wrong.write_text("[run]\nno-such-option = 1\n")
    assert "unknown option" in experiment(2, "run", str(wrong), "--output", f"{directory}/x")
    assert "--set: found" in experiment(2, "run", "steady", "--set", "leaves")
    assert "1 or more" in experiment(2, "run", "steady", "--seeds", "0")
    assert "no manifest.json" in experiment(2, "report", directory)
    try:
        Scenario(directory)
    except Refused as e:
        assert str(directory) in str(e)
    else:
        raise AssertionError("a directory is no scenario")


intervals_are_right()
numbers_are_found_by_their_paths()
scenarios_here_name_what_there_is()
with tempfile.TemporaryDirectory() as temporary:
    what_is_wrong_is_said(temporary)
    a_small_one_is_run_resumed_and_shown(temporary)
