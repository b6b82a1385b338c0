"""What a snapshot is taken with, where SnapStart is on: everything that a first request would have to make.

The snapshot is taken once the module is imported, and many environments start from it. So nothing that must differ
between them may be in it: no connection is opened here, no secret read, and the randomness of waits starts anew.
"""

import os
import random
from collections.abc import Callable


def prime(make: Callable[[], object]) -> None:
    """Make the parts of the first request now if a snapshot is going to be taken (AWS: Lambda SnapStart)."""
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") != "snap-start":
        return
    # Part of AWS's own runtime for Python, and of no package (AWS: "Lambda SnapStart runtime hooks for Python").
    from snapshot_restore_py import register_after_restore

    make()
    register_after_restore(random.seed)
