"""The meaning of scalars: text and tag in, values out. Pure.

The rules are those of go-yaml v2 (resolve.go), which kubectl uses: the booleans of YAML 1.1, integers as Go's strconv
reads them, and no timestamps, because JSON has none.
"""

from __future__ import annotations

import re

from kaito.lazy_re import pattern

CORE = "tag:yaml.org,2002:"
STR, BOOL, INT, FLOAT = CORE + "str", CORE + "bool", CORE + "int", CORE + "float"
NULL, TIMESTAMP = CORE + "null", CORE + "timestamp"
BINARY, MERGE = CORE + "binary", CORE + "merge"
NO_TAG = ""
_RESOLVED_TAGS = frozenset((NO_TAG, BOOL, INT, FLOAT, NULL, TIMESTAMP))

# go-yaml v2, resolve.go: resolveTable and resolveMap.
WORDS: dict[str, tuple[str, object]] = {
    **dict.fromkeys(["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"], (BOOL, True)),
    **dict.fromkeys(["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"], (BOOL, False)),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), (NULL, None)),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), (FLOAT, float("nan"))),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), (FLOAT, float("inf"))),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), (FLOAT, float("-inf"))),
}
# A plain scalar that begins with another character is a string.
MEANING_START = frozenset("0123456789+-.yYnNtTfFoO~")
_NUMBER_START = frozenset("0123456789+-.")

_DECIMAL = pattern(r"[+-]?(?:0|[1-9][0-9]*)\Z")
_PREFIXED = pattern(r"([+-]?)0(?:[xX]([0-9A-Fa-f]+)|[bB]([01]+)|[oO]?([0-7]+))\Z")
# go-yaml passes what follows "0b" to strconv.ParseInt(…, 2, 64), which takes a sign there.
_SIGN_AFTER_PREFIX = pattern(r"0b([+-][01]+)\Z")
_FLOATING = pattern(r"[+-]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][+-]?[0-9]+)?\Z")
# go-yaml removes every underscore, except after a leading ".", where strconv takes those between digits.
_UNDERSCORE_BETWEEN_DIGITS = pattern(r"(?<=[0-9])_(?=[0-9])")

_BASE64 = pattern(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\Z")
_TIME = pattern(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    r"(?:[Tt]([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,][0-9]+)?(?:Z|[+-]([0-9]{2}):([0-9]{2}))"
    r"| +([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,][0-9]+)?)?\Z"
)


def resolve(value: str, tag: str) -> object:
    """Return the value of a scalar as go-yaml v2's resolve does; `tag`: NO_TAG for a plain scalar without a tag.

    Raises ValueError if the text does not fit its tag.
    """
    if tag == BINARY:
        return _binary(value)
    if tag not in _RESOLVED_TAGS:
        return value
    kind, resolved = resolve_untagged(value)
    if tag in (NO_TAG, kind):
        return resolved
    if tag == FLOAT and kind == INT and isinstance(resolved, int) and resolved < 2**63:
        return float(resolved)
    if tag == TIMESTAMP and kind == STR and _is_timestamp(value):
        return value
    raise ValueError(f"expected a value that fits its tag !!{tag[len(CORE) :]}")


def resolve_untagged(value: str) -> tuple[str, object]:
    """Return the implicit tag of a plain scalar, for example INT, and its value."""
    word = WORDS.get(value)
    if word is not None:
        return word
    if value[0] not in _NUMBER_START:
        return STR, value
    number = _number(value)
    if number is None:
        return STR, value
    return (INT if isinstance(number, int) else FLOAT), number


def _number(value: str) -> int | float | None:
    """Return the number that Go's strconv reads from `value` with base 0, or None if that is not a number.

    Integers have 64 bits, signed or unsigned. Larger decimal ones are floats, as they are in JSON.
    """
    digits = _UNDERSCORE_BETWEEN_DIGITS.sub("", value) if value[0] == "." else value.replace("_", "")
    whole = _integer(digits)
    if whole is not None and -(2**63) <= whole < (2**63 if digits[0] == "+" else 2**64):
        return whole
    if _FLOATING.match(digits):
        number = float(digits)
        return number if abs(number) != float("inf") else None
    return None


def _integer(digits: str) -> int | None:
    if _DECIMAL.match(digits):
        # Python refuses to convert thousands of digits. No number of more than 20 digits fits into 64 bits.
        return int(digits) if len(digits) <= 21 else None
    found = _PREFIXED.match(digits)
    if found:
        sign, hexadecimal, binary, octal = found.groups()
        base = 16 if hexadecimal else 2 if binary else 8
        return int(sign + (hexadecimal or binary or octal), base)
    found = _SIGN_AFTER_PREFIX.match(digits)
    return int(found.group(1), 2) if found else None


def _binary(value: str) -> str:
    compact = value.replace("\n", "").replace("\r", "")
    if not _BASE64.match(compact):
        raise ValueError("expected base64 after the tag !!binary")
    import binascii

    decoded = binascii.a2b_base64(compact).decode("utf-8", "surrogateescape")
    # JSON holds text only. Go writes one replacement character for each byte that is not UTF-8.
    return re.sub("[\udc80-\udcff]", "\ufffd", decoded)


def _is_timestamp(value: str) -> bool:
    """Return whether go-yaml v2 reads `value` as a time (resolve.go, allowedTimestampFormats)."""
    found = _TIME.match(value)
    if not found:
        return False
    year, month, day, *clock = (int(part or 0) for part in found.groups())
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days = (31, 28 + leap, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    limits = (24, 60, 60, 25, 61, 24, 60, 60)
    return 1 <= month <= 12 and 1 <= day <= days[month - 1] and all(part < limit for part, limit in zip(clock, limits))


def key_text(key: object) -> str:
    """Return a mapping's key as sigs.k8s.io/yaml writes it into JSON. Raises ValueError if it cannot be a JSON key."""
    if isinstance(key, str):
        return key
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, int) and key < 2**63:
        return str(key)
    if isinstance(key, float):
        return _float_text(key)
    raise ValueError("expected a string, a number or a boolean as the key")


def _float_text(number: float) -> str:
    """Return what Go's strconv.FormatFloat(number, 'g', -1, 32) does, with YAML's names for infinities and NaN."""
    single = _single_precision(number)
    if single != single:
        return ".nan"
    if abs(single) == float("inf"):
        return ".inf" if single > 0 else "-.inf"
    # The fewest digits that identify this number among those of 32 bits; nine always suffice.
    digits = next(digits for digits in range(9) if _single_precision(float(f"{single:.{digits}e}")) == single)
    mantissa, exponent = f"{single:.{digits}e}".split("e")
    power = int(exponent)
    if power < -4 or power >= 6:
        return f"{mantissa}e{exponent}"
    return f"{single:.{max(digits - power, 0)}f}"


def _single_precision(number: float) -> float:
    """Round to the nearest float of 32 bits."""
    import struct

    try:
        rounded: float = struct.unpack("<f", struct.pack("<f", number))[0]
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")
    return rounded
