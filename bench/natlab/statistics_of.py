"""What trials of a matrix say, and how surely: shares with Wilson's intervals, percentiles, and the rate in the wild."""
import math
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from intervals import wilson  # noqa: E402

DRAWS = 2000  # of weights


def percentile(values, p):
    """The smallest that p in a hundred do not exceed; values are sorted."""
    return values[max(0, math.ceil(len(values) * p / 100) - 1)]


class Cell:
    """All trials of one pair of kinds, in this order."""

    def __init__(self):
        self.trials = self.connected = self.direct = 0
        self.first_byte_ms, self.direct_ms = [], []

    def add(self, result):
        self.trials += 1
        self.connected += result["connected"]
        self.direct += result["how"] == "direct"
        for key in ("first_byte_ms", "direct_ms"):
            if key in result:
                getattr(self, key).append(result[key])
                getattr(self, key).sort()


def cells_of(results):
    cells = {}
    for r in results:
        cells.setdefault((r["caller"], r["callee"]), Cell()).add(r)
    return cells


# ---- in the wild ----


class Wild:
    """The rate of calls that are direct, if both ends are drawn from the weights independently of each other. Pairs that were not
    run weigh nothing, and `covered` says what is left."""

    def __init__(self, cells, weights, hits=lambda cell: cell.direct):
        self.hits = hits
        self.shares = {kind: w["share"] for kind, w in weights.items()}
        self.weights = weights
        total = sum(self.shares.values())
        self.pairs = {pair: cell for pair, cell in cells.items() if pair[0] in weights and pair[1] in weights}
        self.covered = sum(self.shares[a] * self.shares[b] for a, b in self.pairs) / (total * total) if total > 0 else 0.0

    def rate(self, shares=None):
        shares = shares or self.shares
        whole = sum(shares[a] * shares[b] for a, b in self.pairs)
        hits = sum(shares[a] * shares[b] * self.hits(cell) / cell.trials for (a, b), cell in self.pairs.items())
        return hits / whole if whole > 0 else math.nan

    def by_trials(self):
        """The 95 % interval that the number of trials leaves: Wilson's, of the effective number (Kish): so many trials of one share
        would be as sure. That cells differ makes it wider than it need be, not narrower."""
        whole = sum(self.shares[a] * self.shares[b] for a, b in self.pairs)
        effective = 1 / sum((self.shares[a] * self.shares[b] / whole) ** 2 / cell.trials for (a, b), cell in self.pairs.items())
        return wilson(self.rate() * effective, effective)

    def by_weights(self, seed):
        """In which 95 % of the rates are, if each weight is drawn evenly between its low and its high."""
        draw = random.Random(seed)
        rates = sorted(self.rate({k: draw.uniform(w["low"], w["high"]) for k, w in self.weights.items()}) for _ in range(DRAWS))
        return percentile(rates, 2.5), percentile(rates, 97.5)

    def sensitivity(self):
        """By kind: the rate with that share at its low and at its high, the others scaled; the largest difference first."""
        found = []
        for kind, w in self.weights.items():
            low, high = (self.rate({**self.shares, kind: w[end]}) for end in ("low", "high"))
            found.append((kind, low, high))
        return sorted(found, key=lambda f: -abs(f[2] - f[1]))
