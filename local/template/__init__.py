"""template.yaml as plain values, as SAM translates it, and with its parameters filled in."""
