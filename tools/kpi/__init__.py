"""compute_kpi: the 38 indicators of TISC annex 2, computed from numbers or from a user's own words."""

from .engine import Given, KpiResult, compute
from .tool import KpiInput, KpiOutput, kpi_tool

__all__ = ["Given", "KpiInput", "KpiOutput", "KpiResult", "compute", "kpi_tool"]
