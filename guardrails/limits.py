"""Shape of an input: not empty, not endless, no control characters."""

import unicodedata

from domain.principal import Principal

from .chain import Verdict

KEPT_CONTROLS = "\n\t"


class TextLimits:
    """Blocks empty and oversized questions; drops control and zero-width characters."""

    name = "text_limits"

    def __init__(self, longest: int) -> None:
        self._longest = longest

    def check(self, text: str, principal: Principal) -> Verdict:
        if len(text) > self._longest:
            reason = f"问题有 {len(text)} 个字，超过 {self._longest} 字的上限。请缩短，或把长材料作为文件上传后再提问"
            return Verdict("block", self.name, "", reason)
        clean = "".join(char for char in text if char in KEPT_CONTROLS or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co"))
        if not clean.strip():
            return Verdict("block", self.name, "", "问题是空的。请写下想问的内容，例如“先进级的在线检测要做到什么程度？”")
        return Verdict("redact" if clean != text else "allow", self.name, clean.strip() if clean != text else text)
