"""Gaps of calls by fault, round trip and host: percentiles, and what a quick run holds."""
from statistics_of import percentile

HOSTS = ("virtual", "quiet", "loaded")

# ms of gap that a quick run allows, at a round trip of 40 ms. A path that dies is noticed by the data itself: what is wanted of that
# (a round trip and 100 ms), twice, for a host that has other work. Who waits for a timer instead takes a second. A jump of the delay
# is no death: the 380 ms themselves, and as much room. A change of the network is noticed as soon, and takes four round trips more:
# twice what that comes to.
WANTED = {
    "direct path dropped": 280, "dropped one way": 280, "larger than 1000 lost": 280, "20 to 400 ms": 520,
    "bindings moved": 600, "public address": 600, "host address": 600, "device down 3 s": 5000,
}


def cell_names(fault, steps):
    return [f"{fault}, {n + 1}" if steps > 1 else fault for n in range(steps)]


def cells_of(results):
    """By (name, rtt, host): sorted gaps in ms, of lines of gaps.py and of sim_gap --json."""
    cells = {}
    for r in results:
        if "gaps_ms" in r:
            cells.setdefault((r["fault"], r["rtt_ms"], r["host"]), []).extend(r["gaps_ms"])
            continue
        rows = 3 if r["fault"].startswith("three") else 1
        for name, step in zip(cell_names(r["fault"], rows), r["steps"]):
            cells.setdefault((name, r["rtt_ms"], r["host"]), []).extend(
                end["gap_ms"] for end in step["ends"].values() if not end["spared"])
    return {key: sorted(values) for key, values in cells.items()}


def frames_of(results):
    """By the same key: heard, late, lost frames, and the longest pause of a speaker."""
    frames = {}
    for r in results:
        rows = 3 if r["fault"].startswith("three") else 1
        for name, step in zip(cell_names(r["fault"], rows), r.get("steps", [])):
            sums = frames.setdefault((name, r["rtt_ms"], r["host"]), {"heard": 0, "late": 0, "lost": 0, "pause_ms": 0, "ends": 0})
            for end in step["ends"].values():
                if not end["spared"]:
                    for key in ("heard", "late", "lost"):
                        sums[key] += end[key]
                    sums["ends"] += 1
                sums["pause_ms"] = max(sums["pause_ms"], end["pause_ms"])
    return frames


def in_order(cells, names):
    """Keys as the faults stand in the list, then by round trip and host."""
    def rank(key):
        name, rtt, host = key
        fault = name.rsplit(", ", 1)[0] if name.rsplit(", ", 1)[-1] in "123" else name
        return (names.index(fault) if fault in names else len(names), name, rtt, HOSTS.index(host))

    return sorted(cells, key=rank)


def print_table(results, names, out):
    cells, frames = cells_of(results), frames_of(results)
    print(f"{'fault':<24} {'rtt':>4} {'host':<8} {'p50':>6} {'p90':>6} {'p99':>6} {'max':>6} {'n':>5}  late, lost a call   pause", file=out)
    for key in in_order(cells, names):
        name, rtt, host = key
        gaps, f = cells[key], frames.get(key)
        text = "" if f is None else f"{f['late'] / f['ends']:>6.1f} {f['lost'] / f['ends']:>6.1f}  {f['pause_ms']:>8.0f}"
        print(f"{name:<24} {rtt:>4} {host:<8} " + " ".join(f"{percentile(gaps, p):>6.0f}" for p in (50, 90, 99, 100))
              + f" {len(gaps):>5}  {text}", file=out)
    print("ms; late, lost: frames of an end in its window, on average; pause: the longest time in which a speaker itself sent nothing", file=out)


def markdown(results, names):
    """A row for each fault and round trip, hosts side by side: p50 / p90 / p99 / most (n)."""
    cells = cells_of(results)
    hosts = [host for host in HOSTS if any(key[2] == host for key in cells)]
    lines = ["| fault | round trip | " + " | ".join(hosts) + " |", "| --- | --- |" + " --- |" * len(hosts)]
    for name, rtt in dict.fromkeys(key[:2] for key in in_order(cells, names)):
        texts = []
        for host in hosts:
            gaps = cells.get((name, rtt, host))
            texts.append(" / ".join(f"{percentile(gaps, p):.0f}" for p in (50, 90, 99, 100)) + f" ({len(gaps)})" if gaps else "")
        lines.append(f"| {name} | {rtt} | " + " | ".join(texts) + " |")
    return "\n".join(lines) + "\n"


def judged(results):
    """What is longer than a quick run wants, or was not measured, as text."""
    cells = cells_of(results)
    wrong = [f"NOT MEASURED {name}" for name in WANTED if name not in {key[0] for key in cells}]
    return wrong + [f"{name}, {rtt} ms: {gaps[-1]:.0f} ms, wanted: {WANTED[name]}" for (name, rtt, _), gaps in cells.items()
                    if name in WANTED and gaps[-1] > WANTED[name]]
