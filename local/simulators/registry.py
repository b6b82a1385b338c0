"""Every simulator, one line each."""

from local.simulators.acedata import Acedata
from local.simulators.ark import Ark, BytePlus
from local.simulators.chanjing import Chanjing
from local.simulators.deepspace import Deepspace
from local.simulators.evolink import Evolink
from local.simulators.fal import Fal
from local.simulators.kie import Kie
from local.simulators.openai_images import OpenAiImages
from local.simulators.qingbo import Qingbo
from local.simulators.replicate import Replicate
from local.simulators.wavespeed import Wavespeed

SIMULATORS = (
    Qingbo, Evolink, Chanjing, Deepspace, Acedata, Ark, BytePlus, OpenAiImages, Fal, Replicate, Kie, Wavespeed,
)  # fmt: skip
