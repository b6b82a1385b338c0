"""What every test runs in: no real AWS, whatever the developer's environment says."""

import os

from hypothesis import HealthCheck, settings

os.environ.update(
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_REGION="us-east-1",
    AWS_EC2_METADATA_DISABLED="true",
    POWERTOOLS_SERVICE_NAME="darkroom",
    POWERTOOLS_METRICS_NAMESPACE="Darkroom",
    POWERTOOLS_TRACE_DISABLED="true",
)
for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
    os.environ.pop(name, None)

# How slowly inputs are made says nothing about the code. In CI the same inputs are tried every time.
settings.register_profile("default", deadline=None, suppress_health_check=list(HealthCheck))
settings.register_profile("ci", settings.get_profile("default"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")
