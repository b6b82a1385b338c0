"""The providers' own APIs, served by us: one file a dialect, pure translation both ways."""
