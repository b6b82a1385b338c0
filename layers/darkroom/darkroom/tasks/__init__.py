"""A task and its whole life: what it is, what can happen to it, how it is recorded, listed and waited for."""
