"""Checkpoints of runs that wait for an approval; a run that goes through in one breath leaves none behind."""

import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, ChannelVersions, Checkpoint, CheckpointMetadata, CheckpointTuple

from records.sealing import Place, Sealer

PLACE = Place("checkpoints", "state", "")


class CheckpointCipher:
    """Seals the state of runs that wait, for LangGraph's `EncryptedSerializer`; what was saved before there was a key is read as it is."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def encrypt(self, plaintext: bytes) -> tuple[str, bytes]:
        return "sealed", self._sealer.seal(base64.b64encode(plaintext).decode(), PLACE).encode()

    def decrypt(self, ciphername: str, ciphertext: bytes) -> bytes:
        return base64.b64decode(self._sealer.open(ciphertext.decode(), PLACE))


class WaitingRuns(BaseCheckpointSaver[Any]):
    """Holds back what graphs save until `keep` says that it is needed.

    Nearly every run ends without waiting for anybody, and writing its state only to delete it again cost as much as the graph itself.
    A run that is killed on its way is closed as interrupted, with or without a checkpoint.
    """

    def __init__(self, saver: BaseCheckpointSaver[Any]) -> None:
        super().__init__(serde=saver.serde)
        self._saver = saver
        self._held: dict[str, list[Callable[[], Awaitable[Any]]]] = {}
        self._new: set[str] = set()

    def begin(self, run_id: str) -> None:
        """A run of which nothing can be stored yet."""
        self._new.add(run_id)

    async def keep(self, run_id: str) -> None:
        """The run waits: what it has saved so far is stored."""
        self._new.discard(run_id)
        for save in self._held.pop(run_id, []):
            await save()

    async def end(self, run_id: str) -> None:
        """The run is over: nothing of it is needed any more."""
        self._held.pop(run_id, None)
        if run_id in self._new:
            self._new.discard(run_id)
        else:
            await self._saver.adelete_thread(run_id)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return None if _run_of(config) in self._new else await self._saver.aget_tuple(config)

    async def aput(
        self, config: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata, new_versions: ChannelVersions
    ) -> RunnableConfig:
        self._hold(config, partial(self._saver.aput, config, checkpoint, metadata, new_versions))
        return {**config, "configurable": {**config.get("configurable", {}), "checkpoint_id": checkpoint["id"]}}

    async def aput_writes(self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = "") -> None:
        self._hold(config, partial(self._saver.aput_writes, config, writes, task_id, task_path))

    def _hold(self, config: RunnableConfig, save: Callable[[], Awaitable[Any]]) -> None:
        self._held.setdefault(_run_of(config), []).append(save)

    def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        return self._saver.alist(config, filter=filter, before=before, limit=limit)

    async def adelete_thread(self, thread_id: str) -> None:
        await self.end(thread_id)

    def get_next_version(self, current: Any, channel: None) -> Any:
        return self._saver.get_next_version(current, channel)


def _run_of(config: RunnableConfig) -> str:
    return str(config.get("configurable", {})["thread_id"])
