"""Intervals of shares, for all that reports trials: bench/experiments and bench/natlab."""
import math

Z95 = 1.959964  # of a normal distribution: 95 % lie within


def wilson(hits, trials):
    """(low, high): the 95 % interval of a share (E. B. Wilson, JASA 22, 1927). It is right at 0 and at 1, and for few trials, too;
    without any, all is possible."""
    if trials <= 0:
        return 0.0, 1.0
    share, z2 = hits / trials, Z95 * Z95
    middle = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = Z95 / (1 + z2 / trials) * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials * trials))
    return max(0.0, middle - half), min(1.0, middle + half)
