"""Image files by their own bytes: one module a format, each walking all of the data in bounded memory."""
