"""Intervals: of means by resampling, of shares by Wilson's formula (E. B. Wilson, JASA 22, 1927). 95 %."""
import math
import random

Z = 1.959964  # 97.5 % of the standard normal distribution are below it
RESAMPLES = 2000


def wilson(hits, n):
    """(share, low, high) of hits in n; None without any."""
    if n <= 0:
        return None
    share, z2 = hits / n, Z * Z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return share, max(0.0, middle - half), min(1.0, middle + half)


def mean(values):
    """(mean, low, high): the middle 95 % of the means of as many values drawn with replacement. The same each time; None without
    values."""
    if not values:
        return None
    n, chance = len(values), random.Random(1)
    middle = math.fsum(values) / n
    means = sorted(math.fsum(chance.choices(values, k=n)) / n for _ in range(RESAMPLES))
    return middle, means[int(0.025 * RESAMPLES)], means[int(0.975 * RESAMPLES) - 1]
