"""Flags by the rules of pflag, which kubectl uses. Pure: a table and argv in, values out.

`--flag value`, `--flag=value`, `-f value`, `-fvalue`, `-f=value` and combined switches (`-qh`) are accepted; `--` ends
the flags; names cannot be abbreviated. The word after a flag is its value even if it begins with a dash. A flag whose
value is optional (pflag's NoOptDefVal: every switch, and a few others) takes a value only after `=`.
"""

from __future__ import annotations

from kaito.errors import UsageError
from kaito.lazy_re import pattern
from kaito.text import nearest
from kaito.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Union

    Value = Union[str, int, float, bool, tuple[str, ...], None]


class Kind(NamedTuple):
    """The type of a flag's value: the word that help shows for it, and the function that reads it.

    `read` raises ValueError with a description of the valid values ("a number from 0.0 to 2.0"), and returns None for a
    text that means the flag was not given. `choices`: all valid values, if the type is an enumeration.
    """

    word: str
    read: Callable[[str], Value]
    choices: tuple[str, ...] = ()


class Flag(NamedTuple):
    """One flag.

    `bare`: the value of the flag when it is given without one; None if it requires a value. `many`: each occurrence
    adds to a tuple of strings; otherwise the last one counts, as in pflag. `shown`: the default as a user would type
    it, if `str` writes it differently.
    """

    name: str
    kind: Kind
    default: Value
    help: str
    short: str = ""
    bare: str | None = None
    many: bool = False
    shown: str = ""


class Values:
    """A parsed command line. State: the value of each flag, which is its default until `set` is called.

    `given`: the names of the flags that were given. `arguments`: the words that are neither flags nor their values.
    """

    def __init__(self, flags: Sequence[Flag]) -> None:
        self._values: dict[str, Value] = {flag.name: flag.default for flag in flags}
        self.given: set[str] = set()
        self.arguments: list[str] = []

    def set(self, flag: Flag, value: Value) -> None:
        """Set the value of a flag that was given; a repeatable flag collects its values."""
        if flag.many and flag.name in self.given:
            earlier = self._values[flag.name]
            assert isinstance(earlier, tuple) and isinstance(value, tuple)
            value = earlier + value
        self._values[flag.name] = value
        self.given.add(flag.name)

    def unset(self, flag: Flag) -> None:
        """Give the flag its default back, as if it had not been given."""
        self._values[flag.name] = flag.default
        self.given.discard(flag.name)

    def text(self, name: str) -> str:
        """Return the value of a flag that takes a string."""
        value = self._values[name]
        assert isinstance(value, str)
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the values of a repeatable flag, in order."""
        value = self._values[name]
        assert isinstance(value, tuple)
        return value

    def integer(self, name: str) -> int:
        """Return the value of a flag that takes a whole number."""
        value = self._values[name]
        assert isinstance(value, int)
        return value

    def real(self, name: str) -> float:
        """Return the value of a flag that takes a number, or a duration, which is in seconds."""
        value = self._values[name]
        assert isinstance(value, (int, float))
        return float(value)

    def switch(self, name: str) -> bool:
        """Return whether a switch is on."""
        return self._values[name] is True


# The grammar of values is that of Go's strconv, which pflag uses.

_INTEGER = pattern(r"[+-]?(?:0[xX][0-9a-fA-F]{1,20}|0[bB][01]{1,70}|0[oO]?[0-7]{1,30}|0|[1-9][0-9]{0,20})")
_REAL = pattern(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_DURATION = pattern(r"(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+")
_DURATION_PART = pattern(r"([0-9]*)\.?([0-9]*)([a-zµμ]+)")
_NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_LONGEST_DURATION = 1000  # characters

# The width of help.
_COLUMNS = 80

_SWITCH = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True),
    **dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False),
}


def _read_switch(text: str) -> bool:
    if text not in _SWITCH:
        raise ValueError("true or false")
    return _SWITCH[text]


TEXT = Kind("string", str)
TEXTS = Kind("strings", lambda text: (text,))
SWITCH = Kind("", _read_switch)


def whole_number(low: int) -> Kind:
    """Return the kind of whole numbers from `low` on; 0x, 0o, 0b and a leading 0 have the same meaning as in Go."""
    wanted = f"a whole number, {low} or more" if low > -(2**63) else "a whole number"

    def read(text: str) -> int:
        if _INTEGER.fullmatch(text):
            digits = text.lstrip("+-")
            value = int(digits, 8 if digits[0] == "0" and digits.isdigit() else 0)
            value = -value if text[0] == "-" else value
            # Go reads 64 bits, and every server refuses a JSON number that needs more.
            if low <= value < 2**63:
                return value
        raise ValueError(wanted)

    return Kind("int", read)


def number(low: float, high: float) -> Kind:
    """Return the kind of numbers from `low` to `high`, both included; JSON has neither nan nor inf."""

    def read(text: str) -> float:
        if _REAL.fullmatch(text) and low <= float(text) <= high:
            return abs(float(text)) if float(text) == 0 else float(text)
        raise ValueError(f"a number from {low} to {high}")

    return Kind("float", read)


def choice(*words: str) -> Kind:
    """Return the kind whose only values are `words`."""

    def read(text: str) -> str:
        if text not in words:
            raise ValueError("one of " + ", ".join(words))
        return text

    return Kind("string", read, words)


def _read_pattern(text: str) -> tuple[str, ...]:
    import re
    import warnings

    with warnings.catch_warnings():
        # Python warns on stderr about syntax whose meaning may change.
        warnings.simplefilter("ignore")
        try:
            re.compile(text)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"a regular expression ({error})") from None
    return (text,)


PATTERNS = Kind("regex", _read_pattern)


def _read_duration(text: str) -> float | None:
    """Return seconds, read as kubectl reads --request-timeout (client-go's clientcmd.ParseTimeout), None for "".

    A negative duration, which kubectl takes for no limit, is refused, as is any that Go's 64 bits cannot hold.
    """
    if not text:
        return None
    unsigned = text[1:] if text[0] in "+-" else text
    nanoseconds = -1
    if len(text) > _LONGEST_DURATION:
        pass
    elif unsigned.isascii() and unsigned.isdigit():
        # A whole number without a unit is in seconds.
        nanoseconds = int(unsigned) * 10**9
    elif _DURATION.fullmatch(unsigned):
        nanoseconds = sum(_nanoseconds(*part) for part in _DURATION_PART.findall(unsigned))
    if not 0 <= nanoseconds < 2**63 or (nanoseconds and text[0] == "-"):
        raise ValueError("a duration such as 30s, 5m or 1h30m")
    return nanoseconds / 10**9


def _nanoseconds(whole: str, fraction: str, unit: str) -> int:
    factor = _NANOSECONDS[unit]
    return int(whole or 0) * factor + int(fraction or 0) * factor // int("1" + "0" * len(fraction))


DURATION = Kind("duration", _read_duration)


def parse(argv: Sequence[str], flags: Sequence[Flag]) -> Values:
    """Parse `argv` by the table `flags`. Raises UsageError, which names the flag, its value and the valid values."""
    long = {flag.name: flag for flag in flags}
    short = {flag.short: flag for flag in flags if flag.short}
    values = Values(flags)
    words = list(reversed(argv))
    while words:
        word = words.pop()
        if word == "--":
            values.arguments += reversed(words)
            break
        if word.startswith("--"):
            name, equals, text = word[2:].partition("=")
            if name not in long:
                close = nearest(name, long)
                raise UsageError(f"unknown flag: --{name}" + (f" (did you mean --{close[0]}?)" if close else ""))
            _take(values, long[name], f"--{name}", text if equals else None, words)
        elif word.startswith("-") and len(word) > 1:
            _parse_short(values, word, short, words)
        else:
            values.arguments.append(word)
    return values


def _parse_short(values: Values, word: str, short: dict[str, Flag], words: list[str]) -> None:
    rest = word[1:]
    while rest:
        letter, rest = rest[0], rest[1:]
        if letter not in short:
            raise UsageError(f"unknown flag: -{letter}" + (f" in {word}" if len(word) > 2 else ""))
        flag = short[letter]
        if rest.startswith("="):
            _take(values, flag, f"-{letter}", rest[1:], words)
            return
        if flag.bare is None and rest:
            _take(values, flag, f"-{letter}", rest, words)
            return
        _take(values, flag, f"-{letter}", None, words)


def _take(values: Values, flag: Flag, shown: str, text: str | None, words: list[str]) -> None:
    """Set a flag's value from `text`, else from the flag's `bare` value, else from the next word."""
    if text is None:
        if flag.bare is not None:
            text = flag.bare
        elif words:
            text = words.pop()
        else:
            raise UsageError(f"flag {shown} needs a value ({flag.kind.word})")
    try:
        value = flag.kind.read(text)
    except ValueError as wanted:
        raise UsageError(f'invalid value "{text}" for {shown}: it takes {wanted}') from None
    if value is None:
        values.unset(flag)
    else:
        values.set(flag, value)


def by_word(flags: Sequence[Flag]) -> dict[str, Flag]:
    """Return each flag by the words that name it: `--name`, and `-n` if it has a short name."""
    words = {f"--{flag.name}": flag for flag in flags}
    words.update({f"-{flag.short}": flag for flag in flags if flag.short})
    return words


def split_verb(argv: Sequence[str], flags: Sequence[Flag]) -> tuple[str, list[str]]:
    """Return the first word that is neither a flag nor a flag's value ("" if there is none), and `argv` without it.

    `flags`: those of the root. As in cobra, a flag that is not among them is assumed to take a value.
    """
    known_words = by_word(flags)
    skip = False
    for position, word in enumerate(argv):
        if skip:
            skip = False
        elif word == "--":
            break
        elif word.startswith("-") and len(word) > 1:
            known = known_words.get(word)
            alone = "=" not in word and (word.startswith("--") or len(word) == 2)
            skip = alone and (known is None or known.bare is None)
        else:
            return word, [*argv[:position], *argv[position + 1 :]]
    return "", list(argv)


def describe(flags: Sequence[Flag]) -> list[str]:
    """Return lines of help in pflag's layout: names, type, description and default of each flag.

    No line is longer than a terminal is wide: a description goes on below its own beginning.
    """
    heads = []
    for flag in flags:
        head = f"  -{flag.short}, " if flag.short else "      "
        head += f"--{flag.name}" + (f" {flag.kind.word}" if flag.kind.word else "")
        if flag.bare is not None and flag.kind is not SWITCH:
            head = head.replace(f" {flag.kind.word}", f"[={flag.kind.word}]")
        heads.append(head)
    width = max(map(len, heads)) + 2
    lines = []
    for head, flag in zip(heads, flags):
        line = head.ljust(width)
        for word in (*flag.help.split(), *_default(flag)):
            if len(line) + 1 + len(word) > _COLUMNS:
                lines.append(line)
                line = " " * width
            line += f" {word}"
        lines.append(line)
    return lines


def _default(flag: Flag) -> tuple[str, ...]:
    """Return what help says about the default, as one word, none if there is nothing to say."""
    return () if flag.default in ("", None, False, ()) else (f"(default {flag.shown or flag.default})",)
