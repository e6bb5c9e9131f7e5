"""Attacks and unsafe requests: phrases, a small trained model, and an optional guard model behind one signature.

`AttackDetector` is for what people type, `IndirectDetector` for everything that was read.
"""

from .detect import AttackDetector, IndirectDetector
from .guard_model import GuardModel, ask_guard_model
from .sensitivity import Sensitivity, load_sensitivity
from .verdicts import Opinion

__all__ = ["AttackDetector", "GuardModel", "IndirectDetector", "Opinion", "Sensitivity", "ask_guard_model", "load_sensitivity"]
