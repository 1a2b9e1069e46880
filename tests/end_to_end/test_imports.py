"""Which modules each kind of run imports: every module costs time at each start.

An import on one of these paths is a decision. Whoever makes it measures what it costs (`python3 -m tests.benchmarks
--beside FILE`) and adds the module to the row; a module that is no longer imported leaves it.
"""

from __future__ import annotations

import json
import os
import sys

import pytest

import build_zipapp
from tests.cluster import Terminal
from tests.cluster.process import ROOT, run

from . import CHAT, NAME

START = """
    cli  errors  flags  lazy_re  text  timelimit  values
    kube  kube.names
    commands  commands.kubectl_flags
    terminal  terminal.streams
"""
CHAT_FLAGS = "commands.chat  chat  chat.parameters  workspaces  workspaces.ways"
ALL_VERBS = f"{CHAT_FLAGS}  commands.status  commands.get_endpoint  commands.version"
CLUSTER = """
    kube.api_server  kube.credential  kube.credentials  kube.hints  kube.status
    kube.kubeconfig  kube.kubeconfig.decode  kube.kubeconfig.files  kube.kubeconfig.model
    kube.kubeconfig.resolve  kube.kubeconfig.rules  kube.kubeconfig.schema  kube.kubeconfig.wording
    yaml  yaml.block  yaml.characters  yaml.errors  yaml.load  yaml.resolver  yaml.scalars
    net  net.chunked  net.connection  net.errors  net.head  net.proxy  net.request  net.response  net.tls  net.url
    net.wire
    json_document  json_fields
"""
WORKSPACE = "workspaces  workspaces.objects  workspaces.lookup  workspaces.workspace"
READINESS = "workspaces.readiness  workspaces.phase  kube.duration"
ENDPOINT = f"""
    {WORKSPACE}  workspaces.endpoint  workspaces.own_cluster  workspaces.reference  workspaces.routes
    workspaces.service  workspaces.ways
    model  model.client  model.errors  model.events  model.payload  model.retry  model.sse  model.stream
"""
QUESTION = f"""
    {START}  {CHAT_FLAGS}  {CLUSTER}  {ENDPOINT}
    chat.answer  chat.answer_view  chat.conversation  chat.served_model  chat.session  chat.window
    terminal.console  terminal.echo
"""
PIPE = f"{QUESTION}  chat.batch  chat.script_input"
TERMINAL = f"""
    {QUESTION}  chat.completion  chat.repl  chat.report  chat.slash
    terminal.history  terminal.keyboard  terminal.message  terminal.progress  terminal.readline_setup
    terminal.signals  terminal.width  regular_file
"""
# What a terminal shows answers with: loaded by a thread while the person types, so that nobody waits for it.
BESIDE = "terminal.markdown  terminal.render  terminal.styles  terminal.table  terminal.wrap"

# What is typed, and the modules of kaito/ that it imports.
TABLE = {
    "version": f"{START}  commands.version",
    "--help": f"{START}  {ALL_VERBS}",
    "chat --help": f"{START}  {CHAT_FLAGS}",
    "options": START,
    "__complete ch": f"{START}  {ALL_VERBS}  commands.complete",
    "__complete chat --workspace-name ph": f"""
        {START}  {ALL_VERBS}  commands.complete  {CLUSTER}  workspaces.objects  workspaces.reference
    """,
    "status": f"""
        {START}  commands.status  commands.status_fetch  commands.status_view  {CLUSTER}  {READINESS}
        workspaces  workspaces.objects  workspaces.workspace
        workspaces.details  workspaces.inference_set  workspaces.reference
    """,
    f"__complete chat --workspace-name {NAME} --model ph": f"""
        {START}  {ALL_VERBS}  commands.complete  {CLUSTER}  {ENDPOINT}
    """,
    f"get-endpoint --workspace-name {NAME}": f"{START}  commands.get_endpoint  {CLUSTER}  {ENDPOINT}",
    " ".join(CHAT): PIPE,
    " ".join((*CHAT, "-o", "json")): f"{PIPE}  chat.json_output  chat.interrupts",
}
# A part of these runs comes as sources only, since the file has no room for everything.
SOMETIMES = ("status", *(typed for typed in TABLE if typed.startswith("__complete")))
AN_EXEC_PLUGIN = f"{PIPE}  kube.exec_plugin  kube.plugin_process"

# The standard library's expensive modules, which no run above imports.
NEVER = """
    typing  email  http  argparse  dataclasses  urllib  ipaddress  encodings.idna  stringprep  tempfile  logging
"""

# Runs the program with a hook that writes the name of each module to a file before it is imported.
WATCH = """
import os, sys
log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
sys.addaudithook(lambda event, given: event == "import" and os.write(log, given[0].encode() + b"\\n"))
del sys.argv[:2]
__file__ = sys.argv[0]
with open(__file__, encoding="utf-8") as file:
    code = compile(file.read(), __file__, "exec")
exec(code)
"""


@pytest.fixture
def watched(tmp_path):
    """Return the words that start the program, and a function that returns the names of what it imported.

    A warning, as of something that a newer Python deprecates, ends the program.
    """
    log = tmp_path / "imports"
    words = [sys.executable, "-I", "-S", "-W", "error", "-c", WATCH, str(log), os.path.join(ROOT, "kubectl-kaito")]
    return words, lambda: set(log.read_text(encoding="utf-8").split())


def modules(row):
    return set(row.split())


def of_kaito(names):
    return {name.partition(".")[2] for name in names if name.startswith("kaito.")}


def expensive(names):
    # Coverage imports modules of its own into every run.
    if os.environ.get("COVERAGE_PROCESS_START"):
        return set()
    return {name for name in names for never in modules(NEVER) if f"{name}.".startswith(f"{never}.")}


@pytest.mark.parametrize("typed", TABLE)
def test_a_run_imports_its_row(typed, watched, kubeconfig):
    words, imported = watched
    result = run(typed.split(), "Say OK\n", {"KUBECONFIG": kubeconfig}, command=words)
    assert result.code == 0
    assert of_kaito(imported()) == modules(TABLE[typed])
    assert expensive(imported()) == set()


def test_a_question_with_an_exec_plugin_imports_its_row(cluster, watched, tmp_path):
    words, imported = watched
    version = {"apiVersion": "client.authentication.k8s.io/v1"}
    credential = json.dumps({**version, "kind": "ExecCredential", "status": {"token": cluster.token}})
    plugin = {**version, "command": "echo", "args": [credential], "interactiveMode": "Never"}
    kubeconfig = cluster.write_kubeconfig(tmp_path, credentials={"token": None, "exec": plugin})
    assert run([*CHAT, "--kubeconfig", kubeconfig], "Say OK\n", command=words).out == "OK\n"
    assert of_kaito(imported()) == modules(AN_EXEC_PLUGIN)
    assert expensive(imported()) == set()


@pytest.mark.parametrize(
    ("argv", "row"), [(CHAT, TERMINAL), (("chat",), f"{TERMINAL}  commands.choose  workspaces.inference_set")]
)
def test_a_chat_on_a_terminal_imports_its_row(watched, kubeconfig, home, argv, row):
    words, imported = watched
    with Terminal([*argv, "--kubeconfig", kubeconfig], command=words, home=home) as chat:
        chat.expect("\n> ")
        chat.line("Say OK")
        chat.expect("OK\n\n> ")
        chat.line("/quit")
        assert chat.wait() == 0
    assert of_kaito(imported()) == modules(row) | modules(BESIDE)
    assert expensive(imported()) == set()


@pytest.mark.parametrize("row", [*(row for typed, row in TABLE.items() if typed not in SOMETIMES), TERMINAL])
def test_the_built_file_holds_byte_code_for_what_people_wait_for(row):
    sources_only = {path[len("kaito/") : -len(".py")].replace("/", ".") for path in build_zipapp.SOURCES_ONLY}
    assert not modules(row) & sources_only
