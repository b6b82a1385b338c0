"""Every simulator, one line each."""

from local.simulators.acedata import Acedata
from local.simulators.chanjing import Chanjing
from local.simulators.deepspace import Deepspace
from local.simulators.evolink import Evolink
from local.simulators.qingbo import Qingbo

SIMULATORS = (Qingbo, Evolink, Chanjing, Deepspace, Acedata)
