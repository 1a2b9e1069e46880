"""YAML as kubectl reads it: bytes or text in, plain values out. Pure.

kubectl turns a kubeconfig into JSON with sigs.k8s.io/yaml, whose parser is go-yaml v2, a port of libyaml. What that
pair accepts, refuses and makes of a scalar is the reference here, not a YAML specification. The values are those that
JSON has: keys are strings; there is no NaN and no timestamp.

The readers, in the order in which they are tried: `block` is fast and reads what tools write. Where it gives up,
`composer` reads the text from its start; it reads everything, and it alone decides what is an error.
"""

from __future__ import annotations

from kaito.lazy_re import pattern
from kaito.yaml import block
from kaito.yaml.characters import END
from kaito.yaml.errors import YamlError, fail

__all__ = ["MAX_BYTES", "YamlError", "decode", "load"]

# A thousand contexts with their certificates are 5.5 MB.
MAX_BYTES = 64 * 1024 * 1024

_NOT_ALLOWED = pattern("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]|[\ud800-\udfff\ufffe\uffff]")
_PRINTABLE_ASCII = bytes((9, 10, *range(0x20, 0x7F)))


def load(source: bytes | str) -> object:
    """Read the first document of `source`: dict (its keys are str), list, str, int, float, bool or None.

    Bytes are UTF-8, or UTF-16 with a byte order mark. An empty source is None. Of duplicate keys, the last one counts.
    An alias and its anchor are the same object, so do not change what is returned.
    Raises YamlError, and nothing else.
    """
    text = decode(source)
    try:
        return block.read_mapping(text)
    except (block.NotBlockStyleError, YamlError):
        from kaito.yaml import composer

        return composer.document(text)


def decode(source: bytes | str) -> str:
    """Return the text for both readers: without a byte order mark, with LF as its line break, and with END at its end.

    Raises YamlError for a text that is too large, not in its encoding, or not printable.
    """
    if len(source) > MAX_BYTES:
        raise YamlError(f"the text is larger than {MAX_BYTES // 1024 // 1024} MiB", 1, 1)
    return (_decoded(source) if isinstance(source, bytes) else _normalized(source)) + END


def _decoded(source: bytes) -> str:
    if not source.translate(None, _PRINTABLE_ASCII):
        return source.decode("ascii")
    encoding = "utf-8"
    if source.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16-le" if source[0] == 0xFF else "utf-16-be"
        source = source[2:]
    try:
        text = source.decode(encoding)
    except UnicodeDecodeError as error:
        before = _normalized(source[: error.start].decode(encoding))
        fail(before, len(before), f"expected {encoding[:6].rstrip('-').upper()}, found other bytes")
    return _normalized(text)


def _normalized(text: str) -> str:
    """Return `text` without a byte order mark and with LF for each CR LF, CR and NEL.

    Raises YamlError for a control character anywhere in the text. kubectl does not search far beyond the first
    document.
    """
    text = text[1:] if text.startswith("\ufeff") else text
    found = _NOT_ALLOWED.search(text)
    if found:
        before = _normalized(text[: found.start()])
        fail(before, len(before), f"expected text, found the control character U+{ord(found.group()):04X}")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x85", "\n")
