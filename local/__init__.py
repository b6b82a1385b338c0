"""What serves development: the local stack, simulated providers, auditors, and the tools behind `make`."""
