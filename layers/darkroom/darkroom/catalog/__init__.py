"""The models: who sells which, what they can do, who is asked first, and how the offers did lately."""
