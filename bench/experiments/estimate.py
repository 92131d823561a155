"""Figures with their intervals of 95 %: means, by resampling; shares, by Wilson's formula."""
import math
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import intervals  # noqa: E402

RESAMPLES = 2000


def wilson(hits, n):
    """(share, low, high) of hits in n; None without any."""
    return (hits / n, *intervals.wilson(hits, n)) if n > 0 else None


def mean(values):
    """(mean, low, high): the middle 95 % of the means of as many values drawn with replacement. The same each time; None without
    values."""
    if not values:
        return None
    n, chance = len(values), random.Random(1)
    middle = math.fsum(values) / n
    means = sorted(math.fsum(chance.choices(values, k=n)) / n for _ in range(RESAMPLES))
    return middle, means[int(0.025 * RESAMPLES)], means[int(0.975 * RESAMPLES) - 1]
