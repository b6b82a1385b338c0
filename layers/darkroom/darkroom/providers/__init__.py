"""One module a provider, and the way to each: its requests are built and its answers read here."""
