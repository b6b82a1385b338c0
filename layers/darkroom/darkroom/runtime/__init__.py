"""How a function starts and runs: the runtime that can stream, snapshots, and what a cold start leaves out."""
