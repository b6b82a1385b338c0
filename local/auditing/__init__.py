"""Auditors: what is to be so after any number of tasks, tests or faults."""
