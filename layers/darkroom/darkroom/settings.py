"""The deployment's settings: the environment variables that template.yaml gives every function, read once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

DEMO_PROVIDERS = ("demo", "demo-b")
"""The demo's two providers (darkroom/demo), which are there where the parameter DemoProvider says so."""


class SettingMissing(Exception):
    """A variable that this function needs is not in its environment."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Typed access to the environment. A variable is looked up when it is asked for: no function has them all."""

    environment: Mapping[str, str]

    @classmethod
    def from_environment(cls) -> "Settings":
        """The settings of this process."""
        return cls(os.environ)

    @property
    def tasks_table(self) -> str:
        """Name of the tasks table."""
        return self._required("DARKROOM_TASKS_TABLE")

    @property
    def accounts_table(self) -> str:
        """Name of the accounts table."""
        return self._required("DARKROOM_ACCOUNTS_TABLE")

    @property
    def bucket(self) -> str:
        """Name of the bucket."""
        return self._required("DARKROOM_BUCKET")

    @property
    def event_bus(self) -> str:
        """Name of the event bus."""
        return self._required("DARKROOM_EVENT_BUS")

    def queue_url(self, name: str) -> str:
        """URL of one of our queues: look, generate, ingest or webhook."""
        return self._required(f"DARKROOM_{name.upper()}_QUEUE_URL")

    def dead_letters_url(self, name: str) -> str:
        """URL of the queue that takes what another (or `notify`) gave up on."""
        return self._required(f"DARKROOM_{name.upper()}_DEAD_LETTERS_URL")

    def dead_letters_of(self, name: str) -> str | None:
        """The same where this function was told of it, else None."""
        return self.environment.get(f"DARKROOM_{name.upper()}_DEAD_LETTERS_URL") or None

    @property
    def schedule_group(self) -> str:
        """Name of the group for the schedules of long waits; empty where this function makes none."""
        return self.environment.get("DARKROOM_SCHEDULE_GROUP", "")

    @property
    def scheduler_role(self) -> str:
        """ARN of the role that EventBridge Scheduler sends messages by; empty where this function books none."""
        return self.environment.get("DARKROOM_SCHEDULER_ROLE", "")

    @property
    def signing_secret(self) -> str:
        """Id of the secret that callback tokens, task ids and the webhooks' signatures are derived from."""
        return self._required("DARKROOM_SIGNING_SECRET")

    @property
    def provider_secret(self) -> str:
        """Id of the secret with the providers' credentials."""
        return self._required("DARKROOM_PROVIDER_SECRET")

    @property
    def public_url(self) -> str:
        """The address providers can call back on, without a slash at its end; empty where there is none."""
        return self.environment.get("DARKROOM_PUBLIC_URL", "").rstrip("/")

    @property
    def streaming(self) -> bool:
        """Whether this process can stream its answers: our own runtime says so (darkroom.runtime.streaming)."""
        return self.environment.get("DARKROOM_STREAMING", "") == "true"

    @property
    def demo_base_url(self) -> str:
        """Where the demo is reached, without a slash at its end; empty where there is none."""
        return self.environment.get("DARKROOM_DEMO_BASE_URL", "").rstrip("/")

    @property
    def demo_providers(self) -> tuple[str, ...]:
        """The demo's providers, where there is a demo."""
        return DEMO_PROVIDERS if self.demo_base_url else ()

    def provider_address(self, provider: str) -> str:
        """Where a provider of the shipped catalog is reached instead of its own address; empty for there."""
        pairs = (pair.partition("=") for pair in self.environment.get("DARKROOM_PROVIDER_ADDRESSES", "").split(","))
        return next((address.strip().rstrip("/") for name, _, address in pairs if name.strip() == provider), "")

    @property
    def time_scale(self) -> float:
        """What every waiting period is divided by."""
        return max(1e-6, float(self.environment.get("DARKROOM_TIME_SCALE") or 1))

    @property
    def local_mode(self) -> bool:
        """Whether loopback addresses may be reached: on a developer's machine only."""
        return self.environment.get("DARKROOM_LOCAL_MODE", "").lower() in {"true", "1", "yes"}

    @property
    def confirm_callbacks(self) -> bool:
        """Whether a callback counts only once the provider's own look-up says the same."""
        return self.environment.get("DARKROOM_CALLBACK_TRUST", "") == "confirm"

    @property
    def charge_cancelled(self) -> bool:
        """Whether pictures that a provider makes of a cancelled task all the same are paid for."""
        return self.environment.get("DARKROOM_CHARGE_CANCELLED", "") != "false"

    @property
    def keep_extra_images(self) -> bool:
        """Whether images that a provider makes beyond those asked for are stored and shown. They are never charged."""
        return self.environment.get("DARKROOM_EXTRA_IMAGES", "") != "drop"

    @property
    def strip_image_metadata(self) -> bool:
        """Whether images are stored without what is no picture in them."""
        return self.environment.get("DARKROOM_IMAGE_METADATA", "") == "strip"

    @property
    def model_aliases(self) -> dict[str, str]:
        """More names of models, for apps whose names are fixed: `dall-e-3=seedream-4.5,gpt-image-1=seedream-4.5`."""
        pairs = [pair.partition("=") for pair in self.environment.get("DARKROOM_MODEL_ALIASES", "").split(",") if pair]
        return {alias.strip(): name.strip() for alias, _, name in pairs}

    @property
    def max_image_bytes(self) -> int:
        """The largest image that is stored."""
        return int(self.environment.get("DARKROOM_MAX_IMAGE_MEGABYTES") or 40) * 1024 * 1024

    @property
    def link_seconds(self) -> int:
        """How long a signed link to an image lives."""
        return int(self.environment.get("DARKROOM_LINK_SECONDS") or 3600)

    @property
    def retention_days(self) -> int:
        """How long a task and its images are kept."""
        return int(self.environment.get("DARKROOM_TASK_RETENTION_DAYS") or 30)

    @property
    def recovery_days(self) -> int:
        """How far back the tables can be restored to, and so how long they still hold what was deleted."""
        return int(self.environment.get("DARKROOM_RECOVERY_DAYS") or 35)

    @property
    def log_retention_days(self) -> int:
        """How long log lines are kept."""
        return int(self.environment.get("DARKROOM_LOG_RETENTION_DAYS") or 30)

    @property
    def deadline_seconds(self) -> float:
        """How long a task may take, before the time scale."""
        return float(self.environment.get("DARKROOM_DEADLINE_SECONDS") or 1800)

    @property
    def release(self) -> str:
        """What is deployed: a hash over code and parameters, by `make deploy`."""
        return self.environment.get("DARKROOM_RELEASE", "")

    def _required(self, name: str) -> str:
        value = self.environment.get(name, "")
        if not value:
            raise SettingMissing(f"{name} is not set; template.yaml gives it to the functions that need it")
        return value
