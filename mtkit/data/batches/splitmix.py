"""Random bits that depend on a number alone, so that they are the same in any order and any process."""

import numpy as np
from numpy.typing import NDArray


def splitmix64(numbers: NDArray[np.uint64], key: int = 0) -> NDArray[np.uint64]:
    """64 bits for each number, which look random: SplitMix64 (Steele, Lea and Flood, 2014).

    Args:
        numbers: uint64 (n,).
        key: Other bits for each key.
    """
    z = numbers * np.uint64(0x9E3779B97F4A7C15) + np.uint64(key * 0xD1342543DE82EF95 % (1 << 64))
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
