"""Plain text."""

from ..blocks import Block
from .decode import decode
from .limits import ReadLimits, too_large
from .lines import blocks_of_lines


def text_lines(data: bytes, name: str, limits: ReadLimits) -> list[tuple[int, str]]:
    """Numbered lines of a text file."""
    text = decode(data, name)
    lines = list(enumerate(text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\n").split("\n"), 1))
    longest = max(lines, key=lambda line: len(line[1]))
    if len(longest[1]) > limits.max_line:
        raise too_large(f"第 {longest[0]} 行有 {len(longest[1])} 个字符", f"{name} 第 {longest[0]} 行", f"每行 {limits.max_line} 个字符")
    return lines


def read_text(data: bytes, name: str, limits: ReadLimits) -> list[Block]:
    """Blocks of a plain text file; headings and tables in Markdown's notation are recognised too."""
    return blocks_of_lines(text_lines(data, name, limits))
