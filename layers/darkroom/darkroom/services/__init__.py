"""What each function does, one module a job, with its stores and clients passed in."""
