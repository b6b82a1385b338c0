"""Where things are kept and queued: the only package that speaks to AWS."""
