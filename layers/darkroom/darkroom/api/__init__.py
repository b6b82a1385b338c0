"""The native HTTP API: what it accepts, how a task is shown, and its errors."""
