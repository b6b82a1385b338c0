"""The acceptance suite: whether a deployment does what it promises, tried from outside."""

from darkroom_client.verification.findings import Finding, Outcome, Report
from darkroom_client.verification.suite import verify
from darkroom_client.verification.trial import Options

__all__ = ["Finding", "Options", "Outcome", "Report", "verify"]
