#!/usr/bin/env python3
"""What kith-sim writes: one document of JSON, with the hash that the text has; time series; records; violations that are counted.

Usage: output.py KITH_SIM
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

RUN = ["--leaves=40", "--supernodes=6", "--minutes=3", "--seed=5", "--calls=120"]


def sim(status, *words):
    done = subprocess.run([sys.argv[1], *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == status, (words, done.returncode, done.stderr)
    return done.stdout, done.stderr


def a_document_says_what_the_text_says():
    text, _ = sim(0, *RUN)
    whole = json.loads(sim(0, *RUN, "--json")[0])
    assert f"hash: {whole['hash']}" in text, text
    assert whole["options"]["leaves"] == 40 and whole["options"]["calls"] == 120 and whole["options"]["nat"] is None
    assert f"events           {whole['events']}" in text
    lookup = whole["times"]["look-up"]
    assert len(lookup["percentiles_ms"]) == 101 and lookup["percentiles_ms"] == sorted(lookup["percentiles_ms"])
    assert lookup["percentiles_ms"][99] == lookup["p99_ms"] and lookup["percentiles_ms"][100] == lookup["max_ms"]
    assert "first" not in whole["violations"] and set(whole["violations"]["checks"].values()) == {0}


def series_and_records_tell_the_run(directory):
    path = Path(directory) / "records"
    whole = json.loads(sim(0, *RUN, "--json", "--series=10", f"--records={path}")[0])
    series = whole["series"]
    assert series["at_s"] == [10.0 * (i + 1) for i in range(17)], series["at_s"]
    assert all(len(values) == 17 for values in series.values())
    assert series["leaves_attached"][-1] == 40 and series["calls"] == sorted(series["calls"])
    assert series["calls"][-1] <= whole["counts"]["calls"]
    records = [json.loads(line) for line in path.read_text().splitlines()]
    for name, times in whole["times"].items():
        assert sum(r["what"] == name for r in records) == times["n"], name
    assert sum(r["what"] == "call refused" and "err" in r for r in records) == whole["counts"]["calls_refused"] > 0
    bare = json.loads(sim(0, *RUN, "--json")[0])
    assert bare["hash"] == whole["hash"], "whoever looks on changes nothing"


def a_leaf_without_a_home_is_counted_from_the_loss():
    """Nobody tells leaves that all homes crashed; they notice it at a keepalive, and "homes regained" counts from then on."""
    whole = json.loads(sim(0, "--leaves=60", "--supernodes=12", "--minutes=6", "--seed=5", "--calls=0", "--no-verify", "--kill=0.6",
                           "--kill-at=120", "--json")[0])
    without, regained = whole["times"]["without a home"], whole["times"]["homes regained"]
    assert without["n"] == regained["n"] > 0, (without, regained)
    assert without["p50_ms"] > regained["p50_ms"] + 1000, (without, regained)


def violations_end_the_run_or_are_counted():
    lying = ["--leaves=60", "--minutes=4", "--liars=0.7", "--json"]
    ended, first = sim(1, *lying)
    counted, also = sim(1, *lying, "--count-violations")
    ended, counted = json.loads(ended), json.loads(counted)
    assert ended["hash"] is None and counted["hash"] is not None
    assert ended["virtual_s"] < counted["virtual_s"] == 240.0
    assert sum(ended["violations"]["checks"].values()) == 1 < sum(counted["violations"]["checks"].values())
    what = [line for line in first.splitlines() if "repeat" not in line]
    assert what and what == [line for line in also.splitlines() if "repeat" not in line], "the first one is the same"


def what_is_wrong_is_refused():
    assert "--series" in sim(2, *RUN, "--series=5")[1], "only with --json"
    assert "--series" in sim(2, *RUN, "--series=0.5", "--json")[1]
    assert "/nowhere/records: No such file" in sim(2, *RUN, "--records=/nowhere/records")[1]
    assert "--records /dev/full" in sim(2, *RUN, "--records=/dev/full")[1]


a_document_says_what_the_text_says()
with tempfile.TemporaryDirectory() as temporary:
    series_and_records_tell_the_run(temporary)
a_leaf_without_a_home_is_counted_from_the_loss()
violations_end_the_run_or_are_counted()
what_is_wrong_is_refused()
