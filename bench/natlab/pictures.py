"""The pictures of a report, by matplotlib: the same lines give the same bytes."""
import statistics

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "kith"
from matplotlib import pyplot  # noqa: E402

HOST_COLOURS = {"virtual": "tab:gray", "quiet": "tab:blue", "loaded": "tab:red"}
GAP_COLUMNS = 4


def save(figure, path):
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=110)
    pyplot.close(figure)


# ---- the matrix ----


def heat_map(kinds, value_of, text_of, top, title, path):
    """value_of(caller, callee): a number up to top, of which more is better; or, without top, one of which less is. None: there is none."""
    size = 2.2 + 0.36 * len(kinds)
    figure, axes = pyplot.subplots(figsize=(size + 1, size), layout="constrained")
    values = [[value_of(a, b) for b in kinds] for a in kinds]
    drawn = axes.imshow([[float("nan") if v is None else v for v in row] for row in values], cmap="viridis_r" if top is None else "RdYlGn",
                        vmin=0, vmax=top)
    axes.set_facecolor("0.9")
    axes.set_xticks(range(len(kinds)), kinds, rotation=90, fontsize=8)
    axes.set_yticks(range(len(kinds)), kinds, fontsize=8)
    axes.set_xlabel("callee")
    axes.set_ylabel("caller")
    middle = drawn.norm.vmax / 2
    for y, a in enumerate(kinds):
        for x, b in enumerate(kinds):
            colour = "white" if top is None and values[y][x] is not None and values[y][x] > middle else "black"
            axes.text(x, y, text_of(a, b), ha="center", va="center", fontsize=6, color=colour)
    figure.colorbar(drawn, shrink=0.7)
    axes.set_title(title, fontsize=10)
    save(figure, path)


def steps(axes, values, **how):
    """The share of values up to each."""
    values = sorted(values)
    if values:
        axes.plot([values[0], *values], [0, *((i + 1) / len(values) for i in range(len(values)))], drawstyle="steps-post", **how)


def cdfs(named, title, path):
    """named: by label, values in ms."""
    figure, axes = pyplot.subplots(figsize=(7.5, 4.5), layout="constrained")
    for label, values in named.items():
        if values:
            steps(axes, values, label=f"{label} ({len(values)})")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("ms")
    axes.set_ylabel("share of those that came to it")
    axes.set_ylim(0, 1.02)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="lower right")
    axes.set_title(title, fontsize=10)
    save(figure, path)


def boxes(named, title, path):
    """named: by label, values in ms; boxes are quartiles, whiskers the 5th and 95th of a hundred, points the rest."""
    named = dict(sorted(((k, v) for k, v in named.items() if v), key=lambda kv: statistics.median(kv[1])))
    figure, axes = pyplot.subplots(figsize=(7.5, 1.2 + 0.28 * len(named)), layout="constrained")
    if named:
        axes.boxplot(list(named.values()), vert=False, whis=(5, 95), flierprops={"markersize": 2}, medianprops={"color": "black"})
        axes.set_yticks(range(1, len(named) + 1), [f"{k} ({len(v)})" for k, v in named.items()], fontsize=8)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("ms")
    axes.grid(axis="x", alpha=0.3)
    axes.set_title(title, fontsize=10)
    save(figure, path)


# ---- gaps ----


def gap_cdfs(names, cells, rtt, path):
    """One small picture for each fault, a line for each host."""
    rows = (len(names) + GAP_COLUMNS - 1) // GAP_COLUMNS
    figure, grid = pyplot.subplots(rows, GAP_COLUMNS, figsize=(3.1 * GAP_COLUMNS, 2.1 * rows + 0.6), sharey=True, squeeze=False,
                                   layout="constrained")
    for axes, name in zip(grid.flat, names):
        for host, colour in HOST_COLOURS.items():
            values = cells.get((name, rtt, host), [])
            steps(axes, values, color=colour, label=f"{host} ({len(values)})", linewidth=1.2)
        axes.set_title(name, fontsize=9)
        axes.margins(x=0.1)
        axes.set_ylim(0, 1.02)
        axes.grid(alpha=0.3)
        axes.tick_params(labelsize=7)
        if axes.lines:
            axes.legend(fontsize=6, loc="best")
    for axes in list(grid.flat)[len(names):]:
        axes.set_visible(False)
    figure.supxlabel("longest time without a frame, ms", fontsize=9)
    figure.supylabel("share of ends", fontsize=9)
    figure.suptitle(f"Gaps at a round trip of {rtt} ms", fontsize=11)
    save(figure, path)


def gap_boxes(names, cells, rtt, path):
    """All faults in one picture: quartiles of each host, whiskers to the least and the most."""
    figure, axes = pyplot.subplots(figsize=(9, 1.4 + 0.42 * len(names)), layout="constrained")
    for k, (host, colour) in enumerate(HOST_COLOURS.items()):
        rows = [(i, cells[name, rtt, host]) for i, name in enumerate(names) if cells.get((name, rtt, host))]
        if not rows:
            continue
        axes.boxplot([v for _, v in rows], positions=[i + (k - 1) * 0.26 for i, _ in rows], widths=0.2, vert=False, whis=(0, 100),
                     manage_ticks=False, patch_artist=True, boxprops={"facecolor": colour, "alpha": 0.5},
                     medianprops={"color": "black"})
        axes.plot([], [], color=colour, linewidth=6, alpha=0.5, label=host)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("longest time without a frame, ms (20: none is missing)")
    axes.grid(axis="x", alpha=0.3)
    axes.legend(fontsize=8)
    axes.set_title(f"Gaps at a round trip of {rtt} ms: least, quartiles, most", fontsize=10)
    save(figure, path)
