"""Start-up and one piped question, in multiples of an interpreter that imports what such a program would import.

Beside them stands the floor: the interpreter with nothing imported, and with what anything that speaks TLS imports.
"""

from __future__ import annotations

import ssl
import sys

from tests.cluster import Cluster, service, workspace
from tests.cluster.process import environment, program

from .measure import Row, mebibytes, milliseconds, paired_usages, usage
from .stream import NAME, Rig

# Its answer is one word: what a long one costs is a matter of the stream.
QUESTION = b"Say OK\n"

REFERENCE = "import http.client, ssl, json, argparse"
TLS_FLOOR = "import ssl, json, socket"

# Times as multiples of the reference's, memory in MiB. The processor time of a question has its bounds on these two
# Pythons; on others it is looked at, and may be a fifth more.
MOST_HELP_WALL = 1.2
MOST_QUESTION_WALL = 1.6
MOST_HELP = 0.55
MOST_QUESTION = {(3, 11): 1.0, (3, 13): 1.05}.get(sys.version_info[:2], 1.25)
MOST_PLAIN = 1.0
# An interpreter that has done one TLS handshake and nothing else takes 17 MiB with OpenSSL 3.0, and 20 with 3.6.
MOST_MEMORY = 20.0 if ssl.OPENSSL_VERSION_INFO < (3, 5) else 24.0


def rows(folder, rounds, beside=None):
    """Return the rows for --help and for one question, over TLS as to a real API server and over plain HTTP.

    `beside` is the path of another version of the program, whose processor time is measured in the same rounds.
    """
    env = environment(folder)
    python = [sys.executable, "-c"]
    with Cluster() as cluster, Rig(10, folder, block=10) as rig:
        cluster.add(workspace(NAME), service(NAME))
        chat = ["chat", "--workspace-name", NAME, "--kubeconfig", cluster.write_kubeconfig(f"{folder}/tls")]
        commands = {
            "reference": [*python, REFERENCE],
            "nothing": [*python, ""],
            "floor": [*python, TLS_FLOOR],
            "help": [*program(), "--help"],
            "question": [*program(), *chat],
            "plain": rig.program,
        }
        if beside:
            other = [sys.executable, beside]
            commands.update({"other help": [*other, "--help"], "other question": [*other, *chat]})
        runs = {name: lambda words=words: usage(words, env, QUESTION) for name, words in commands.items()}
        medians, ratios = paired_usages(runs, rounds)
    return [*_own_rows(medians, ratios), *(_rows_beside(medians, ratios, beside) if beside else [])]


def _own_rows(medians, ratios):
    def row(what, name, kind, most):
        ours, floors, reference = _times(medians, name, kind)
        return Row(what, ours, f"the same: {reference}", getattr(ratios[name], kind), most, floor=floors)

    first = row("start-up, to show the help", "help", "wall", MOST_HELP_WALL)
    imports = f"the interpreter with http.client, ssl, json, argparse: {milliseconds(medians['reference'].wall)}"
    peaks = {name: mebibytes(one.peak) for name, one in medians.items()}
    asked = medians["question"].peak / (1 << 20)
    return [
        first._replace(reference=imports),
        row("processor time of the help", "help", "seconds", MOST_HELP),
        row("one piped question over TLS", "question", "wall", MOST_QUESTION_WALL),
        row("processor time of one piped question over TLS", "question", "seconds", MOST_QUESTION),
        Row(
            "peak memory of that question",
            peaks["question"],
            f"the same: {peaks['reference']}",
            asked,
            MOST_MEMORY,
            " MiB",
            floor=f"{peaks['nothing']}, {peaks['floor']}",
        ),
        row("one piped question over plain HTTP", "plain", "wall", MOST_QUESTION_WALL),
        row("processor time of one piped question over plain HTTP", "plain", "seconds", MOST_PLAIN),
    ]


def _rows_beside(medians, ratios, beside):
    made = []
    for what, name, most in (("the help", "other help", MOST_HELP), ("a question", "other question", MOST_QUESTION)):
        ours, floors, reference = _times(medians, name, "seconds")
        what = f"processor time of {what} ({beside})"
        made.append(Row(what, ours, f"the same: {reference}", ratios[name].seconds, most, floor=floors))
    return made


def _times(medians, name, kind):
    """Return the texts of a run's time, of the two floors, and of the reference; `kind`: "wall" or "seconds"."""
    ours, nothing, floor, reference = (
        milliseconds(getattr(medians[one], kind)) for one in (name, "nothing", "floor", "reference")
    )
    return ours, f"{nothing}, {floor}", reference
