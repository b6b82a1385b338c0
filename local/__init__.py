"""The local stack: the real template and handlers in an emulated AWS, with simulated providers, on loopback."""
