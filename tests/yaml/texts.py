"""Random YAML for the tests: whole documents in many styles, random fragments in a row, and damaged texts.

Each function takes a random.Random, so that a seed determines the text.
"""

from __future__ import annotations

SCALARS = [
    "a",
    "b",
    "c-d",
    "e_f",
    "x.y",
    "https://h:443/p?q=1#f",
    "arn:aws:eks:eu:1:cluster/x",
    "key:",
    "#no",
    "a#b",
    "a:b",
    "::a",
    "-a",
    "?a",
    "-",
    "--",
    "---",
    "...",
    "1",
    "0",
    "-1",
    "+1",
    "007",
    "08",
    "0o17",
    "0x1F",
    "0b101",
    "0b12",
    "0b-1",
    "1_000",
    "1__0",
    "0_",
    "_1",
    "12345678901234567890",
    "123456789012345678901",
    "-9223372036854775808",
    "-9223372036854775809",
    "9223372036854775808",
    "+18446744073709551615",
    "18446744073709551616",
    "1.5",
    "1.",
    ".5",
    ".5e3",
    "+.5",
    "-1.5e-3",
    "1e3",
    "1E+3",
    "1e400",
    "1e-400",
    "-0",
    "-0.0",
    "1e",
    "1e+",
    ".",
    ".e1",
    "._5",
    "1._5",
    "0x",
    "0xG",
    "0xFFFFFFFFFFFFFFFF",
    "-0x8000000000000000",
    "1:30",
    "190:20:30",
    "2001-01-01",
    "2001-1-1T1:1:1Z",
    "0.1",
    "100000.0",
    "1e21",
    "1e20",
    "1e5",
    "1e6",
    "0.00001",
    "y",
    "n",
    "Y",
    "N",
    "yes",
    "No",
    "ON",
    "off",
    "true",
    "False",
    "TRUE",
    "tRUE",
    "null",
    "Null",
    "~",
    "NULL",
    "nUll",
    "=",
    "<<",
    ".inf",
    "-.Inf",
    "+.INF",
    ".nan",
    ".NaN",
    ".inF",
    "é",
    "日本",
    "😀",
    "a\xa0b",
]
TAGS = (
    "!!str",
    "!!int",
    "!!float",
    "!!bool",
    "!!null",
    "!!binary",
    "!!timestamp",
    "!!map",
    "!!seq",
    "!!merge",
    "!",
    "!foo",
    "!<tag:yaml.org,2002:str>",
    "!<x>",
    "!e!x",
    "!!st%72",
)
FRAGMENTS = (
    "- ",
    "-\n",
    "-",
    "? ",
    "?",
    ": ",
    ":\n",
    ":",
    "\n",
    "\n\n",
    "  ",
    " ",
    "    ",
    "\t",
    "#c",
    " # c\n",
    "'",
    '"',
    "''",
    '""',
    "\\",
    "\\n",
    "\\x41",
    "\\u00e9",
    "\\\n",
    "\\/",
    "|",
    ">",
    "|\n",
    ">-\n",
    "|+\n",
    "|2\n",
    ">1-\n",
    "&a ",
    "&b ",
    "*a",
    "*b",
    " *a ",
    "<<: ",
    "<<",
    "---",
    "--- ",
    "---\n",
    "...\n",
    "...",
    ",",
    ", ",
    "[",
    "]",
    "{",
    "}",
    "[]",
    "{}",
    "a: ",
    "b: ",
    "k: v\n",
    "- k: v\n",
    "  k: v\n",
    "a",
    "b",
    "x y",
    "1",
    "yes",
    "%YAML 1.1\n",
    "%YAML 1.2\n",
    "%TAG !e! tag:e,2000:\n",
    "%FOO\n",
    "@",
    "`",
    "%",
    "|-\n  x\n",
    ">\n  x\n   y\n\n  z\n",
    "\r\n",
    "\r",
    "\x85",
    "\u2028",
    "\u2029",
    "\ufeff",
    "\x01",
    "\x7f",
    "\0",
    "é",
    "<<: *a\n",
    "<<: [*a, *b]\n",
    "{a: 1}",
    "[1, 2]",
    "'x'",
    '"x y"',
)


def soup(rng, most=14):
    """Make a row of fragments. Few are YAML, and those are odd."""
    parts = []
    for _ in range(rng.randint(1, most)):
        pick = rng.random()
        if pick < 0.7:
            parts.append(rng.choice(FRAGMENTS))
        elif pick < 0.9:
            parts.append(rng.choice(SCALARS))
        else:
            parts.append(rng.choice(TAGS) + " ")
    return "".join(parts)


def lines(rng, most=8):
    """Make lines of mappings and lists at random indentations: nearly YAML."""
    rows = []
    for _ in range(rng.randint(1, most)):
        indent = " " * rng.choice((0, 0, 0, 1, 2, 2, 2, 3, 4, 4))
        item = rng.choice(("", "", "", "- ", "-   ", "- - ", "? ", ": "))
        key = rng.choice(("", "k: ", "a: ", "b:\n", "'q': ", '"d": ', "1: ", "a:  ", "<<: ", "k:", "[f]: ", "*a : "))
        rows.append(indent + item + key + _inline(rng, 2) + rng.choice(("", "", "", " # c", " ", "\t")))
    return "\n".join(rows) + rng.choice(("\n", "", "\n\n", "\n...\n", "\n---\nb\n"))


def _inline(rng, depth):
    """Make a value, on one line or on several: a scalar in some style, or a flow collection."""
    pick = rng.random()
    if pick < 0.1:
        return ""
    if pick < 0.2:
        return rng.choice(("&a ", "&b ", "*a", "*b", "*a ", *(tag + " " for tag in TAGS))) + _inline(rng, 0)
    if depth and pick < 0.3:
        items = (_inline(rng, depth - 1) for _ in range(rng.randint(0, 3)))
        return "[" + ", ".join(items) + rng.choice(("]", ",]", " ]"))
    if depth and pick < 0.4:
        pairs = (
            rng.choice(("a: ", "b : ", "'c':", "? d : ", "e", "1: ", "<<: ")) + _inline(rng, depth - 1)
            for _ in range(rng.randint(0, 3))
        )
        return "{" + ", ".join(pairs) + rng.choice(("}", ",}", " }", "\n}", "\n  }"))
    if pick < 0.5:
        return "'" + _quoted(rng).replace("'", "''") + "'"
    if pick < 0.6:
        return '"' + _quoted(rng, rng.choice(("\\n", "\\t", "\\x41", "\\u263a", "\\\n   ", "\\ ", '\\"', ""))) + '"'
    if pick < 0.68:
        indent = " " * rng.randint(1, 5)
        header = rng.choice("|>") + rng.choice(("", "", "-", "+", "1", "2", "3-", "+4"))
        rows = [header + rng.choice(("", " # c", " "))]
        for _ in range(rng.randint(0, 5)):
            rows.append(indent + " " * rng.choice((0, 0, 0, 1, 2)) + rng.choice(("", *SCALARS)))
        return "\n".join(rows)
    if pick < 0.75:
        return rng.choice(SCALARS) + rng.choice(("\n", "\n\n", " \n ")) + " " * rng.randint(0, 5) + rng.choice(SCALARS)
    return rng.choice(SCALARS)


def _quoted(rng, *more):
    return "".join(
        rng.choice(("a", " ", "  ", "b", ": ", "#", "\n", "\n\n", "\n  ", " \n", "\t", "é", *more))
        for _ in range(rng.randint(0, 7))
    )


def document(rng, depth=3, indent=0):
    """Make a node of a well-formed document in block style. Its first line is not indented."""
    pad = " " * indent
    pick = rng.random()
    if depth and pick < 0.45:
        rows = []
        for number in range(rng.randint(1, 4)):
            names = (f"k{number}", f"'k {number}'", f'"k{number}"', f"{number}", "yes", rng.choice(SCALARS[:10]))
            key = rng.choice(names)
            rows.append(f"{key}:" + _nested(rng, depth - 1, indent, True))
            if rng.random() < 0.1:
                rows.append(rng.choice(("# c", "", "   # c")))
        return ("\n" + pad).join(rows)
    if depth and pick < 0.75:
        gap = rng.choice((1, 1, 1, 2, 3))
        rows = []
        for _ in range(rng.randint(1, 4)):
            inner = document(rng, depth - 1, indent + 1 + gap)
            rows.append("-" + (" " * gap + inner if rng.random() < 0.8 else _nested(rng, depth - 1, indent, False)))
        return ("\n" + pad).join(rows)
    return _leaf(rng, indent)


def _nested(rng, depth, indent, in_mapping):
    """Make what follows "key:" or "-", on the same line, or below and further right."""
    anchor = rng.choice(("", "", "", "", " &a", " !!map" if depth < 0 else " &b"))
    pick = rng.random()
    if depth and pick < 0.5:
        deeper = indent + rng.choice((1, 2, 2, 2, 4))
        if in_mapping and rng.random() < 0.3:
            return f"{anchor}\n{' ' * indent}- " + document(rng, depth - 1, indent + 2)
        return f"{anchor}\n{' ' * deeper}" + document(rng, depth, deeper)
    return f"{anchor} " + _leaf(rng, indent)


def _leaf(rng, indent):
    """Make a scalar or a flow collection whose further lines are right of `indent`."""
    pad = " " * (indent + rng.choice((1, 2, 3)))
    pick = rng.random()
    if pick < 0.12:
        words = [rng.choice(SCALARS[:10]) for _ in range(rng.randint(1, 4))]
        return rng.choice((" ", f"\n{pad}", f"\n\n{pad}")).join(words)
    if pick < 0.24:
        return "'" + _quoted(rng).replace("'", "''").replace("\n", f"\n{pad}") + "'"
    if pick < 0.36:
        return '"' + _quoted(rng, "\\n", "\\\\", '\\"', "\\x41").replace("\n", f"\n{pad}") + '"'
    if pick < 0.5:
        rows = [rng.choice("|>") + rng.choice(("", "-", "+")), pad + "x"]
        for _ in range(rng.randint(0, 4)):
            rows.append(rng.choice(("", pad + rng.choice(("", " ", "  ")) + rng.choice(SCALARS))))
        return "\n".join(rows)
    if pick < 0.6:
        return _inline(rng, 2).replace("\n", f"\n{pad}")
    return rng.choice(SCALARS)


def damaged(rng, text):
    """Return `text` with a few pieces removed, doubled, moved or replaced, or cut short."""
    for _ in range(rng.randint(1, 4)):
        if not text:
            break
        start = rng.randrange(len(text))
        end = min(len(text), start + rng.choice((1, 1, 1, 2, 5, 20)))
        pick = rng.random()
        if pick < 0.2:
            text = text[:start] + text[end:]
        elif pick < 0.35:
            text = text[:end] + text[start:end] + text[end:]
        elif pick < 0.6:
            text = text[:start] + rng.choice(FRAGMENTS) + text[start:]
        elif pick < 0.8:
            text = text[:start] + rng.choice(FRAGMENTS) + text[end:]
        elif pick < 0.9:
            where = rng.randrange(len(text))
            text = text[:where] + text[start:end] + text[where:]
        else:
            text = text[:start]
    return text


def any_text(rng, seeds):
    """Make a text of any of these kinds; `seeds` are texts to damage."""
    pick = rng.random()
    if pick < 0.25:
        return soup(rng)
    if pick < 0.5:
        return lines(rng)
    if pick < 0.65:
        return document(rng) + rng.choice(("\n", ""))
    if pick < 0.8:
        return damaged(rng, document(rng) + "\n")
    return damaged(rng, rng.choice(seeds))
