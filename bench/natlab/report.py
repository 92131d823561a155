#!/usr/bin/env python3
"""kith-natlab report: what lines of natlab, of natlab gaps and of sim_gap --json say. Needs no root.

    natlab report FILE... --output DIR

Into DIR: index.html, with all that follows; CSV files, and gaps.md; pictures (SVG); manifest.json, which has those of the lines. Lines of several
runs of one kind are taken together. Of a matrix: shares with 95 % intervals (Wilson), heat maps, distributions, and the rate in the
wild by a file of weights. Of gaps: percentiles by fault, round trip and host, and their distributions. Exit status: 0, 2 wrong
options or lines.
"""
import argparse
import csv
import html
import json
import math
import sys
import threading
import time
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import gaptable  # noqa: E402
from faults import FAULTS  # noqa: E402
from runs import Refused, manifest_of, output_of, run_program  # noqa: E402
from statistics_of import Wild, cells_of, percentile, wilson  # noqa: E402

STYLE = "body{font:15px sans-serif;max-width:75em;margin:2em auto;padding:0 1em}table{border-collapse:collapse;font-size:13px}"\
    "td,th{border:1px solid #ccc;padding:2px 6px;text-align:right}td:first-child,th:first-child{text-align:left}"\
    "pre{background:#f4f4f4;padding:1em;overflow-x:auto}svg{max-width:100%;height:auto}.scroll{overflow-x:auto}"


def read_lines(paths):
    """Trials of a matrix, trials of gaps (and cells of the simulator), manifests by file."""
    matrix, gaps, manifests = [], [], {}
    for path in paths:
        for n, line in enumerate(Path(path).read_text().splitlines(), 1):
            try:
                one = json.loads(line)
                (gaps if "fault" in one else matrix).append(one)
                if not ("fault" in one or {"caller", "callee", "connected", "how"} <= one.keys()):
                    raise ValueError
            except (ValueError, AttributeError, TypeError):
                raise Refused(f"{path}:{n}: expected a line of natlab, natlab gaps or sim_gap --json") from None
        beside = manifest_of(path)
        manifests[str(path)] = json.loads(beside.read_text()) if beside.exists() else None
    return matrix, gaps, manifests


def read_weights(path):
    with open(path, "rb") as file:
        try:
            weights = tomllib.load(file)
        except tomllib.TOMLDecodeError as e:
            raise Refused(f"{path}: {e}") from None
    for kind, w in weights.items():
        if not isinstance(w, dict) or set(w) != {"share", "low", "high", "source"} or \
                not 0 <= w["low"] <= w["share"] <= w["high"] <= 1 or not w["source"]:
            raise Refused(f"{path}: [{kind}]: expected share, low, high with 0 <= low <= share <= high <= 1, and a source")
    return weights


# ---- a page, as it is written ----


class Page:
    def __init__(self, directory, draw):
        self.directory, self.draw, self.parts = directory, draw, []

    def heading(self, text, level=2):
        self.parts.append(f"<h{level}>{html.escape(text)}</h{level}>")

    def text(self, text):
        self.parts.append(f"<p>{html.escape(text)}</p>")

    def table(self, name, head, rows):
        """Here, and as a CSV file of that name."""
        with open(self.directory / f"{name}.csv", "w", newline="") as file:
            csv.writer(file).writerows([head, *rows])
        cells = "".join("<tr>" + "".join(f"<td>{html.escape(str(c))}</td>" for c in row) + "</tr>" for row in rows)
        head = "".join(f"<th>{html.escape(h)}</th>" for h in head)
        self.parts.append(f'<div class="scroll"><table><tr>{head}</tr>{cells}</table></div><p><a href="{name}.csv">{name}.csv</a></p>')

    def picture(self, name, function, *arguments):
        """pictures.FUNCTION(..., path), unless there is no matplotlib."""
        if self.draw is None:
            return
        path = self.directory / f"{name}.svg"
        getattr(self.draw, function)(*arguments, path)
        text = path.read_text()
        # Names inside one picture must not meet those of another on the same page.
        text = text[text.index("<svg"):].replace('id="', f'id="{name}-').replace('"#', f'"#{name}-').replace("url(#", f"url(#{name}-")
        self.parts.append(text)

    def write(self, title):
        text = f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{STYLE}</style><h1>{title}</h1>"
        (self.directory / "index.html").write_text(text + "\n".join(self.parts) + "</html>\n")


def share(hits, trials):
    low, high = wilson(hits, trials)
    return [f"{hits / trials:.4f}", f"{low:.4f}", f"{high:.4f}"]


def times(values):
    return [f"{percentile(values, p):.0f}" for p in (50, 90, 99, 100)] if values else [""] * 4


# ---- a matrix ----


def report_matrix(page, results, weights, seed):
    cells = cells_of(results)
    kinds = list(dict.fromkeys(k for r in results for k in (r["caller"], r["callee"])))
    order = list(tomllib.loads((HERE / "kinds.toml").read_text()))
    kinds.sort(key=lambda k: order.index(k) if k in order else len(order))
    total, connected, direct = len(results), sum(r["connected"] for r in results), sum(r["how"] == "direct" for r in results)
    page.heading("Who connects to whom")
    page.text(f"{total} trials of {len(cells)} cells: {connected} connected, {direct} direct.")
    report_wild(page, cells, weights, seed)
    page.picture("direct", "heat_map", kinds, lambda a, b: cells[a, b].direct / cells[a, b].trials if (a, b) in cells else None,
                 lambda a, b: f"{cells[a, b].direct}/{cells[a, b].trials}" if (a, b) in cells else "", 1, "direct, of trials")
    page.picture("direct-ms", "heat_map", kinds,
                 lambda a, b: percentile(cells[a, b].direct_ms, 50) if (a, b) in cells and cells[a, b].direct_ms else None,
                 lambda a, b: f"{percentile(cells[a, b].direct_ms, 50):.0f}" if (a, b) in cells and cells[a, b].direct_ms else "",
                 None, "ms from the call to a direct path (median)")
    named = {label: [r[key] for r in results if key in r] for label, key in
             (("three homes (caller)", "caller_join_ms"), ("connected", "connected_ms"), ("first byte at the callee", "first_byte_ms"),
              ("direct path", "direct_ms"))}
    page.picture("times", "cdfs", named, "how long it takes; joining from the start, the others from the call")
    page.picture("direct-by-caller", "boxes", {k: [r["direct_ms"] for r in results if r["caller"] == k and "direct_ms" in r] for k in kinds},
                 "ms to a direct path by the caller's kind: quartiles, 5 and 95 %")
    rows = [[a, b, c.trials, c.connected, *share(c.connected, c.trials), c.direct, *share(c.direct, c.trials), *times(c.first_byte_ms),
             *times(c.direct_ms)] for (a, b), c in sorted(cells.items(), key=lambda kv: (kinds.index(kv[0][0]), kinds.index(kv[0][1])))]
    page.table("cells", ["caller", "callee", "trials", "connected", "share", "low", "high", "direct", "share", "low", "high",
                         *(f"{what}_p{p}_ms" for what in ("first_byte", "direct") for p in (50, 90, 99, 100))], rows)


def report_wild(page, cells, weights, seed):
    """Printed as well: it is what a run of all cells is for."""
    wild, online = Wild(cells, weights), Wild(cells, weights, lambda cell: cell.connected)
    if not wild.pairs or math.isnan(wild.rate()):
        page.text("No pair of kinds that has a weight was run: no rate in the wild.")
        return
    by_trials, by_weights = wild.by_trials(), wild.by_weights(seed)
    text = f"in the wild, by the weights: {wild.rate():.1%} direct ({by_trials[0]:.1%} to {by_trials[1]:.1%} by the number of trials; " \
        f"{by_weights[0]:.1%} to {by_weights[1]:.1%} if weights are drawn from their ranges), {online.rate():.1%} connected; " \
        f"pairs that were run are {wild.covered:.1%} of the weight"
    print(text)
    page.heading("In the wild", 3)
    page.text(text[0].upper() + text[1:] + ".")
    rows = [[kind, weights[kind]["share"], weights[kind]["low"], weights[kind]["high"], f"{low:.4f}", f"{high:.4f}", weights[kind]["source"]]
            for kind, low, high in wild.sensitivity()]
    page.table("weights", ["kind", "share", "low", "high", "direct, share at low", "direct, share at high", "source"], rows)
    print("what one share changes, the others scaled:")
    for kind, low, high in wild.sensitivity():
        print(f"  {kind:<20} {weights[kind]['low']:.2f} to {weights[kind]['high']:.2f}: {low:.1%} to {high:.1%}")


# ---- gaps ----


def report_gaps(page, results):
    names = [f.name for f in FAULTS]
    cells, frames = gaptable.cells_of(results), gaptable.frames_of(results)
    keys = gaptable.in_order(cells, names)
    calls = [r for r in results if "steps" in r]
    page.heading("What failures cost a call")
    page.text(f"{len(calls)} calls between real nodes, {sum(r['kept'] for r in calls)} went on until the end. Frames leave every 20 ms "
              "each way; a gap is the longest time in which an end hears none, from the failure on; each end is a sample.")
    shown = list(dict.fromkeys(key[0] for key in keys))
    for rtt in sorted({key[1] for key in keys}):
        page.picture(f"gaps-{rtt}", "gap_boxes", shown, cells, rtt)
        page.picture(f"gap-cdfs-{rtt}", "gap_cdfs", shown, cells, rtt)
    rows = []
    for key in keys:
        f = frames.get(key)
        more = [f"{f['late'] / f['ends']:.2f}", f"{f['lost'] / f['ends']:.2f}", f"{f['pause_ms']:.0f}"] if f else [""] * 3
        rows.append([*key, len(cells[key]), *times(cells[key]), *more])
    page.table("gaps", ["fault", "rtt_ms", "host", "n", "p50_ms", "p90_ms", "p99_ms", "max_ms", "late_frames", "lost_frames",
                        "speaker_pause_max_ms"], rows)
    (page.directory / "gaps.md").write_text(gaptable.markdown(results, names))
    lost = [[r["fault"], r["rtt_ms"], r["host"], r["rep"], r.get("why", "")] for r in calls if not r["kept"]]
    if lost:
        page.heading("Calls that did not go on, or did not come to their fault", 3)
        page.table("not-kept", ["fault", "rtt_ms", "host", "rep", "why"], lost)
    gaptable.print_table(results, names, sys.stdout)


# ---- the program ----


def pictures():
    try:
        import pictures as found
    except ImportError:
        print("natlab report: no pictures: they need matplotlib (Debian: apt-get install python3-matplotlib)", file=sys.stderr)
        return None
    return found


def run(options, stop):
    matrix, gaps, manifests = read_lines(options.files)
    weights = read_weights(options.weights)
    if not matrix and not gaps:
        raise Refused(f"no line in {', '.join(options.files)}")
    directory = Path(options.output)
    directory.mkdir(parents=True, exist_ok=True)
    page = Page(directory, pictures())
    if matrix:
        report_matrix(page, matrix, weights, options.seed)
    if gaps:
        report_gaps(page, gaps)
    made_with = {"written": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "lines": manifests,
                 "commit": output_of("git", "-C", str(HERE), "describe", "--always", "--dirty", "--abbrev=12")}
    (directory / "manifest.json").write_text(json.dumps(made_with, indent=1) + "\n")
    page.heading("What it was made with")
    page.parts.append(f"<pre>{html.escape(json.dumps(made_with, indent=1))}</pre>")
    page.write("natlab")
    print(f"{directory}/index.html")
    return 0


def arguments(argv):
    parser = argparse.ArgumentParser(prog="natlab report", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", metavar="FILE", help="JSON lines")
    parser.add_argument("--output", required=True, metavar="DIR", help="where the report goes")
    parser.add_argument("--weights", default=HERE / "weights.toml", help="file of shares of kinds of network (default: weights.toml)")
    parser.add_argument("--seed", type=int, default=1, help="of what intervals are drawn with (default: 1)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run_program("natlab report", run, arguments(sys.argv[1:]), threading.Event()))
