"""A typed client of Darkroom, synchronous and asynchronous."""

from darkroom_client.asynchronous import AsyncDarkroom
from darkroom_client.client import Darkroom
from darkroom_client.errors import (
    AuthenticationError,
    Conflict,
    DarkroomError,
    InsufficientCredits,
    InvalidRequest,
    NotFound,
    NotInTime,
    NotReachable,
    PermissionDenied,
    RateLimited,
    ServerError,
)
from darkroom_client.models import Image, Task, TaskError
from darkroom_client.webhooks import BadSignature, WebhookEvent, verify_webhook

__all__ = [
    "AsyncDarkroom",
    "AuthenticationError",
    "BadSignature",
    "Conflict",
    "Darkroom",
    "DarkroomError",
    "Image",
    "InsufficientCredits",
    "InvalidRequest",
    "NotFound",
    "NotInTime",
    "NotReachable",
    "PermissionDenied",
    "RateLimited",
    "ServerError",
    "Task",
    "TaskError",
    "WebhookEvent",
    "verify_webhook",
]
