"""Results of the newest searches, kept while nothing they were made from has changed."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from threading import Lock
from typing import Generic, TypeVar

ResultT = TypeVar("ResultT")


class Recent(Generic[ResultT]):
    """At most `size` results by key. A new generation of the data forgets them all; without one (None) nothing is kept.

    The key holds everything that decides a result, the reader's rights first of all.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._generation: Hashable = None
        self._kept: OrderedDict[Hashable, tuple[ResultT, ...]] = OrderedDict()
        self._lock = Lock()

    def known(self, key: Hashable, generation: Hashable) -> list[ResultT] | None:
        """The kept result for `key`."""
        with self._lock:
            if generation != self._generation:
                self._kept.clear()
                self._generation = generation
            found = self._kept.get(key) if generation is not None else None
            if found is None:
                return None
            self._kept.move_to_end(key)
            return list(found)

    def recall(self, key: Hashable, generation: Hashable, make: Callable[[], Sequence[ResultT]]) -> list[ResultT]:
        """The result for `key`, made now if it is not known. `generation` is that of the data before `make` looks at them."""
        if generation is None:
            return list(make())
        known = self.known(key, generation)
        if known is not None:
            return known
        made = tuple(make())
        with self._lock:
            if generation == self._generation:
                self._kept[key] = made
                if len(self._kept) > self._size:
                    self._kept.popitem(last=False)
        return list(made)
