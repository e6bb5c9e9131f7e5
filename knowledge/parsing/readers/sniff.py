"""What kind of file the bytes are."""

import io
import zipfile
from typing import Literal

from .limits import DEFAULT_LIMITS, ReadLimits, megabytes, too_large, unreadable

Kind = Literal["text", "markdown", "html", "docx", "pdf"]
SUFFIXES: dict[str, Kind] = {
    "txt": "text",
    "text": "text",
    "md": "markdown",
    "markdown": "markdown",
    "html": "html",
    "htm": "html",
    "docx": "docx",
    "pdf": "pdf",
}
SUPPORTED = "、".join(f".{suffix}" for suffix in SUFFIXES)
_FOREIGN = (
    (b"\xd0\xcf\x11\xe0", "这是旧版 Office 文件（.doc/.xls/.ppt）", "用 Word 或 WPS 另存为 .docx 再上传"),
    (b"\x89PNG", "这是图片，没有文字可读", "请先做文字识别(OCR)，再上传识别后的文本"),
    (b"\xff\xd8\xff", "这是图片，没有文字可读", "请先做文字识别(OCR)，再上传识别后的文本"),
    (b"GIF8", "这是图片，没有文字可读", "请先做文字识别(OCR)，再上传识别后的文本"),
    (b"II*\0", "这是图片，没有文字可读", "请先做文字识别(OCR)，再上传识别后的文本"),
    (b"{\\rtf", "不支持 RTF 文件", "用 Word 或 WPS 另存为 .docx 再上传"),
    (b"\x1f\x8b", "不支持压缩包", "解压后再上传"),
    (b"Rar!", "不支持压缩包", "解压后再上传"),
    (b"7z\xbc\xaf", "不支持压缩包", "解压后再上传"),
)


def suffix_of(name: str) -> str:
    """The suffix in lower case, or empty where what follows the last dot is no suffix (`标准 1.2`)."""
    suffix = name.rsplit(".", 1)[-1].lower() if "." in name else ""
    return suffix if suffix.isascii() and suffix.isalnum() and suffix[0].isalpha() and len(suffix) <= 8 else ""


def sniff(data: bytes, name: str, limits: ReadLimits = DEFAULT_LIMITS) -> Kind:
    """The kind of file: magic bytes, then the suffix.

    Raises:
        DocumentError: empty, of a foreign kind, or not what its suffix says.
        TooLarge: a DOCX that unpacks beyond the limits.
    """
    suffix = suffix_of(name)
    if not data.strip(b"\0 \t\r\n\x0b\x0c\xef\xbb\xbf\xff\xfe"):
        raise unreadable("文件是空的", name, "检查文件是否上传完整")
    if b"%PDF-" in data[:1024]:
        return "pdf"
    for magic, what, cure in _FOREIGN:
        if data.startswith(magic):
            raise unreadable(what, name, cure)
    if data.startswith(b"PK"):
        return _zipped(data, name, limits)
    if suffix == "docx":
        raise unreadable("文件名是 .docx，内容却不是 DOCX（不是 zip 容器）", name, "用 Word 或 WPS 重新保存为 .docx")
    if suffix == "pdf":
        raise unreadable("文件名是 .pdf，内容却不是 PDF", name, "重新导出或下载完整的 PDF")
    if suffix and suffix not in SUFFIXES:
        raise unreadable(f"不支持 .{suffix} 文件", name, f"支持的类型：{SUPPORTED}")
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "html"
    return SUFFIXES.get(suffix, "text")


def _zipped(data: bytes, name: str, limits: ReadLimits) -> Kind:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise unreadable("DOCX（zip 容器）已损坏或被截断", name, "重新保存或重新上传文件") from error
    names = {member.filename for member in members}
    if "word/document.xml" not in names:
        what = "这是 Excel/PPT 文件或压缩包，不是 DOCX"
        raise unreadable(what, name, f"支持的类型：{SUPPORTED}")
    if any(member.flag_bits & 1 for member in members):
        raise unreadable("DOCX 被加密", name, "去掉密码后再上传")
    if len(members) > limits.max_members:
        raise too_large(f"DOCX 里有 {len(members)} 个部件", name, f" {limits.max_members} 个部件")
    for member in members:
        if member.file_size > 2**20 and member.file_size > limits.max_ratio * max(1, member.compress_size):
            raise too_large("DOCX 的压缩比异常，像是压缩炸弹", f"{name}: {member.filename}", f"压缩比 {limits.max_ratio}")
    unpacked = sum(member.file_size for member in members)
    if unpacked > limits.max_unpacked:
        raise too_large(f"DOCX 解压后有 {megabytes(unpacked)}", name, f" {megabytes(limits.max_unpacked)}")
    return "docx"
