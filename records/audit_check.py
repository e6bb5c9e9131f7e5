"""What is wrong with a chain of audit entries, place by place, found in one pass over any source of entries."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict

from .audit_chain import Anchor, Link, canonical, head_text, is_signed, matches
from .keys import Keys

Kind = Literal[
    "content_changed",
    "hash_changed",
    "row_missing",
    "row_inserted",
    "order_changed",
    "signature_wrong",
    "tail_truncated",
    "head_changed",
    "anchor_differs",
    "file_changed",
]
KIND_NAMES: dict[Kind, str] = {
    "content_changed": "内容被改",
    "hash_changed": "哈希被改",
    "row_missing": "缺少记录",
    "row_inserted": "插入了记录",
    "order_changed": "次序被改",
    "signature_wrong": "签名不对",
    "tail_truncated": "尾部被截断",
    "head_changed": "链头被改",
    "anchor_differs": "与锚点不符",
    "file_changed": "文件被改",
}
MOST_FINDINGS = 1_000
FAR_SEARCHES, FAR = 100, 1_000
"""For so many broken entries it is looked so far around where they stood before; afterwards only next to the last one found."""
RECENT = 1_000


class Finding(BaseModel):
    """One broken place: the entries `seq`..`last_seq`."""

    model_config = ConfigDict(frozen=True)

    seq: int
    last_seq: int
    kind: Kind
    message: str
    """Chinese."""


class Verdict(BaseModel):
    """Whether a chain is whole."""

    model_config = ConfigDict(frozen=True)

    ok: bool
    chain: str
    entries: int
    """How many were checked."""
    last_seq: int
    last_hash: str
    signatures: Literal["checked", "not checked", "none"]
    """not checked: the chain is signed, but no key was given; whoever can write the database could have made it anew."""
    signed_from: int
    findings: list[Finding]
    """In the order in which they were found, at most `MOST_FINDINGS`."""
    more: int = 0

    @property
    def first_broken(self) -> int | None:
        return min((each.seq for each in self.findings), default=None)


@dataclass
class Findings:
    """Findings as they come; neighbours of one kind become one."""

    found: list[Finding] = field(default_factory=list[Finding])
    more: int = 0

    def add(self, kind: Kind, seq: int, why: str, *, last: int | None = None) -> None:
        last = seq if last is None else last
        before = self.found[-1] if self.found else None
        if before and (before.kind, before.last_seq + 1) == (kind, seq) and before.message.endswith(why):
            seq = before.seq
            self.found.pop()
        elif len(self.found) >= MOST_FINDINGS:
            self.more += 1
            return
        self.found.append(Finding(seq=seq, last_seq=last, kind=kind, message=f"第 {_span(seq, last)} 条{KIND_NAMES[kind]}：{why}"))

    def names(self, seq: int) -> bool:
        """Whether something is already said about what this entry itself looks like."""
        return any(each.seq <= seq <= each.last_seq for each in self.found[-3:] if each.kind not in ("head_changed", "anchor_differs"))


class ChainCheck:
    """Goes along a chain, or a stretch of one, entry by entry.

    `head`: the chain's end. `first`, `previous`: where a stretch begins; `end`: seq and hash of its last entry.
    With `keys`, signatures are checked too.
    """

    def __init__(
        self,
        head: Anchor,
        *,
        keys: Keys | None = None,
        anchor: Anchor | None = None,
        first: int = 1,
        previous: str = "",
        end: tuple[int, str] | None = None,
    ) -> None:
        self._head, self._keys, self._anchor = head, keys, anchor
        self._end = (head.seq, head.hash) if end is None else end
        self._expected, self._running = first, previous
        self._recent: dict[str, int] = {previous: first - 1}
        self._shift = 0
        self._searches = 0
        self._entries = 0
        self._last: Link | None = None
        self.findings = Findings()

    def run(self, links: Iterable[Link]) -> Verdict:
        """Check everything and say what was found."""
        self._check_head()
        for link, following in _with_next(links):
            self._take(link, following.previous if following else self._end[1])
        self._finish()
        if self._anchor:
            self._check_anchor(self._anchor)
        signed = self._head.signed_from > 0
        return Verdict(
            ok=not self.findings.found,
            chain=self._head.chain,
            entries=self._entries,
            last_seq=self._expected - 1,
            last_hash=self._running,
            signatures=("checked" if self._keys else "not checked") if signed else "none",
            signed_from=self._head.signed_from,
            findings=self.findings.found,
            more=self.findings.more,
        )

    def _check_head(self) -> None:
        head = self._head
        if self._keys is None or not head.seq:
            return
        if not head.signed_from:
            self.findings.add("head_changed", head.seq, "给出了密钥，但链没有签名：从未启用签名，或签名被抹去")
        elif not is_signed(self._keys, head_text(head), head.mac):
            self.findings.add("head_changed", head.seq, "链头的签名不对，或签名密钥不在给出的密钥中")

    def _take(self, link: Link, next_previous: str) -> None:
        self._entries += 1
        if self._anchor and link.seq == self._anchor.seq and link.hash != self._anchor.hash:
            self.findings.add("anchor_differs", link.seq, "这一条的哈希与锚点里的不一样，锚点之前有记录被改写")
        if link.seq < self._expected:
            kind: Kind = "order_changed" if self._is_whole(link, link.seq) else "row_inserted"
            self.findings.add(kind, link.seq, "出现在不该出现的位置")
            return
        gap = link.seq > self._expected
        if gap:
            self.findings.add("row_missing", self._expected, "序号不连续", last=link.seq - 1)
        reported = self.findings.names(link.seq)
        running = link.hash
        if self._is_whole(link, link.seq):
            if not gap and link.previous != self._running:
                self._blame_predecessor(link)
        else:
            running = self._diagnose(link, next_previous, linked=gap or link.previous == self._running)
            reported = True
        if self._keys and not reported:
            self._check_signature(link, self._keys)
        self._remember(link.seq, running)
        self._last = link

    def _remember(self, seq: int, running: str) -> None:
        self._running = running
        self._expected = seq + 1
        # the first to have it: a copy further on is a forgery
        self._recent.setdefault(running, seq)
        if len(self._recent) > RECENT:
            del self._recent[next(iter(self._recent))]

    def _is_whole(self, link: Link, seq: int, previous: str | None = None) -> bool:
        if link.withheld:
            return True
        if link.fields is None:
            return False
        return matches(canonical(self._head.chain, seq, link.previous if previous is None else previous, link.fields), link.hash)

    def _blame_predecessor(self, link: Link) -> None:
        """The entry is whole, but it was written behind another one than that which stands there now."""
        before = self._last
        if before is None:
            self.findings.add("row_missing", link.seq - 1 if link.seq > 1 else link.seq, "前面的记录不是原来的")
        elif not self.findings.names(before.seq):
            self.findings.add("content_changed", before.seq, "内容和哈希一起被改，后一条仍指向原来的哈希")

    def _diagnose(self, link: Link, next_previous: str, *, linked: bool) -> str:
        """Name what was done to an entry whose hash does not fit; the hash that its successor should point to."""
        shift = self._find_shift(link)
        if shift:
            stood_behind = self._recent.get(link.previous, link.seq)
            # in a row of moved entries; one that was swapped has a stranger behind it
            begins_a_row = not linked and next_previous == link.hash
            if begins_a_row and shift < 0 and stood_behind < link.seq - 1:
                self.findings.add("row_inserted", stood_behind + 1, "后面的记录原来直接接在它之前的那条后面", last=link.seq - 1)
            if begins_a_row and shift > 0:
                self.findings.add("row_missing", link.seq, f"原来在这里的 {shift} 条被删掉，后面的重新编了号")
            self.findings.add("order_changed", link.seq, f"原来的序号与现在相差 {shift:+d}")
            return link.hash
        if link.fields is None:
            self.findings.add("content_changed", link.seq, "内容不是有效的文字")
        elif self._is_whole(link, link.seq, self._running):
            self.findings.add("hash_changed", link.seq, "指向前一条的哈希被改")
        elif matches(canonical(self._head.chain, link.seq, link.previous, link.fields), next_previous):
            self.findings.add("hash_changed", link.seq, "这一条自己的哈希被改，内容没有变")
            return next_previous
        else:
            self.findings.add("content_changed", link.seq, "内容与哈希不符")
        return link.hash

    def _find_shift(self, link: Link) -> int:
        """How far from its first place an entry stands, 0 when that does not explain it."""
        near = [shift for shift in (self._shift, -1, 1) if shift]
        wide: Iterable[int] = ()
        if self._searches < FAR_SEARCHES:
            self._searches += 1
            wide = (sign * far for far in range(2, FAR + 1) for sign in (-1, 1))
        for shift in (*near, *wide):
            if link.seq + shift >= 1 and self._is_whole(link, link.seq + shift):
                self._shift = shift
                return shift
        return 0

    def _check_signature(self, link: Link, keys: Keys) -> None:
        if not self._head.signed_from or link.seq < self._head.signed_from:
            if link.mac:
                self.findings.add("signature_wrong", link.seq, "这一条写入时还没有启用签名，却带有签名")
        elif not is_signed(keys, link.hash, link.mac):
            self.findings.add("signature_wrong", link.seq, "签名与哈希不符，或签名密钥不在给出的密钥中")

    def _finish(self) -> None:
        (end, end_hash), last = self._end, self._expected - 1
        if last < end:
            self.findings.add("tail_truncated", last + 1, f"应有到第 {end} 条", last=end)
        elif last > end:
            self.findings.add("row_inserted", end + 1, f"链只记到第 {end} 条", last=last)
        elif self._running != end_hash and not self.findings.names(last):
            self.findings.add("head_changed", end, "链头与最后一条的哈希不一样：最后一条连同哈希被改，或链头被改")
        if end == self._head.seq and end_hash != self._head.hash:
            self.findings.add("head_changed", end, "链头的哈希与这一段的末尾不一样")

    def _check_anchor(self, anchor: Anchor) -> None:
        if anchor.chain != self._head.chain:
            self.findings.add("anchor_differs", anchor.seq, "锚点属于另一条链")
        elif self._keys and anchor.signed_from and not is_signed(self._keys, head_text(anchor), anchor.mac):
            self.findings.add("anchor_differs", anchor.seq, "锚点本身的签名不对")
        elif anchor.seq > self._head.seq:
            self.findings.add("tail_truncated", self._head.seq + 1, f"锚点记到第 {anchor.seq} 条", last=anchor.seq)


def _with_next(links: Iterable[Link]) -> Iterator[tuple[Link, Link | None]]:
    held: Link | None = None
    for link in links:
        if held is not None:
            yield held, link
        held = link
    if held is not None:
        yield held, None


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"
