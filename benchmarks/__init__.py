"""Measurements of speed and memory: ratios against a named baseline taken in the same run, never absolute times."""
