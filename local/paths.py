"""Where things lie in a checkout."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "template.yaml"
FUNCTIONS = ROOT / "functions"
LAYER = ROOT / "layers" / "darkroom"
WORK = ROOT / ".local"
EMULATOR_ENVIRONMENT = WORK / "emulator"
BUILD = WORK / "build"
LOGS = WORK / "logs"
SAM = WORK / "sam" / "bin" / "sam"
SAM_BUILD = ROOT / ".aws-sam" / "build"
"""What `sam build` makes: the layer as it is uploaded."""
