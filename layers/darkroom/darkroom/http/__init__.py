"""Everything that leaves the process for an address on the internet: one client, which reaches public hosts only."""
