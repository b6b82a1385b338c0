"""The local stack: the emulated AWS with the real template and handlers, its front, what keeps it to AWS's rules."""
