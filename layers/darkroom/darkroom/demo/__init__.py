"""A provider that is no provider: it lets a deployment be proven before any key is bought (DemoProvider)."""
