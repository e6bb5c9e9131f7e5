"""Account and tenant names: one spelling, one account, however it is typed."""

import re
import unicodedata

from domain.errors import UserInputError

SHAPE = re.compile(r"[0-9a-z一-鿿㐀-䶿]([0-9a-z一-鿿㐀-䶿._@-]{0,62}[0-9a-z一-鿿㐀-䶿])?")
"""Latin letters without marks, digits, Chinese characters, and . _ @ - inside: no letters of other scripts that look like them."""
LONGEST = 64


def folded(name: str) -> str:
    """How a name is compared: full width, upper case and compatibility forms are the same name (NFKC, case folded)."""
    # folding can bring out what normalises once more
    once = unicodedata.normalize("NFKC", name[: 4 * LONGEST]).casefold().strip()
    return unicodedata.normalize("NFKC", once)


def checked_name(name: str, where: str = "name") -> str:
    """`folded`. Raises UserInputError for a name that could be taken for another or cannot be typed."""
    plain = folded(name)
    if len(name) > LONGEST or not SHAPE.fullmatch(plain):
        cure = f"用 1 到 {LONGEST} 个小写字母、数字或汉字，中间可以有 . _ @ -"
        raise UserInputError("名称里有不能用的字符，或长度不对", where=where, cure=cure)
    return plain
