"""Darkroom: a serverless gateway for asynchronous image generation."""

from darkroom.deferral import defer

# Before anything of ours imports what is to be deferred.
defer()
