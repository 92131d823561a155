#!/usr/bin/env python3
"""kith-natlab gaps: what failures cost a call. Needs root.

Two nodes behind NATs talk, 50 frames a second each way. Something fails, and the gap is the longest time in which an end hears no
frame, from the failure on. Each fault of --list at each round trip, on a quiet host and on a loaded one (a busy loop for each
processor, started and ended here), --reps times; one JSON line a trial goes to --output, a table to standard output, progress to
standard error. natlab report makes tables and pictures of the lines. Exit status: 0 all calls went on, and what --quick holds is
held; 1 not so; 2 wrong options; 3 the world could not be made.
"""
import argparse
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from faults import FAULTS, FRAME_BYTES, FRAME_MS, Broken, Call, Leaf  # noqa: E402
from gaptable import judged, print_table  # noqa: E402
from peers import Peer  # noqa: E402
from runs import Lines, Progress, Refused, manifest, number, run_program  # noqa: E402
from world import World  # noqa: E402

RTTS = (40, 150)
HOSTS = ("quiet", "loaded")
SUPERNODES = [(f"s{i}", f"{10 + i}.1.0.{i}", "") for i in range(1, 13)]  # as many as sim_gap has
QUICK_SUPERNODES = 4  # three homes each, and one that may die
QUICK = ("direct path dropped", "dropped one way", "20 to 400 ms", "larger than 1000 lost", "bindings moved", "public address", "host address",
         "device down 3 s")
JOIN_S, READY_S = 20, 20
TALK_S = 10  # of every call before something fails: all paths were found, and are measured
RELAYS = 3  # that a call which talks keeps
APART_S = (1, 3)  # of the strikes of a row


# ---- a trial ----


def steady(peer):
    paths = [p for p in peer.paths() if p["alive"]]
    return any(p["kind"] == "direct" and p["sending"] for p in paths) and sum(p["kind"] == "relay" for p in paths) >= RELAYS


def how(end):
    """Over what it sends."""
    return next((f"{p['kind']} {p['carrier']}" for p in end.paths() if p["sending"]), "none")


def begin(call, fault, relays_wait_s):
    """They talk, directly, with all standbys. Raises Broken if it does not come to that."""
    for end in call.ends:
        if end.wait(lambda e: e["event"] == "attached" and e["homes"] >= 3, JOIN_S) is None or \
                end.wait(lambda e: e["event"] == "published", JOIN_S) is None:
            raise Broken(f"{end.site.name} did not join")
    call.caller.say(f"call {call.callee.site.name}")
    done = call.caller.wait(lambda e: e["event"] in ("connected", "call-failed"), JOIN_S)
    if done is None or done["event"] != "connected":
        raise Broken("the call was not taken" if done is None else f"the call failed: {done['error']}")
    for end in call.ends:
        end.say(f"voice {FRAME_MS} {fault.frame_bytes}")
    time.sleep(relays_wait_s)
    limit = time.monotonic() + READY_S
    while not all(steady(end) for end in call.ends):
        if time.monotonic() > limit:
            paths = [[(p["kind"], p["alive"], p["sending"]) for p in end.paths()] for end in call.ends]
            raise Broken(f"no direct path with {RELAYS} relays beside it: {paths}")
        time.sleep(0.2)


def step(call, fault):
    """One strike: what each end heard of it."""
    began = time.monotonic()
    for end in call.ends:
        end.ask("listen")
    call.done.clear()
    fault.strike(call)
    took = time.monotonic() - began
    if fault.heal:
        time.sleep(max(0, fault.lasts_s - took))
        fault.heal(call)
    time.sleep(max(0, began + min(fault.watch_s, call.watch_max_s) - time.monotonic()))
    ends = {}
    for name, end in zip(("caller", "callee"), call.ends):
        if any(e["event"] == "closed" for e in end.events):
            raise Broken(f"the call ended: {[e for e in end.events if e['event'] == 'closed'][0]['reason']}")
        ends[name] = {k: v for k, v in end.ask("heard").items() if k not in ("event", "at")}
        ends[name]["spared"] = end in call.spared
        ends[name]["how"] = how(end)
    return {"did": list(call.done), "struck_ms": round(took * 1000, 1), "ends": ends}


def trial(world, pair, fault, host, rep, options):
    """One call, as a dictionary. kept: it went on until the end."""
    rtt = world.rtt_ms
    draw = random.Random(f"{options.seed} {fault.name} {rtt} {host} {rep}")
    result = {"fault": fault.name, "rtt_ms": rtt, "host": host, "rep": rep, "seed": options.seed, "stack": "kith", "kept": False,
              "load": os.getloadavg()[0], "steps": []}
    for site in pair:
        world.forget(site)
    call = Call(world, *(Peer(world, site) for site in pair), draw)
    call.watch_max_s = options.watch_max
    began = False
    try:
        begin(call, fault, options.talk)
        began = True
        result["paths"] = {name: [f"{p['kind']} {p['carrier']} {p['rtt_ms']:.0f}" for p in end.paths() if p["alive"]]
                           for name, end in zip(("caller", "callee"), call.ends)}
        for n in range(fault.rows):
            time.sleep(draw.uniform(*APART_S) if n > 0 else draw.random())
            result["steps"].append(step(call, fault))
        result["kept"] = True
    except (Broken, RuntimeError, OSError, subprocess.SubprocessError) as e:
        result["why"] = str(e)
    finally:
        for end in call.ends:
            end.stop()
        call.heal_all()
    result["began"] = began
    return result


# ---- all of them ----


class Load:
    """A busy loop for each processor. Each ends with this process, too, whatever ends that."""

    def __init__(self, on):
        self.on, self.loops = on, []

    def __enter__(self):
        code = f"import os\nwhile os.getppid() == {os.getpid()}: pass"
        self.loops = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(os.cpu_count() if self.on else 0)]

    def __exit__(self, *error):
        for loop in self.loops:
            loop.kill()
            loop.wait()


class Runner:
    def __init__(self, worlds, pairs, lines, todo, options, stop):
        self.worlds, self.pairs, self.lines, self.options, self.stop = worlds, pairs, lines, options, stop
        self.todo, self.results, self.lock = todo, [], threading.Lock()
        self.progress = Progress(len(todo), options.quiet)

    def take(self, host, rtt, alone):
        with self.lock:
            for i, (fault, its_rtt, its_host, _) in enumerate(self.todo):
                if (its_host, its_rtt, fault.alone) == (host, rtt, alone) and not self.stop.is_set():
                    return self.todo.pop(i)
        return None

    def work(self, world, pair, host, alone):
        while (one := self.take(host, world.rtt_ms, alone)) is not None:
            fault, _, _, rep = one
            try:
                result = trial(world, pair, fault, host, rep, self.options)
            except Exception as e:  # a trial that breaks is a result, and the run goes on
                result = {"fault": fault.name, "rtt_ms": world.rtt_ms, "host": host, "rep": rep, "kept": False, "began": False, "steps": [],
                          "why": f"the laboratory failed: {e!r}"}
            with self.lock:
                if not self.stop.is_set():
                    self.results.append(result)
                    self.lines.write(result)
                    self.progress.step(f"{host}, {world.rtt_ms} ms, {fault.name}: {text_of(result)}")

    def phase(self, host, alone):
        """All worlds at once; in each as many calls as there are pairs, or one."""
        threads = [threading.Thread(target=self.work, args=(world, pair, host, alone))
                   for world in self.worlds for pair in (self.pairs[world][:1] if alone else self.pairs[world])]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.2)

    def run(self):
        for host in self.options.hosts:
            with Load(host == "loaded"):
                for alone in (False, True):
                    self.phase(host, alone)
        return self.lines.before + self.results


def text_of(result):
    if not result["kept"]:
        return result["why"]
    return " ".join(str(round(end["gap_ms"])) for s in result["steps"] for end in s["ends"].values() if not end["spared"]) + " ms"


# ---- the program ----


def choice(words, kind=str):
    def convert(text):
        found = [kind(w) if kind is str or w.isdigit() else w for w in text.split(",")]
        for word in found:
            if word not in words:
                raise argparse.ArgumentTypeError(f'found "{word}"; expected of {", ".join(map(str, words))}, commas between')
        return found

    return convert


def arguments(argv):
    parser = argparse.ArgumentParser(prog="natlab gaps", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [f.name for f in FAULTS]
    parser.add_argument("--faults", type=choice(names), help="which of --list, commas between (default: all)")
    parser.add_argument("--rtts", type=choice(RTTS, int), default=list(RTTS), help="ms: 40, 150 (default: both)")
    parser.add_argument("--hosts", type=choice(HOSTS), default=list(HOSTS), help="quiet, loaded (default: both)")
    parser.add_argument("--reps", type=number(1, 1000, int), default=20, help="calls of each kind; each has two ends (default: 20)")
    parser.add_argument("--jobs", type=number(1, 32, int), default=4, help="calls at once at each round trip (default: 4)")
    parser.add_argument("--seed", type=number(0, 2**31 - 1, int), default=1, help="of what is drawn (default: 1)")
    parser.add_argument("--talk", type=number(0, 600), default=TALK_S, help=f"seconds of each call before something fails (default: {TALK_S})")
    parser.add_argument("--quick", action="store_true", help="a few faults once at 40 ms, in half a minute, and whether the bounds of gaptable.py hold")
    parser.add_argument("--output", default="gaps.jsonl", help="file for the JSON lines (default: gaps.jsonl)")
    parser.add_argument("--resume", action="store_true", help="go on with a file of lines that was not finished")
    parser.add_argument("--build", type=Path, default=os.environ.get("KITH_BUILD_DIR", HERE.parent.parent / "build/release"))
    parser.add_argument("--list", action="store_true", help="the faults")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    options = parser.parse_args(argv)
    if options.quick and options.faults:
        parser.error("--quick has faults of its own; expected one of --quick and --faults")
    if options.quick and options.resume:
        parser.error("--quick is not resumed; expected one of --quick and --resume")
    options.watch_max = float("inf")
    if options.quick:
        options.faults, options.rtts, options.hosts, options.reps, options.jobs = list(QUICK), [40], ["quiet"], 1, len(QUICK)
        options.talk, options.watch_max = 3, 6
    options.faults = options.faults or names
    options.build, options.argv = Path(options.build), argv
    options.supernodes, options.loss = "4", 0  # of world.py
    return options


def make_world(rtt, options, directory):
    """With its pairs of places."""
    directory.mkdir()
    sites = [Leaf(f"{side}{i + 1}", 2 * i + k) for i in range(options.jobs) for k, side in enumerate(("caller", "callee"))]
    world_options = argparse.Namespace(**vars(options), delay=rtt / 2)
    supernodes = SUPERNODES[:QUICK_SUPERNODES] if options.quick else SUPERNODES
    # All delay is in the leaves' links, as in sim_gap: a call through a supernode takes no longer than a direct one.
    world = World({site.name: site for site in sites}, world_options, directory, supernodes, supernode_delay=0)
    world.rtt_ms = rtt
    return world, list(zip(sites[::2], sites[1::2]))


def trials(options, before):
    done = {(r["fault"], r["rtt_ms"], r["host"], r["rep"]) for r in before}
    found = [(fault, rtt, host, rep) for rep in range(options.reps) for fault in FAULTS if fault.name in options.faults
             for rtt in options.rtts for host in options.hosts if (fault.name, rtt, host, rep) not in done]
    random.Random(options.seed).shuffle(found)
    return sorted(found, key=lambda t: t[3])  # whole repetitions, should it end early


def run(options, stop):
    if options.list:
        for fault in FAULTS:
            print(fault.name)
        return 0
    if os.geteuid() != 0:
        raise Refused("network namespaces need root", 3)
    asked = {name: getattr(options, name) for name in ("faults", "rtts", "hosts", "reps")}
    made_with = manifest(options.argv, asked, {name: getattr(options, name) for name in ("seed", "talk", "jobs", "quick")}, options.build)
    lines = Lines(options.output, made_with, options.resume)
    todo = trials(options, lines.before)
    pairs = {}
    with tempfile.TemporaryDirectory(prefix="natlab.") as directory:
        try:
            for rtt in options.rtts:
                world, its_pairs = make_world(rtt, options, Path(directory) / str(rtt))
                pairs[world] = its_pairs
                world.open()
            with lines:
                results = Runner(list(pairs), pairs, lines, todo, options, stop).run()
        finally:
            for world in pairs:
                world.close()
    print_table(results, [f.name for f in FAULTS], sys.stdout)
    wrong = [f"NOT KEPT {r['fault']}, {r['rtt_ms']} ms, {r['host']}, {r['rep']}: {r['why']}" for r in results if not r["kept"]]
    wrong += [f"TOO LONG {text}" for text in (judged(results) if options.quick else [])]
    for text in wrong:
        print(text)
    return 1 if wrong or stop.is_set() or not results else 0


if __name__ == "__main__":
    sys.exit(run_program("natlab gaps", run, arguments(sys.argv[1:]), threading.Event()))
