"""Random kubeconfigs, in the many ways of writing YAML that people and tools have. Seeded."""

from __future__ import annotations

import base64
import json
import random
import re

_LETTERS = "abcXYZ019-_./:@ #'\"\\,{}[]&*!|>%`?é…😀\t\n="
_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./+=-]*(?: [A-Za-z0-9_./+=-]+)*")
# What a plain scalar can be other than a string: refused where a string belongs.
_OTHER = ("yes", "off", "n", "True", "123", "0x1F", "0o17", "017", "1_000", "1e3", "-.5", "12:30", "~", "null", "")
_RESERVED = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))


class Raw(str):
    """Text that is written unquoted."""


class Generator:
    """State: the random numbers, and the style of the file that is being written."""

    def __init__(self, seed):
        self.chance = random.Random(seed)

    # --- What: a kubeconfig as plain values; a `Raw` is written as it stands

    def kubeconfig(self, prefix):
        """Return a kubeconfig, mostly a valid one. Most names begin with `prefix`; other files share the others."""
        chance = self.chance
        names = [self.name(prefix) for _ in range(chance.randrange(4))]
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": self.cluster()} for name in names],
            "users": [{"name": name, "user": self.user()} for name in names],
            "contexts": [{"name": name, "context": self.context(names)} for name in names],
            "current-context": chance.choice([*names, ""]),
            "preferences": {},
        }
        for key in list(document):
            if chance.random() < 0.1:
                del document[key]
        if chance.random() < 0.2:
            document[self.text()] = self.anything(3)
        return document if chance.random() < 0.7 else self.spoiled(document)

    def name(self, prefix):
        if self.chance.random() < 0.1:
            return self.chance.choice(["prod", "dev"])
        return prefix + "-" + self.chance.choice([self.text(), "arn:aws:eks:eu-west-1:1:cluster/demo", "a b"])

    def text(self):
        chance = self.chance
        if chance.random() < 0.5:
            return "".join(chance.choice("abcdefghijklmnop-") for _ in range(chance.randrange(1, 12)))
        return "".join(chance.choice(_LETTERS) for _ in range(chance.randrange(12)))

    def data(self):
        return base64.b64encode(self.chance.getrandbits(320).to_bytes(40, "big")[: self.chance.randrange(40)]).decode()

    def some(self, fields):
        share = self.chance.random()
        kept = [key for key in fields if self.chance.random() < share]
        self.chance.shuffle(kept)
        return {key: fields[key] for key in kept}

    def cluster(self):
        return self.some(
            {
                "server": "https://" + self.chance.choice(["10.0.0.1:6443", "a.example.com/k8s/c-1", "[::1]"]),
                "certificate-authority-data": self.data(),
                "certificate-authority": "pki/ca.crt",
                "insecure-skip-tls-verify": self.chance.choice([True, False, None]),
                "tls-server-name": self.text(),
                "proxy-url": self.chance.choice(["", "http://proxy:3128"]),
                "disable-compression": self.chance.choice([True, False]),
                "extensions": self.extensions(),
                self.text(): self.anything(2),
            }
        )

    def extensions(self):
        names = ["client.authentication.k8s.io/exec", "a", "b"][: self.chance.randrange(4)]
        return [{"name": name, "extension": self.anything(2)} for name in names]

    def user(self):
        return self.some(
            {
                "token": self.text(),
                "tokenFile": "a/token",
                "username": self.text(),
                "password": self.text(),
                "client-certificate-data": self.data(),
                "client-certificate": "/etc/pki/me.crt",
                "client-key-data": self.data(),
                "client-key": "./keys/../me.key",
                "as": self.text(),
                "as-uid": self.text(),
                "as-groups": [self.text() for _ in range(self.chance.randrange(3))],
                "as-user-extra": {self.text(): [self.text()] for _ in range(self.chance.randrange(3))},
                "auth-provider": {"name": "oidc", "config": {self.text(): self.text()}},
                "exec": self.some(
                    {
                        "apiVersion": f"client.authentication.k8s.io/{self.chance.choice(['v1', 'v1beta1'])}",
                        "command": self.chance.choice(["aws", "./bin/plugin", "/usr/bin/plugin"]),
                        "args": [self.text() for _ in range(self.chance.randrange(4))],
                        "env": self.chance.choice([None, [{"name": "A", "value": self.text()}]]),
                        "installHint": self.text() + "\n\n" + self.text() + "\n",
                        "provideClusterInfo": self.chance.choice([True, False]),
                        "interactiveMode": self.chance.choice(["Never", "IfAvailable", "Always"]),
                    }
                ),
            }
        )

    def context(self, names):
        chance = self.chance
        return self.some({"cluster": chance.choice(names), "user": chance.choice(names), "namespace": self.text()})

    def anything(self, depth):
        chance = self.chance
        kind = chance.randrange(8 if depth else 6)
        if kind == 6:
            return [self.anything(depth - 1) for _ in range(chance.randrange(3))]
        if kind == 7:
            return {self.text(): self.anything(depth - 1) for _ in range(chance.randrange(3))}
        return (None, True, False, chance.randrange(-9, 10**6), self.text(), Raw(chance.choice(_OTHER)))[kind]

    def spoiled(self, document):
        """Return the document with one value somewhere in it replaced, often by one of the wrong type."""
        holders = [document]
        for holder in holders:
            members = holder.values() if isinstance(holder, dict) else holder
            holders += [member for member in members if member and isinstance(member, (dict, list))]
        holder = self.chance.choice(holders)
        if holder:
            place = self.chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
            holder[place] = self.chance.choice(
                [self.anything(1), Raw(self.chance.choice(_OTHER)), [self.anything(1)], self.cluster()]
            )
        return document

    # --- How: the values as YAML

    def written(self, document):
        """Return the document in a random style, from JSON to hand-written, with odd but legal spacing."""
        chance = self.chance
        self.step = chance.choice([2, 2, 2, 4, 3])
        self.hang = chance.random() < 0.5
        self.flow_share = chance.choice([0, 0, 0.1, 0.5, 1])
        self.comments = chance.choice([0, 0, 0.2])
        text = self.block(document, 0) if self.flow_share < 1 else self.flow(document) + "\n"
        if chance.random() < 0.1:
            text = "%YAML 1.1\n---\n" + text
        elif chance.random() < 0.2:
            text = chance.choice(["---\n", "--- # first\n", "# written by hand\n\n", "\n"]) + text
        if chance.random() < 0.1:
            text += chance.choice(["...\n", "---\nkind: other\n", "# end", "\n\n"])
        if chance.random() < 0.1:
            text = text.replace("\n", "\r\n")
        return chance.choice([b"", b"", b"", b"\xef\xbb\xbf"]) + text.encode()

    def block(self, value, indent):
        """Return the lines of a map or list that is not empty, at this indentation."""
        lines = []
        pad = " " * indent
        if isinstance(value, dict):
            for key, item in value.items():
                if self.chance.random() < 0.03:
                    lines.append(f"{pad}? {self.scalar(key)}\n{pad}:{self.value(item, indent, in_map=True)}")
                else:
                    lines.append(f"{pad}{self.key(key)}:{self.value(item, indent, in_map=True)}")
        else:
            for item in value:
                if isinstance(item, dict) and item and self.chance.random() > self.flow_share:
                    inner = self.block(item, indent + 2)
                    lines.append(f"{pad}- {inner[indent + 2 :]}")
                else:
                    lines.append(f"{pad}-{self.value(item, indent, in_map=False)}")
        return "".join(lines)

    def value(self, item, indent, in_map):
        """Return what follows a ":" or "-": a scalar, a flow collection, or a block on lines of its own."""
        chance = self.chance
        if isinstance(item, (dict, list)) and item and chance.random() > self.flow_share:
            hanging = in_map and isinstance(item, list) and self.hang
            return self.comment() + "\n" + self.block(item, indent if hanging else indent + self.step)
        if isinstance(item, (dict, list)):
            return " " + self.flow(item) + self.comment() + "\n"
        if isinstance(item, str) and not isinstance(item, Raw) and chance.random() < 0.15:
            literal = self.literal(item, indent + self.step)
            if literal:
                return literal
        return (" " * chance.choice([1, 1, 1, 2]) + self.scalar(item)).rstrip(" ") + self.comment() + "\n"

    def comment(self):
        return self.chance.choice([" # note", "  #: {[", " ", ""]) if self.chance.random() < self.comments else ""

    def literal(self, text, indent):
        """Return a literal block scalar, or "" if the text cannot be one."""
        body = text.rstrip("\n")
        if not body or body[0] in " \t\n" or "\t" in body or not all(c.isprintable() or c == "\n" for c in body):
            return ""
        ends = len(text) - len(body)
        chomping = "-" if ends == 0 else "" if ends == 1 else "+"
        lines = body.split("\n") + [""] * (ends - 1 if ends > 1 else 0)
        if any(line != line.rstrip(" ") for line in lines):
            return ""
        return f" |{chomping}\n" + "".join(f"{' ' * indent}{line}\n" if line else "\n" for line in lines)

    def flow(self, value):
        if isinstance(value, dict):
            members = [f"{self.key(key)}: {self.flow(item)}" for key, item in value.items()]
        elif isinstance(value, list):
            members = [self.flow(item) for item in value]
        else:
            return self.scalar(value) or "null"
        comma = self.chance.choice([", ", ",", ",\n  "]) if self.step != 3 else ", "
        inside = comma.join(members) if comma != "," else " ,".join(members)
        return f"{{{inside}}}" if isinstance(value, dict) else f"[{inside}]"

    def key(self, key):
        return self.scalar(key) if len(key) < 100 else json.dumps(key)

    def scalar(self, value):
        if isinstance(value, Raw):
            return str(value)
        if not isinstance(value, str):
            return json.dumps(value)
        chance = self.chance
        if _PLAIN.fullmatch(value) and value.lower() not in _RESERVED and chance.random() < 0.7:
            return value
        if value.isprintable() and chance.random() < 0.5:
            return "'" + value.replace("'", "''") + "'"
        return json.dumps(value, ensure_ascii=chance.random() < 0.5 and max(value, default="") <= "\uffff")
