"""Tables and plots of the runs of a scenario: summary.csv, an SVG for each thing that the scenario wants shown, report.html."""
import csv
import html
import json
import math

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "kith"  # the same runs, the same file
from matplotlib import pyplot  # noqa: E402

from estimate import mean, wilson  # noqa: E402
from scenario import look_up  # noqa: E402

WIDTH, HEIGHT = 7.2, 4.2  # inches


def words_of(point):
    return ", ".join(f"{key} {value}" for key, value in point.items())


def file_name(text):
    return "".join(c if c.isalnum() else "-" for c in text).strip("-") + ".svg"


class Points:
    """The runs of each point, in the order of the sweep."""

    def __init__(self, runs):
        self.runs = {}
        for run in sorted(runs, key=lambda r: r["seed"]):
            self.runs.setdefault(json.dumps(run["point"]), []).append(run["document"])
        self.points = sorted((json.loads(key) for key in self.runs), key=lambda p: [sort_key(v) for v in p.values()])

    def of(self, point):
        return self.runs[json.dumps(point)]


def sort_key(value):
    return (0, value, "") if isinstance(value, (int, float)) else (1, 0, str(value))


def figure_of(documents, path):
    return mean([v for v in (look_up(d, path) for d in documents) if v is not None])


def share_of(documents, path):
    """Of all runs together: each call, look-up or node is one trial."""
    over, under = path.split(" / ", 1)
    pairs = [(look_up(d, over), look_up(d, under)) for d in documents]
    pairs = [(a, b) for a, b in pairs if a is not None and b is not None]
    return wilson(sum(a for a, _ in pairs), sum(b for _, b in pairs))


def estimates(report, points):
    """(point, path, kind, runs, value, low, high) for each."""
    rows = []
    for path, kind, of in [(p, "mean", figure_of) for p in report["figures"]] + [(p, "share", share_of) for p in report["shares"]]:
        for point in points.points:
            found = of(points.of(point), path)
            if found is not None:
                rows.append((point, path, kind, len(points.of(point)), *found))
    return rows


def write_csv(path, rows):
    keys = list(rows[0][0]) if rows else []
    with open(path, "w", newline="") as file:
        out = csv.writer(file)
        out.writerow([*keys, "figure", "kind", "runs", "value", "low", "high"])
        for point, figure, kind, n, value, low, high in rows:
            out.writerow([*point.values(), figure, kind, n, f"{value:.9g}", f"{low:.9g}", f"{high:.9g}"])


def axes_of(title):
    figure, axes = pyplot.subplots(figsize=(WIDTH, HEIGHT), layout="constrained")
    axes.set_title(title, fontsize=10)
    axes.grid(alpha=0.3)
    return figure, axes


def save(figure, path):
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    return path


def plot_sweep(directory, figure_path, rows):
    """The figure over the first value that was swept; a line for each combination of the others."""
    rows = [row for row in rows if row[1] == figure_path]
    keys = list(rows[0][0]) if rows else []
    if not keys or len(rows) < 2:
        return None
    figure, axes = axes_of(figure_path)
    lines, named = {}, any(isinstance(row[0][keys[0]], str) for row in rows)
    for row in rows:
        lines.setdefault(words_of({k: v for k, v in row[0].items() if k != keys[0]}), []).append(row)
    for label, line in lines.items():
        x = [str(row[0][keys[0]]) if named else row[0][keys[0]] for row in line]
        y = [row[4] for row in line]
        error = [[max(0, row[4] - row[5]) for row in line], [max(0, row[6] - row[4]) for row in line]]
        axes.errorbar(x, y, yerror(error), marker="o", markersize=4, capsize=3, label=label or None)
    values = [row[0][keys[0]] for row in rows]
    if not named and min(values) > 0 and max(values) / min(values) >= 50:
        axes.set_xscale("log")
    axes.set_xlabel(keys[0])
    axes.set_ylim(bottom=min(0, axes.get_ylim()[0]))
    if len(lines) > 1:
        axes.legend(fontsize=8)
    return save(figure, directory / file_name(figure_path))


def yerror(error):
    return error if any(any(side) for side in error) else None


def plot_distribution(directory, name, points):
    """Cumulative, of the runs' percentiles: the mean of each percentile, and its range over the runs as a band."""
    figure, axes = axes_of(f"{name}: share within that time")
    drawn, least = False, math.inf
    for point in points.points:
        all_of = [d["times"][name]["percentiles_ms"] for d in points.of(point) if name in d["times"]]
        if not all_of:
            continue
        middle = [sum(column) / len(column) for column in zip(*all_of)]
        share = [p / 100 for p in range(101)]
        line, = axes.plot(middle, share, drawstyle="steps-post", label=words_of(point) or None)
        axes.fill_betweenx(share, [min(c) for c in zip(*all_of)], [max(c) for c in zip(*all_of)], alpha=0.15, color=line.get_color())
        drawn, least = True, min(least, *middle)
    if not drawn:
        pyplot.close(figure)
        return None
    axes.set_xscale("symlog", linthresh=max(1, least))
    axes.xaxis.set_major_formatter(matplotlib.ticker.ScalarFormatter())
    axes.set_xlabel("milliseconds")
    axes.set_ylim(0, 1.01)
    if len(points.points) > 1:
        axes.legend(fontsize=8)
    return save(figure, directory / file_name(f"distribution {name}"))


def plot_series(directory, name, points):
    """Over virtual time: the mean of the runs, and their range as a band. What only grows is shown a second."""
    figure, axes = axes_of(name)
    drawn = False
    for point in points.points:
        all_of = [d["series"] for d in points.of(point) if name in d.get("series", {})]
        if not all_of:
            continue
        n = min(len(series["at_s"]) for series in all_of)
        at = all_of[0]["at_s"][:n]
        rows = [rates(at, series[name][:n]) if is_count(name) else series[name][:n] for series in all_of]
        line, = axes.plot(at, [sum(c) / len(c) for c in zip(*rows)], label=words_of(point) or None)
        axes.fill_between(at, [min(c) for c in zip(*rows)], [max(c) for c in zip(*rows)], alpha=0.15, color=line.get_color())
        drawn = True
    if not drawn:
        pyplot.close(figure)
        return None
    axes.set_xlabel("seconds of virtual time")
    axes.set_ylabel("a second" if is_count(name) else "now")
    axes.set_ylim(bottom=0)
    if len(points.points) > 1:
        axes.legend(fontsize=8)
    return save(figure, directory / file_name(f"series {name}"))


def is_count(name):
    return not name.startswith("leaves_") and name != "serving"


def rates(at, values):
    return [(b - a) / (t - s) for a, b, s, t in zip([0, *values], values, [0, *at], at)]


def write_html(path, manifest, points, rows, pictures):
    e = html.escape
    head = f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{e(manifest["title"])}</title><style>
body {{ font: 15px/1.5 sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff }}
table {{ border-collapse: collapse }} td, th {{ border-bottom: 1px solid #ddd; padding: .2rem .8rem; text-align: right }}
td.name, th.name {{ text-align: left }} img {{ max-width: 100% }} pre {{ background: #f4f4f4; padding: .6rem; overflow-x: auto }}
</style></head><body><h1>{e(manifest["title"])}</h1><p>{e(manifest["about"])}</p>
"""
    counts = sorted({len(points.of(p)) for p in points.points})
    parts = [head, f"<p>{len(points.points)} points, {' to '.join(str(c) for c in counts)} seeds each. Mean: with the middle 95 % of "
             "2,000 means of as many runs drawn anew. Share: of all trials of all runs, with Wilson's interval of 95 %.</p>",
             "<table><tr><th class=name>figure</th><th class=name>point</th><th>value</th><th>from</th><th>to</th></tr>"]
    for point, figure, kind, _, value, low, high in rows:
        parts.append(f"<tr><td class=name>{e(figure)} ({kind})</td><td class=name>{e(words_of(point))}</td>"
                     f"<td>{value:.6g}</td><td>{low:.6g}</td><td>{high:.6g}</td></tr>")
    parts.append("</table>")
    parts += [f'<p><img src="{e(picture.name)}" alt="{e(picture.stem)}"></p>' for picture in pictures]
    parts.append("<h2>How</h2><p>One run of each point:</p><pre>")
    parts += [e(points.of(point)[0]["command"]) + "\n" for point in points.points]
    parts.append(f"</pre><pre>{e(json.dumps(manifest, indent=1))}</pre></body></html>\n")
    path.write_text("\n".join(parts))
    return path


def make(directory, manifest, runs):
    """Returns the files that it wrote."""
    points, report = Points(runs), manifest["report"]
    rows = estimates(report, points)
    write_csv(directory / "summary.csv", rows)
    pictures = [plot_sweep(directory, path, rows) for path in report["figures"] + report["shares"]]
    pictures += [plot_distribution(directory, name, points) for name in report["distributions"]]
    pictures += [plot_series(directory, name, points) for name in report["series"]]
    pictures = [picture for picture in pictures if picture is not None]
    return [directory / "summary.csv", *pictures, write_html(directory / "report.html", manifest, points, rows, pictures)]
