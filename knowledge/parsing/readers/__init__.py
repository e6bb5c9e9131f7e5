"""Files into blocks. The type is decided by content first and by the name's suffix second."""

from .limits import ReadLimits
from .read import SUPPORTED, read_blocks

__all__ = ["SUPPORTED", "ReadLimits", "read_blocks"]
