"""The tokens into which the scanner splits a text, and from which the composer makes values."""

from __future__ import annotations

from kaito.values import NamedTuple


class Kind:
    """What a token is. The names are libyaml's; the values help in debugging."""

    STREAM_END = "end of the text"
    VERSION = "%YAML"
    TAG_HANDLE = "%TAG"
    DOCUMENT_START = "---"
    DOCUMENT_END = "..."
    BLOCK_SEQUENCE = "start of a block list"
    BLOCK_MAPPING = "start of a block mapping"
    BLOCK_END = "end of a block collection"
    FLOW_SEQUENCE = "["
    FLOW_SEQUENCE_END = "]"
    FLOW_MAPPING = "{"
    FLOW_MAPPING_END = "}"
    FLOW_ENTRY = ","
    BLOCK_ENTRY = "-"
    KEY = "?"
    VALUE = ":"
    ALIAS = "*"
    ANCHOR = "&"
    TAG = "!"
    PLAIN = "plain scalar"
    QUOTED = "scalar with quotes or a block indicator"


class Token(NamedTuple):
    """One token: its kind, where it begins in the text, and what is written there.

    `value` is a scalar's text, an anchor's name, a version, or a handle of tags; `more` is the prefix that a handle
    stands for, or what follows the handle in a tag.
    """

    kind: str
    position: int
    value: str = ""
    more: str = ""
