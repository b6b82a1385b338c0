"""What we tell the world of an ended task: events, and webhooks with their signatures, attempts and log."""
