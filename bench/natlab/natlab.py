#!/usr/bin/env python3
"""kith-natlab: who connects to whom, how, and when, over kinds of NAT and firewall, between network namespaces. Needs root.

Cells are caller:callee, of the kinds that --list names: "masquerade:random", "open:*", "*:*", or "all" (each pair, in both orders),
"half" (each pair once). Comma between several. Each trial starts both nodes anew with nothing that they remember, waits for three
homes, calls by name, sends data both ways, and waits for a direct path. One JSON line a trial goes to --output, a table to standard
output, progress to standard error. Exit status: 0 all cells are as cells.txt wants them, 1 one is not, 2 wrong options, 3 the world could
not be made, or a kind is not what it is called.
"""
import argparse
import json
import os
import queue
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from peers import Peer  # noqa: E402
from runs import Lines, Progress, Refused, manifest, number, run_program  # noqa: E402
from world import NAT64, SERVERS, World, make_sites  # noqa: E402

QUICK = "open:masquerade,masquerade:masquerade,masquerade:random,sequential:masquerade,masquerade-random:port-restricted,"\
    "tcp-443:masquerade,udp-blocked:tcp-443,connect-only:open,home:home,cgn-shared:cgn-shared,ipv6:ipv6,random:random,ipv6:masquerade,"\
    "nat64:open"
JOIN_S = 15
QUICK_RELAYED_S = 1.5  # how long a quick run waits for a direct path where it wants none
QUICK_JOBS = 8  # mostly they wait
LETTERS = {"D": "direct", "d": "mostly direct", "R": "connected", "-": "not connected"}
MOSTLY_TRIALS = 3  # of a cell, from which on at least half must be direct; a quick run ends with the first that is


# ---- kinds, cells, and what is wanted of them ----


def read_kinds(path):
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except tomllib.TOMLDecodeError as e:
        raise Refused(f"{path}: {e}") from None


def read_wanted(path, kinds):
    """By (kind, kind), in both orders: a letter. The file is a triangle: a row has as many letters as it has kinds up to itself."""
    wanted, names = {}, []
    for number, line in enumerate(Path(path).read_text().splitlines(), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        names.append(words[0])
        if words[0] not in kinds or len(words) != len(names) + 1 or not set(words[1:]) <= set(LETTERS):
            raise Refused(f"{path}:{number}: expected a kind and {len(names)} of the letters {' '.join(LETTERS)}")
        for other, letter in zip(names, words[1:]):
            wanted[words[0], other] = wanted[other, words[0]] = letter
    missing = [k for k in kinds if k not in names]
    if missing:
        raise Refused(f"{path}: no row for {', '.join(missing)}")
    return wanted


def read_cells(text, kinds):
    names, cells = list(kinds), []
    for word in text.split(","):
        if word in ("all", "half"):
            found = [(a, b) for i, a in enumerate(names) for k, b in enumerate(names) if word == "all" or i <= k]
        else:
            ends = word.split(":")
            for end in ends:
                if end != "*" and end not in kinds:
                    raise Refused(f'--cells: found "{word}"; expected all, half, or CALLER:CALLEE of these kinds: {", ".join(names)} or *')
            if len(ends) != 2:
                raise Refused(f'--cells: found "{word}"; expected CALLER:CALLEE, such as open:{names[1]}')
            found = [(a, b) for a in (names if ends[0] == "*" else ends[:1]) for b in (names if ends[1] == "*" else ends[1:])]
        cells += [c for c in found if c not in cells]
    return cells


# ---- whether a kind is what it is called ----


def probe(world, site):
    """What differs from what the kind is called, as text; empty: nothing."""
    wanted = dict(site.words.get("probe", {}))
    if not world.options.lifetimes:
        wanted.pop("lifetime", None)
    servers = SERVERS[2:] if site.ip == "6" else SERVERS[:2]
    if site.ip == "64":
        servers = [NAT64 + a for a in servers]
    words = ["python3", str(HERE / "probe.py"), "ask", *servers]
    words += ["--lifetime", str(wanted["lifetime"])] if "lifetime" in wanted else []
    words += ["--proxy", "192.168.1.1:8888"] if "connect" in wanted else []
    done = subprocess.run(world.command(site, *words), capture_output=True, text=True, check=False)
    try:
        found = json.loads(done.stdout)
    except ValueError:
        return f"the probe failed: {done.stderr.strip()[-300:]}"
    return "; ".join(f"{key} is {found.get(key, 'unknown')}, not {value}" for key, value in wanted.items() if found.get(key) != value)


def probe_all(world):
    """Groups one after the other, else one's probe meets the other's ports; different groups at once."""
    groups = {}
    for site in world.sites.values():
        groups.setdefault(site.group, []).append(site)
    wrong = []

    def one(sites):
        for site in sites:
            text = probe(world, site)
            if text:
                wrong.append(f"{site.name}: {text}")
            world.forget(site)

    pending = queue.SimpleQueue()
    for sites in groups.values():
        pending.put(sites)

    def work():
        while True:
            try:
                one(pending.get_nowait())
            except queue.Empty:
                return

    threads = [threading.Thread(target=work) for _ in range(len(groups) if world.options.lifetimes else 2 * world.options.jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong


# ---- a trial ----


def held(caller, callee, seconds):
    """Whether the call still carries data, directly if it was direct, after so long without any."""
    for peer in (caller, callee):
        peer.say("flow 0")
    time.sleep(seconds)
    before = [peer.stats()["datagrams"]["received"] for peer in (caller, callee)]
    for peer in (caller, callee):
        peer.say("flow 20")
    time.sleep(2)
    return all(peer.stats()["datagrams"]["received"] >= b + 50 for peer, b in zip((caller, callee), before))


def join(caller, callee, result):
    for peer, end in ((caller, "caller"), (callee, "callee")):
        ready = peer.wait(lambda e: e["event"] == "attached" and e["homes"] >= 3, JOIN_S)
        if ready is None or peer.wait(lambda e: e["event"] == "published", JOIN_S) is None:
            troubles = [e["why"] for e in peer.events if e["event"] == "trouble"]
            result["why"] = f"the {end} did not join: {troubles[-1] if troubles else 'no trouble told'}"
            return False
        result[f"{end}_join_ms"] = round(ready["at"] - peer.first("started")["at"], 1)
    return True


def call(world, caller, callee, result, patience):
    for peer in (caller, callee):
        peer.say("flow 20")
    caller.say(f"call {callee.site.name}")
    start = caller.wait(lambda e: e["event"] == "calling", 5)["at"]
    connected = caller.wait(lambda e: e["event"] in ("connected", "call-failed"), JOIN_S)
    first = callee.wait(lambda e: e["event"] == "first", 5)
    if connected is None or connected["event"] != "connected" or first is None:
        result["why"] = "no call within 15 s" if connected is None else connected.get("error", "connected, but no data came")
        return
    result.update(connected=True, connected_ms=round(connected["at"] - start, 1), first_byte_ms=round(first["at"] - start, 1))
    direct = caller.wait(lambda e: e["event"] == "path" and e["kind"] == "direct", patience)
    if direct is not None:
        result["direct_ms"] = round(direct["at"] - start, 1)
    time.sleep(0.3)
    crossed = world.flow(caller.site, callee.site)
    time.sleep(0.7)
    sending = next((p for p in caller.paths() if p["sending"]), None)
    result["how"] = sending["kind"] if sending else "none"
    result["carrier"] = sending["carrier"] if sending else "none"
    if caller.site.link != callee.site.link:
        result["crossed_directly"] = world.flow(caller.site, callee.site) - crossed
    if result["how"] != "direct":
        result["explain"] = caller.ask("explain")["text"]
        result["why"] = next((line for line in result["explain"].splitlines() if line.startswith("verdict:")), "")


def trial(world, cell, rep, patience):
    """One call, as a dictionary."""
    sites = [world.sites[cell[0], "a"], world.sites[cell[1], "b"]]
    result = {"caller": cell[0], "callee": cell[1], "rep": rep, "seed": world.options.seed, "stack": "kith", "connected": False,
              "how": "none"}
    for site in sites:
        world.forget(site)
    peers = [Peer(world, site) for site in sites]
    try:
        if join(*peers, result):
            time.sleep(world.options.settle)
            call(world, *peers, result, patience)
            hold = world.options.hold if world.options.hold is not None else sites[0].words.get("hold", 0) if cell[0] == cell[1] else 0
            if hold and result["connected"]:
                result.update(hold_s=hold, held=held(*peers, hold), how_then=next((p["kind"] for p in peers[0].paths() if p["sending"]), ""))
    finally:
        for peer in peers:
            peer.stop()
    return result


def patience_with(options, letter):
    return options.patience if not options.quick or letter in "Dd" else QUICK_RELAYED_S


def as_wanted(result, letter):
    """Whether the cell is at least what the table wants. Direct is better than relayed, and never wrong."""
    if letter == "-":
        return not result["connected"]
    return result["connected"] and result.get("held", True) and (letter in "dR" or result["how"] == "direct")


# ---- all of them ----


def run_trials(world, cells, wanted, output, stop):
    """Several at once, no two of which share a NAT."""
    results = [r for r in output.before if (r["caller"], r["callee"]) in cells]
    done = {(r["caller"], r["callee"], r["rep"]) for r in results}
    todo = [(cell, rep) for rep in range(world.options.reps) for cell in cells if (*cell, rep) not in done]
    random.Random(world.options.seed).shuffle(todo)
    busy, lock = set(), threading.Condition()
    progress = Progress(len(todo), world.options.quiet)

    def groups(cell):
        return {world.sites[cell[0], "a"].group, world.sites[cell[1], "b"].group}

    def take():
        with lock:
            while todo and not stop.is_set():
                for i, (cell, _) in enumerate(todo):
                    if not groups(cell) & busy:
                        busy.update(groups(cell))
                        return todo.pop(i)
                lock.wait(1)
        return None

    def work():
        while (one := take()) is not None:
            try:
                result = trial(world, *one, patience_with(world.options, wanted[one[0]]))
            except Exception as e:  # a trial that breaks is a result, and the run goes on
                result = {"caller": one[0][0], "callee": one[0][1], "rep": one[1], "connected": False, "how": "none",
                          "why": f"the laboratory failed: {e!r}"}
            result["wanted"] = LETTERS[wanted[one[0]]]
            result["good"] = as_wanted(result, wanted[one[0]])
            with lock:
                busy.difference_update(groups(one[0]))
                if not stop.is_set():
                    results.append(result)
                    output.write(result)
                    progress.step(f"{result['caller']}:{result['callee']} {result['how']}")
                    if world.options.quick and wanted[one[0]] == "d" and result["how"] != "direct" and one[1] + 1 < MOSTLY_TRIALS:
                        todo.append((one[0], one[1] + 1))
                        progress.total += 1
                lock.notify_all()

    threads = [threading.Thread(target=work) for _ in range(world.options.jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            thread.join(0.2)
    return results


def seldom_direct(results):
    """Cells that are to be mostly direct, and were not: as text."""
    cells = {}
    for r in results:
        if r["wanted"] == LETTERS["d"]:
            cells.setdefault(f"{r['caller']}:{r['callee']}", []).append(r["how"] == "direct")
    return [f"WRONG {cell}: {sum(d)} of {len(d)} direct, wanted mostly" for cell, d in sorted(cells.items())
            if len(d) >= MOSTLY_TRIALS and 2 * sum(d) < len(d)]


# ---- what people read ----


def cell_text(trials):
    """157: direct, so many milliseconds after the call at the median; r, t: relayed over UDP, over TCP; !: not connected; *: not
    every time the same."""
    if not trials:
        return "."
    hows = {(t["how"], t.get("carrier")) for t in trials}
    direct = [t["direct_ms"] for t in trials if t["how"] == "direct" and "direct_ms" in t]
    if direct:
        text = str(round(statistics.median(direct)))
    elif any(t["connected"] for t in trials):
        text = "t" if any(t.get("carrier") == "tcp" for t in trials if t["connected"]) else "r"
    else:
        text = "!"
    return text + ("*" if len(hows) > 1 else "")


def print_table(results, kinds, out):
    rows = [k for k in kinds if any(k == r["caller"] for r in results)]
    columns = [k for k in kinds if any(k == r["callee"] for r in results)]
    numbers = {k: i + 1 for i, k in enumerate(kinds)}
    width = max(len(k) for k in rows) + 3
    print(f"{'caller':<{width}} " + " ".join(f"{numbers[k]:>5}" for k in columns) + "   <- callee, by number", file=out)
    for row in rows:
        texts = [cell_text([r for r in results if (r["caller"], r["callee"]) == (row, column)]) for column in columns]
        print(f"{numbers[row]:>2} {row:<{width - 3}} " + " ".join(f"{t:>5}" for t in texts), file=out)
    if set(columns) - set(rows):
        print("   " + ", ".join(f"{numbers[k]} {k}" for k in columns if k not in rows), file=out)
    print("N: direct after N ms (median); r, t: relayed over UDP, over TCP; !: not connected; *: not always the same; .: not run", file=out)


def print_summary(results, out):
    def spread(key):
        values = sorted(r[key] for r in results if key in r)
        if not values:
            return "none"
        return f"p50 {values[len(values) // 2]:.0f} ms, p90 {values[len(values) * 9 // 10]:.0f} ms ({len(values)})"

    connected = sum(r["connected"] for r in results)
    direct = sum(r["how"] == "direct" for r in results)
    print(f"\n{len(results)} trials: {connected} connected, {direct} direct", file=out)
    print(f"joined: {spread('caller_join_ms')}; first byte: {spread('first_byte_ms')}; direct: {spread('direct_ms')}", file=out)
    for r in results:
        if not r["good"]:
            print(f"WRONG {r['caller']}:{r['callee']}: {r['how']}, wanted {r['wanted']}"
                  + (f", held {r['held']}" if "held" in r else "") + f": {r.get('why', '')}", file=out)
    for text in seldom_direct(results):
        print(text, file=out)
    better = sorted({f"{r['caller']}:{r['callee']}" for r in results if r["good"] and r["wanted"] == "connected" and r["how"] == "direct"})
    if better:
        print(f"direct, though cells.txt wants no more than connected: {', '.join(better)}", file=out)


# ---- the program ----


def arguments(argv):
    parser = argparse.ArgumentParser(prog="natlab", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", help="which (default: all)")
    parser.add_argument("--reps", type=number(1, 1000, int), default=1, help="trials of each cell (default: 1)")
    parser.add_argument("--seed", type=number(0, 2**31 - 1, int), default=1, help="of the models' draws and of the order of trials (default: 1)")
    parser.add_argument("--quick", action="store_true", help="a few cells, in less than a minute")
    parser.add_argument("--jobs", type=number(1, 64, int), help="trials at once (default: processors; 8 of --quick)")
    parser.add_argument("--delay", type=number(0, 2000), default=20, help="ms one way between any two links (default: 20)")
    parser.add_argument("--loss", type=number(0, 1), default=0, help="share of packets that each link loses, each way (default: 0)")
    parser.add_argument("--patience", type=number(0, 600), default=8, help="seconds until a path that is not direct counts as relayed (default: 8)")
    parser.add_argument("--settle", type=number(0, 600), default=0.5, help="seconds between joining and the call (default: 0.5)")
    parser.add_argument("--hold", type=number(0, 3600), help="seconds that every call is then left idle (default: as kinds.toml says)")
    parser.add_argument("--supernodes", choices=("4", "46"), default="46", help="what supernodes have: IPv4 only, or both (default)")
    parser.add_argument("--no-probe", action="store_true", help="trust that kinds are what they are called")
    parser.add_argument("--output", help="file for the JSON lines (default: natlab.jsonl)", default="natlab.jsonl")
    parser.add_argument("--resume", action="store_true", help="go on with a file of lines that was not finished")
    parser.add_argument("--build", type=Path, default=os.environ.get("KITH_BUILD_DIR", HERE.parent.parent / "build/release"))
    parser.add_argument("--kinds", help="file of the kinds (default: kinds.toml)", default=HERE / "kinds.toml")
    parser.add_argument("--wanted", help="file of what is wanted of the cells (default: cells.txt)", default=HERE / "cells.txt")
    parser.add_argument("--list", action="store_true", help="the kinds, in words")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    options = parser.parse_args(argv)
    options.argv = argv
    if options.quick and options.cells:
        parser.error("--quick has cells of its own; expected one of --quick and --cells")
    options.jobs = options.jobs or (QUICK_JOBS if options.quick else os.cpu_count())
    options.build = Path(options.build)
    options.lifetimes = not options.quick
    return options


def made_with(options, cells):
    names = ("seed", "quick", "delay", "loss", "patience", "settle", "hold", "supernodes")
    asked = {"reps": options.reps, "cells": [":".join(cell) for cell in cells]}
    return manifest(options.argv, asked, {n: getattr(options, n) for n in names}, options.build, [options.kinds, options.wanted])


def run(options, stop):
    kinds = read_kinds(options.kinds)
    if options.list:
        for i, (name, words) in enumerate(kinds.items(), 1):
            print(f"{i:>2} {name:<18} {words['about']}")
        return 0
    wanted = read_wanted(options.wanted, kinds)
    cells = read_cells(QUICK if options.quick else options.cells or "all", kinds)
    if os.geteuid() != 0:
        raise Refused("network namespaces need root", 3)
    lines = Lines(options.output, made_with(options, cells), options.resume)
    with tempfile.TemporaryDirectory(prefix="natlab.") as directory:
        world = World(make_sites(kinds, cells), options, directory)
        try:
            if not options.quiet:
                print(f"{len(cells)} cells; making {len(world.sites)} places ...", file=sys.stderr, flush=True)
            world.open()
            wrong = [] if options.no_probe else probe_all(world)
            if wrong:
                raise Refused("not what they are called:\n  " + "\n  ".join(sorted(wrong)), 3)
            with lines as output:
                results = run_trials(world, cells, wanted, output, stop)
        finally:
            world.close()
    print_table(results, kinds, sys.stdout)
    print_summary(results, sys.stdout)
    return 1 if stop.is_set() or not results or not all(r["good"] for r in results) or seldom_direct(results) else 0


def main(argv):
    return run_program("natlab", run, arguments(argv), threading.Event())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
