"""Where vectors live: one interface, an embedded engine by default, a Qdrant server by URL."""

from .store import IndexPoint, IndexQuery, PassageIndex, Scored, Selection, point_id

__all__ = ["IndexPoint", "IndexQuery", "PassageIndex", "Scored", "Selection", "point_id"]
