r"""A stand-in cluster: a real HTTPS API server on loopback and a scripted model that its service proxy leads to.

    with Cluster() as cluster:
        cluster.add(workspace("phi"), service("phi"))
        cluster.model.reply("Hello")
        path = cluster.write_kubeconfig(folder)
        result = run(["chat", "--workspace-name", "phi", "--kubeconfig", path], stdin=b"Hi\n")
        assert cluster.model.chats[0].json["messages"] == [{"role": "user", "content": "Hi"}]

By hand: `python3 -m tests.cluster --help`. Standard library only, Python 3.9 and later.

    server.py                    HTTP/1.1 on a socket that scripts may break; it records the requests
    api.py                       Cluster: the API server; with store, rights, discovery, review, status and proxy
    model.py, replies.py         Model: the scripted model; what a test makes it say, and how a test makes it fail
    completion.py                an answer as it is sent: streamed, or whole
    transformers.py              the model under the transformers runtime, instead of vLLM
    persona.py, upstream.py      what the model says without a script; another server in the model's place
    objects.py, kinds.py         builders of Workspaces, Services, Pods …; of KAITO's other kinds
    phases.py, workload.py       a starting workspace in each of its phases, with all that KAITO makes for it
    replicas.py, pods.py         InferenceSets and MultiRoleInferences of such workspaces; their pods
    life.py                      a whole start, played in a minute
    backends.py                  what listens on a model's port while the model does not
    kubeconfig.py, pki.py        kubeconfigs as kubectl writes them; the certificates in tests/data/cluster
    process.py                   the program as a user starts it, in a pipe or on a terminal
"""

from __future__ import annotations

from .api import Cluster
from .kinds import model_mirror, multi_role_inference, rag_engine
from .model import Model
from .objects import condition, inference_set, namespace, pod, port, replica_of, service, waiting, workspace
from .phases import LIFE, PHASES
from .pki import data
from .process import Result, Terminal, run, start
from .proxy import NO_ENDPOINTS, NO_OBJECT, REFUSED
from .replicas import MultiRole, Replicas
from .replies import CLOSE, CUT, END, HANG, RESET, Raw, Reasoning, Refusal, Reply, ToolCall, tokens, too_many_requests
from .rights import USERS
from .server import Server, server_context
from .transformers import Transformers
from .upstream import Upstream
from .workload import Workload

__all__ = [
    "CLOSE",
    "CUT",
    "END",
    "HANG",
    "LIFE",
    "NO_ENDPOINTS",
    "NO_OBJECT",
    "PHASES",
    "REFUSED",
    "RESET",
    "USERS",
    "Cluster",
    "Model",
    "MultiRole",
    "Raw",
    "Reasoning",
    "Refusal",
    "Replicas",
    "Reply",
    "Result",
    "Server",
    "Terminal",
    "ToolCall",
    "Transformers",
    "Upstream",
    "Workload",
    "condition",
    "data",
    "inference_set",
    "model_mirror",
    "multi_role_inference",
    "namespace",
    "pod",
    "port",
    "rag_engine",
    "replica_of",
    "run",
    "server_context",
    "service",
    "start",
    "tokens",
    "too_many_requests",
    "waiting",
    "workspace",
]
