"""Seeds derived by name, so that adding an item never shifts the random numbers of the others."""

import zlib

import numpy as np


def child(seed: int, *names: object) -> int:
    """Return a 32-bit seed for the thing that the names describe."""
    return int(np.random.SeedSequence([seed, *(_number(name) for name in names)]).generate_state(1)[0])


def generator(seed: int, *names: object) -> np.random.Generator:
    """Return a random generator for the thing that the names describe."""
    return np.random.default_rng([seed, *(_number(name) for name in names)])


def _number(name: object) -> int:
    return zlib.crc32(str(name).encode())
