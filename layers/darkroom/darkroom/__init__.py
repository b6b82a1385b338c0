"""Darkroom: a serverless gateway for asynchronous image generation."""

from darkroom.runtime.deferral import defer

# Before anything of ours imports what is to be deferred.
defer()
