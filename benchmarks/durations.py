"""How long an invocation of each function is billed for on AWS, in seconds: what the models of cost and scale share.

An emulator's durations are not AWS's, so these are assumed, generously: submit and track wait for a provider's answer,
ingest for a picture of 2.5 MB, deliver for an app's answer.
"""

SECONDS = {
    "submit": 0.45,
    "callback": 0.08,
    "track": 0.25,
    "ingest": 0.9,
    "notify": 0.05,
    "deliver": 0.25,
    "status": 0.03,
}
PICTURE_SECONDS = 25.0
"""Seconds that a picture takes (`GET /v1/models`)."""
