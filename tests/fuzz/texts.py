"""Targets: the readers of kubeconfigs, flags, answers of servers and plugins, files, and typed text."""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from pathlib import Path

from kaito.chat import conversation, slash
from kaito.errors import ClusterError, KaitoError, UsageError
from kaito.flags import DURATION, PATTERNS, SWITCH, TEXT, TEXTS, Flag, choice, number, parse, split_verb, whole_number
from kaito.kube import exec_plugin
from kaito.kube.duration import age
from kaito.kube.kubeconfig.model import Overrides
from kaito.kube.kubeconfig.resolve import resolve
from kaito.kube.status import read_status
from kaito.model import refusals, sse
from kaito.model.events import Content, Reasoning
from kaito.model.stream import read_events
from kaito.terminal.message import Assembler, recalled
from kaito.terminal.width import width
from kaito.text import excerpt, harmless
from kaito.workspaces.details import KIND, count_nodes, read_entry
from kaito.workspaces.phase import why_not_ready
from kaito.workspaces.service import balancer_urls, cluster_urls, http_port
from kaito.workspaces.workspace import read_workspace, ready_status
from kaito.yaml.load import YamlError
from kaito.yaml.load import load as load_yaml
from tests.cluster import inference_set
from tests.cluster.kinds import inference_set_status
from tests.fuzz.mutate import pieces
from tests.fuzz.target import Target
from tests.model.answers import Answer
from tests.terminal import rendering

DATA = Path(__file__).parent.parent / "data"
KUBECONFIGS = [path.read_bytes() for path in sorted((DATA / "kubeconfigs").glob("*.*")) if path.name != "kubectl.json"]
RECORDED = [
    path.read_bytes().partition(b"\r\n\r\n")[2] for path in sorted((DATA / "cluster" / "recordings").glob("*.http"))
]
OBJECTS = [b"{" + body.partition(b"{")[2].rpartition(b"}")[0] + b"}" for body in RECORDED if b"{" in body]
INFERENCE_SET = json.dumps({**inference_set("phi"), "status": inference_set_status("phi", 2, 1)}).encode()
STREAM = b"".join(
    b"data: %s\n\n" % json.dumps({"model": "phi", "choices": [{"delta": delta, "finish_reason": reason}]}).encode()
    for delta, reason in (
        ({"role": "assistant"}, None),
        ({"reasoning": "a"}, None),
        ({"content": "b"}, None),
        ({}, "stop"),
    )
)
STREAMS = [
    STREAM + b"data: [DONE]\n\n",
    STREAM
    + b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}\n\ndata: [DONE]\n\n',
    b": heartbeat\r\n\r\nevent: error\r\ndata: {}\r\n\r\n",
    b'\xef\xbb\xbfdata: {"error":{"message":"broken"}}\n\n',
]
FLAGS = (
    Flag("name", TEXT, "", "", short="n"),
    Flag("many", TEXTS, (), "", short="m", many=True),
    Flag("quiet", SWITCH, False, "", short="q", bare="true"),
    Flag("wait", DURATION, 0.0, "", bare="30m"),
    Flag("count", whole_number(1), 1, ""),
    Flag("real", number(0.0, 2.0), 1.0, ""),
    Flag("word", choice("a", "b"), "a", ""),
    Flag("match", PATTERNS, (), "", many=True),
)
_FOLDER = tempfile.mkdtemp()
atexit.register(shutil.rmtree, _FOLDER)


def yaml(source, data):
    """Read a YAML document: JSON can hold its value."""
    json.dumps(load_yaml(data), allow_nan=False)


def kubeconfig(source, data):
    """Resolve a kubeconfig: the result has a server's URL, unless an error says why not."""
    path = Path(_FOLDER) / "config"
    path.write_bytes(data)
    flags = Overrides(kubeconfig=str(path), context=source.choice(("", "", "a", "kubernetes-admin@kubernetes")))
    target = resolve(flags, {"HOME": _FOLDER}, service_account=_FOLDER)
    assert target.cluster.server.startswith(("http://", "https://"))


def command_line(source, data):
    """Parse a command line: each flag has a value of its kind."""
    words = data.decode("utf-8", "surrogateescape").split("\n")
    values = parse(words, FLAGS)
    assert values.integer("count") >= 1 and 0.0 <= values.real("real") <= 2.0 and values.real("wait") >= 0
    split_verb(words, FLAGS)


def typed_lines(source, data):
    """Assemble typed lines: the recalled form of a message is read as the same message again."""
    assembler = Assembler()
    for line in data.decode("utf-8", "replace").splitlines():
        message = assembler.feed(line)
        if message is not None:
            assert Assembler().feed(recalled(message)) == message or not message.text


def slash_command(source, data):
    """Recognise a command: its name is made of letters."""
    call = slash.parse(data.decode("utf-8", "replace"))
    assert call is None or call.name.isalpha()


def saved_conversation(source, data):
    """Load a conversation: saving it and loading it again does not change it."""
    loaded = conversation.load(data.decode("utf-8", "replace"))
    assert conversation.load(conversation.dump(loaded)) == loaded


def event_stream(source, data):
    """Parse events: they are the same however the stream is split."""
    whole, split = sse.Parser(), sse.Parser()
    events = whole.feed(data)
    assert [event for piece in pieces(source, data) for event in split.feed(piece)] == events
    assert whole.failure == split.failure


def answer_events(source, data):
    """Read an answer's events: each text can be encoded as UTF-8 and is not empty."""
    kind = source.choice(("text/event-stream", "text/event-stream", "application/json", "text/html"))
    for event in read_events(Answer(body=data, kind=kind, pieces=pieces(source, data))):
        if isinstance(event, (Content, Reasoning)):
            assert event.text.encode()


def refusal(source, data):
    """Read a refusal: its message is one harmless line."""
    kind = source.choice(("application/json", "text/html", "text/plain", ""))
    error = refusals.refusal_error(source.choice((400, 401, 404, 413, 422, 500, 503)), "Reason", kind, data)
    assert "\n" not in error.message and len(error.message) < 700
    refusals.asks_for_model(400, kind, data)


def status(source, data):
    """Read a Status: its message is one harmless line."""
    read = read_status(data)
    assert read is None or ("\n" not in read.message and len(read.message) <= 500)


def exec_credential(source, data):
    """Read an exec credential: it holds a token or a certificate."""
    issued = exec_plugin.parse(data, "client.authentication.k8s.io/v1")
    assert issued.token or issued.certificate


def kaito_object(source, data):
    """Read a Workspace, an InferenceSet and a Service: no value of a field makes the readers fail."""
    document = json.loads(data)
    if isinstance(document, dict):
        workspace = read_workspace(document)
        assert ready_status(workspace) and "\n" not in why_not_ready(workspace)
        age(workspace.created)
        for kind in KIND:
            assert read_entry(kind, document).ready and count_nodes([read_entry(kind, document)])
        assert 0 < http_port(document) < 65536
        cluster_urls(document, "phi", "default")
        balancer_urls(document)


def screen_text(source, data):
    """Make a text harmless: the result holds nothing that a terminal acts on."""
    text = data.decode("utf-8", source.choice(("replace", "surrogateescape")))
    assert not set("\x1b\x07\x08\x0b\x7f\x9b\r\u202e\u2066") & set(harmless(text))
    line = excerpt(source.choice((data, text)), 80)
    assert len(line) <= 80 and not set("\n\r\t\x1b\x9b\u202e\u200b") & set(line)
    assert width(line) <= 2 * len(line)


def rendered_answer(source, data):
    """Render an answer: its screen does not depend on its pieces, and no text is lost."""
    text = harmless(data.decode("utf-8", "replace"))[:5_000]
    columns = source.choice((8, 20, 40, 80))
    cuts = sorted(source.randrange(len(text) + 1) for _ in range(source.choice((0, 1, 2, 5, 40, len(text)))))
    split = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)])]
    for styled in (True, False):
        assert rendering.show(split, columns, styled=styled).looks == rendering.show(text, columns, styled=styled).looks
    shown = "".join(rendering.show(split, columns, styled=False).lines)
    assert "".join(shown.split()) == "".join(text.split())


CONVERSATIONS = [
    json.dumps([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]).encode(),
    b'{"workspace":"phi","messages":[{"role":"system","content":"s"},{"role":"user","content":"a"},'
    b'{"role":"assistant","content":"b","cut_off":true}]}',
]
CREDENTIAL = {
    "kind": "ExecCredential",
    "apiVersion": "client.authentication.k8s.io/v1",
    "status": {"token": "t", "expirationTimestamp": "2026-11-24T20:28:50Z"},
}

TARGETS = {
    "answer-events": Target(answer_events, (KaitoError,), [*STREAMS, *OBJECTS[:8]]),
    "command-line": Target(
        command_line, (UsageError,), [b"--name=x\n-qn\ny\n--wait", b"chat\n--count\n5\n--real=0.5\n-m\na\n--\nb"]
    ),
    "event-stream": Target(event_stream, (), STREAMS),
    "exec-credential": Target(
        exec_credential, (ValueError,), [json.dumps(CREDENTIAL).encode(), b"kind: ExecCredential\nstatus: {token: t}"]
    ),
    "kaito-object": Target(kaito_object, (ValueError, RecursionError), [*OBJECTS, INFERENCE_SET]),
    "kubeconfig": Target(kubeconfig, (ClusterError,), KUBECONFIGS),
    "refusal": Target(refusal, (), [*OBJECTS, b"<html><script>x</script><h1>Log in</h1></html>", b"Bad gateway"]),
    "rendered-answer": Target(rendered_answer, (), [text.encode() for text in rendering.SAMPLES.values()]),
    "saved-conversation": Target(saved_conversation, (ValueError,), CONVERSATIONS),
    "screen-text": Target(screen_text, (), ["é漢😀\u202ex".encode(), b"plain text\nof two lines", b"\x1b]0;pwned\x07"]),
    "slash-command": Target(slash_command, (), [b"/set top-p 0.5", b"quit", b"/etc/hosts is empty"]),
    "status": Target(status, (), OBJECTS),
    "typed-lines": Target(typed_lines, (), [b'"""\nblock\n"""', b"one \\\ntwo", b'"""a"""\n> quoted']),
    "yaml": Target(yaml, (YamlError,), KUBECONFIGS),
}
