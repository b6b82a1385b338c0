"""What providers tell us: the address they are given, and what becomes of a callback."""
