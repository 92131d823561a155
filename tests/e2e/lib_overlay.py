#!/usr/bin/env python3
"""Watches a network whose supernodes elect themselves, and shows what was seen.

    lib_overlay.py watch DIR NAME...    asks each node four times a second (DIR/NAME.sock), says what changes, and writes what it
                                        saw to DIR/seen, a JSON line a change; until it is told to stop (SIGTERM)
    lib_overlay.py mark DIR TEXT        what the script did just now, into DIR/marks
    lib_overlay.py table DIR            of the candidates: what was measured, whether and how long they served, why not
    lib_overlay.py plot DIR FILE.svg    the picture; needs matplotlib
"""
import json
import os
import re
import signal
import socket
import sys
import time

KINDS = {
    "open": "on a public address",
    "nat": "behind a NAT",
    "liar": "says ten times its bandwidth",
    "small": "memory for few leaves",
}
CHANGES = {"idle": "it was not needed any more", "help": "a supernode asked it for help"}
HELP_AT = 70  # per cent of load above which help is asked for


def now():
    return time.clock_gettime(time.CLOCK_MONOTONIC)


def begun(directory):
    """When it all began: the first mark."""
    with open(os.path.join(directory, "marks")) as file:
        return json.loads(file.readline())["at"]


def ask(path):
    """The status of a node; None while it cannot be asked."""
    try:
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(2)
            s.connect(path)
            s.sendall(b'{"command": "status"}\n')
            answer = b""
            while not answer.endswith(b"\n"):
                more = s.recv(65536)
                if not more:
                    return None
                answer += more
        return json.loads(answer)["result"]
    except (OSError, ValueError, KeyError):
        return None


def seen_of(status):
    serving, attested = status["serving"], status["serving"]["attested"] or {}
    return {
        "serves": serving["serves"],
        "why": serving["why"],
        "reason": serving["reason"],
        "changed": CHANGES.get(serving["last_change"], ""),
        "load": round(100 * serving["load"]),
        "leaves": status["tables"]["leaves"],
        "attestations": attested.get("attestations", 0),
        "up": attested.get("up", 0),
        "down": attested.get("down", 0),
    }


def rate(n):
    return f"{n / 1e6:.1f} MB/s" if n >= 1e6 else f"{n / 1e3:.0f} kB/s"


class Watch:
    def __init__(self, directory, names):
        self.directory, self.names, self.last, self.logs = directory, names, {}, {}
        self.t0 = begun(directory)
        self.told_leaves, self.told_asks, self.said_at = {}, {}, now()
        self.out = open(os.path.join(directory, "seen"), "w")

    def say(self, text):
        self.said_at = now()
        print(f"  {now() - self.t0:6.1f} s  {text}", flush=True)

    def changed(self, name, old, new):
        if new["attestations"] >= 3 > old.get("attestations", 0):
            self.say(f"{name}: three witnesses have signed: up {rate(new['up'])}, down {rate(new['down'])}")
        if new["serves"] and not old.get("serves", new["serves"]):
            self.say(f"{name} is a supernode: {new['changed'] or new['reason']}")
        if old.get("serves") and not new["serves"]:
            self.say(f"{name} is a leaf again: {new['changed'] or new['reason']}")
        if not is_candidate(name) or not new["serves"]:
            return
        at, leaves = self.told_leaves.get(name, (0, 0))
        if new["leaves"] != leaves and (leaves == 0 or now() - at > 3):
            self.told_leaves[name] = (now(), new["leaves"])
            self.say(f"{name} has {new['leaves']} leaves")

    def read_log(self, name):
        """Lines of the log since the last time: a supernode asks for help."""
        path = os.path.join(self.directory, name + ".out")
        try:
            with open(path, errors="replace") as file:
                file.seek(self.logs.get(name, 0))
                text = file.read()
        except OSError:
            return
        whole = text.rfind("\n") + 1
        self.logs[name] = self.logs.get(name, 0) + len(text[:whole].encode(errors="replace"))
        for found in re.finditer(r'"event": "help_wanted".*leaves=(\d+) candidates=(\d+)', text[:whole]):
            if now() - self.told_asks.get(name, -60) > 15:
                self.told_asks[name] = now()
                self.say(f"{name} asks for help: it has {found[1]} leaves, of which {found[2]} qualify")
            self.write({"node": name, "asks": int(found[2])})

    def write(self, what):
        self.out.write(json.dumps({"at": now() - self.t0, **what}) + "\n")
        self.out.flush()

    def look(self):
        for name in self.names:
            status = ask(os.path.join(self.directory, name + ".sock"))
            if status is None:
                continue
            new, old = seen_of(status), self.last.get(name, {})
            if new == old:
                continue
            self.changed(name, old, new)
            self.write({"node": name, **new})
            self.last[name] = new
        for name in self.names:
            if not is_candidate(name):
                self.read_log(name)

    def heartbeat(self):
        """Nothing has changed for a while: what is."""
        serve = [name for name in self.last if is_candidate(name) and self.last[name]["serves"]]
        load = max((self.last[name]["load"] for name in self.last if not is_candidate(name)), default=0)
        self.say(f"... {', '.join(serve) or 'no candidate'} {'serve' if len(serve) > 1 else 'serves'}; the busiest certified one has {load} % to do")

    def run(self):
        while True:
            self.look()
            if now() - self.said_at > 10:
                self.heartbeat()
            time.sleep(0.25)


def why(last):
    """In the end: of one that served, why it stopped."""
    return last["changed"] or last["reason"]


def is_candidate(name):
    return re.sub(r"\d+$", "", name) in KINDS


def lines_of(directory, name):
    with open(os.path.join(directory, name)) as file:
        return [json.loads(line) for line in file]


def by_node(directory):
    rows = {}
    for e in lines_of(directory, "seen"):
        if "asks" not in e:
            rows.setdefault(e["node"], []).append(e)
    return rows


def spans(rows, holds, end):
    """From when until when it held."""
    out, since = [], None
    for e in rows:
        if holds(e) and since is None:
            since = e["at"]
        if not holds(e) and since is not None:
            out.append((since, e["at"]))
            since = None
    return out + ([(since, end)] if since is not None else [])


def table(directory):
    marks = lines_of(directory, "marks")
    end = marks[-1]["at"] - marks[0]["at"]
    print(f"  {'candidate':<10}{'what it is':<30}{'witnesses':<11}{'up':<11}{'down':<11}{'served, s':<15}{'leaves':<8}why it is what it is")
    for name, rows in by_node(directory).items():
        if not is_candidate(name):
            continue
        served = spans(rows, lambda e: e["serves"], end)
        most = max((e["leaves"] for e in rows if e["serves"]), default=0)
        last, best = rows[-1], max(rows, key=lambda e: e["attestations"])
        when = ", ".join(f"{a:.0f}-{b:.0f}" for a, b in served) or "never"
        up, down = (rate(best["up"]), rate(best["down"])) if best["up"] else ("-", "-")
        kind = KINDS[re.sub(r"\d+$", "", name)]
        print(f"  {name:<10}{kind:<30}{best['attestations']:<11}{up:<11}{down:<11}{when:<15}{most if served else '-':<8}{why(last)}")


def plot(directory, path):
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "kith"
    from matplotlib import pyplot

    marks, rows = lines_of(directory, "marks"), by_node(directory)
    t0 = marks[0]["at"]
    end = max([marks[-1]["at"] - t0] + [e["at"] for node in rows.values() for e in node])
    candidates = [name for name in rows if is_candidate(name)]
    fig, (load, leaves, who) = pyplot.subplots(
        3, 1, sharex=True, figsize=(11, 9), gridspec_kw={"height_ratios": [3, 3, 0.32 * len(candidates) + 0.6]}, layout="constrained"
    )

    def steps(axes, name, key, **how):
        at = [e["at"] for e in rows[name]] + [end]
        values = [e[key] for e in rows[name]]
        axes.plot(at, values + values[-1:], drawstyle="steps-post", **how)

    for name in rows:
        if not is_candidate(name):
            steps(load, name, "load", label=name, linewidth=1)
    asks = [(e["at"], e["node"]) for e in lines_of(directory, "seen") if "asks" in e]
    load.axhline(HELP_AT, color="tab:red", linestyle=":", linewidth=1)
    load.plot([at for at, _ in asks], [HELP_AT] * len(asks), "v", color="tab:red", label="asks for help")
    load.set_ylabel("load of the certified, %")
    load.set_ylim(0, 105)
    load.legend(fontsize=7, ncols=4, loc="upper left")
    for name in candidates:
        if any(e["serves"] for e in rows[name]):
            steps(leaves, name, "leaves", label=name)
    leaves.set_ylabel("leaves of the elected")
    if leaves.lines:
        leaves.legend(fontsize=7, ncols=4, loc="upper left")
    for y, name in enumerate(candidates):
        last = rows[name][-1]
        who.barh(y, end, color="0.93", height=0.7)
        for holds, colour in ((lambda e: e["attestations"] >= 3, "#a6cee3"), (lambda e: e["serves"], "#33a02c")):
            for a, b in spans(rows[name], holds, end):
                who.barh(y, b - a, left=a, color=colour, height=0.7)
        who.text(end * 0.99, y, why(last), va="center", ha="right", fontsize=7)
    names = [f"{name}, {KINDS[re.sub(r'[0-9]+$', '', name)]}" for name in candidates]
    who.set_yticks(range(len(candidates)), names, fontsize=7)
    who.invert_yaxis()
    who.set_xlabel("seconds; grey: a leaf, blue: attested by three witnesses, green: a supernode; on the right: why, at the end")
    for axes in (load, leaves, who):
        for mark in marks[1:-1]:
            axes.axvline(mark["at"] - t0, color="0.6", linewidth=0.8, linestyle="--")
    for mark in marks[1:-1]:
        load.annotate(mark["text"], (mark["at"] - t0, 1.01), xycoords=("data", "axes fraction"), fontsize=7, rotation=20)
    fig.savefig(path, metadata={"Date": None})


def main():
    what, directory = sys.argv[1], sys.argv[2]
    if what == "watch":
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        Watch(directory, sys.argv[3:]).run()
    elif what == "mark":
        with open(os.path.join(directory, "marks"), "a") as file:
            file.write(json.dumps({"at": now(), "text": sys.argv[3]}) + "\n")
    elif what == "table":
        table(directory)
    else:
        plot(directory, sys.argv[3])
    return 0


if __name__ == "__main__":
    sys.exit(main())
