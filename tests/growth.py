"""How the work for an input grows with its size: the exponent, by counting what the interpreter does, or its time."""

import gc
import json
import math
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
SHORTEST = 0.02
"""Seconds from which a measured time says something."""
LARGEST = 4_000_000
ROUNDS = 8
LINEAR = 1.32
"""The exponent up to which the work for twice the input is at most 2.5 times as much."""
MEMORY = 0.4
"""The most of an exponent that larger objects in slower memory may explain: a square stays far above a line."""


def exponent(work: Callable[[T], object], of_size: Callable[[int], T], largest: int = LARGEST) -> float:
    """The exponent of the work over sizes that are doubled: 1 is linear, and 2.5 times for the double is 1.32.

    Sizes are doubled until the work can be timed, and compared over two doublings. It is the thread's own time that
    counts, the best of five, and a growth that looks too steep is measured again: what a busy machine or a cold cache
    adds passes, what the work itself costs does not. What more memory costs by itself is measured beside it, by work that
    is surely linear, and taken off. Work that is never long enough to be timed counts as linear.
    """
    size = 2_000
    while _seconds(work, of_size(size), times=1) < SHORTEST:
        size *= 2
        if size > largest:
            return 1.0
    least = math.inf
    for _ in range(ROUNDS):
        grown = _grown(work, of_size(size), of_size(4 * size))
        if grown > LINEAR:
            grown -= min(MEMORY, max(0.0, _grown(json.loads, _an_object(size), _an_object(4 * size)) - 1))
        least = min(least, grown)
        if least <= LINEAR:
            break
    return max(0.0, least)


def _an_object(size: int) -> str:
    return json.dumps({f"f{number}": number for number in range(size // 16)})


def _grown(work: Callable[[T], object], given: T, fourfold: T) -> float:
    return math.log2(_seconds(work, fourfold) / _seconds(work, given)) / 2


def _seconds(work: Callable[[T], object], given: T, times: int = 5) -> float:
    best = math.inf
    gc.disable()  # a collection looks at everything that there is, whatever the work at hand
    try:
        for _ in range(times):
            begun = time.thread_time()
            work(given)
            best = min(best, time.thread_time() - begun)
    finally:
        gc.enable()
    return best
