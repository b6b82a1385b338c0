"""One module a provider: it builds that provider's requests and reads its answers, callbacks and errors."""
