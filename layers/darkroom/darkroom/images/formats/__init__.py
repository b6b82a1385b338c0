"""The formats of images, walked through to their end without drawing anything."""
