"""Results of the newest look-ups, kept while nothing they were made from has changed."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

ValueT = TypeVar("ValueT")


class Recent(Generic[ValueT]):
    """At most `size` values by key; whoever gets one does not change it. A new generation of the data forgets them all; without one
    (None) nothing is kept.

    The key holds everything that decides a value, the reader's rights first of all.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._generation: Hashable = None
        self._kept: OrderedDict[Hashable, ValueT] = OrderedDict()
        self._lock = Lock()

    def known(self, key: Hashable, generation: Hashable) -> ValueT | None:
        """The kept value for `key`; never waits."""
        with self._lock:
            if generation != self._generation:
                self._kept.clear()
                self._generation = generation
            found = self._kept.get(key) if generation is not None else None
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def recall(self, key: Hashable, generation: Hashable, make: Callable[[], ValueT]) -> ValueT:
        """The value for `key`, made now if it is not known. `generation` is that of the data before `make` looks at them."""
        known = self.known(key, generation)
        if known is not None:
            return known
        made = make()
        with self._lock:
            if generation is not None and generation == self._generation:
                self._kept[key] = made
                if len(self._kept) > self._size:
                    self._kept.popitem(last=False)
        return made
