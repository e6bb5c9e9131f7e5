"""The loss counter: which blocks of the source have characters that no clause carries."""

from collections.abc import Sequence

from .blocks import Block, despaced


def lost_blocks(blocks: Sequence[Block], homes: dict[int, list[str]]) -> list[int]:
    """Indices of the blocks whose text, white space apart, is not found in the texts that claim to carry them.

    The comparison is by characters and knows nothing of how the texts were made. A text that carries many blocks is searched
    from where the one before was found, so the whole stays linear.
    """
    bare: dict[int, str] = {}
    cursor: dict[int, int] = {}

    def carried(needle: str, text: str) -> bool:
        key = id(text)
        if key not in bare:
            bare[key] = despaced(text)
        at = bare[key].find(needle, cursor.get(key, 0))
        if at < 0:
            at = bare[key].find(needle)
        if at >= 0:
            cursor[key] = at + len(needle)
        return at >= 0

    lost: list[int] = []
    for index, block in enumerate(blocks):
        texts = homes.get(index, [])
        if block.table:
            texts = ["\n".join(texts)]
            needles = [despaced(cell) for row in (*block.table.header, *block.table.rows) for cell in row]
        else:
            needles = [despaced(block.text)]
        if not all(any(carried(needle, text) for text in texts) for needle in needles if needle):
            lost.append(index)
        if block.table:
            bare.clear()
            cursor.clear()
    return lost
