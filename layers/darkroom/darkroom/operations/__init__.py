"""The upkeep of a deployment: what was lost is found, what was given up on is kept, what must go is removed."""
