"""Darkroom: a serverless gateway for asynchronous image generation."""
