"""The one tolerant reader under all adapters: answers, envelopes, states, pictures and refusals as they really come."""
