"""`make restore`: puts back what a table lost, from one restored beside it."""
