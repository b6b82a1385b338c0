"""The pure domain: a task, its life, and what can be asked of whom. No AWS, no HTTP, no third party."""
