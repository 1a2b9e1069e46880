"""The phases of a start, replicas and their failures on the stand-in cluster, as KAITO v0.12 has them."""

from __future__ import annotations

import http.client
import json
import socket
import threading

import pytest

from tests.cluster import (
    CLOSE,
    HANG,
    LIFE,
    PHASES,
    REFUSED,
    USERS,
    Cluster,
    Model,
    MultiRole,
    Raw,
    Reasoning,
    Refusal,
    Replicas,
    ToolCall,
    Transformers,
    Workload,
    model_mirror,
    rag_engine,
    run,
    start,
    too_many_requests,
)
from tests.cluster.process import ROOT
from tests.test_cluster import (
    HELLO,
    KUBECTL,
    NEEDS_KUBECTL,
    PYTHON,
    STREAM,
    Client,
    content,
    events,
    kubectl,
    recording,
)

KAITO = "/apis/kaito.sh/v1beta1/namespaces/default"
CORE = "/api/v1/namespaces/default"
CHAT = "/v1/chat/completions"
EOF_STATUS = "error trying to reach service: EOF"


@pytest.fixture
def cluster():
    with Cluster() as made:
        yield made


@pytest.fixture
def client(cluster):
    with Client(cluster) as made:
        yield made


@pytest.fixture
def get(client):
    """Read an object: get(path) -> its JSON, None if there is none."""

    def read(path):
        code, body = client.ask(path)
        return json.loads(body) if code == 200 else None

    return read


def proxy(path, name="phi"):
    return f"{CORE}/services/{name}:80/proxy{path}"


def statuses(workspace):
    return {one["type"]: one["status"] for one in workspace["status"]["conditions"]}


def cause(workspace, kind="InferenceReady"):
    return next((one["reason"], one["message"]) for one in workspace["status"]["conditions"] if one["type"] == kind)


def pod_state(pod):
    """Return the pod's phase, then what its container waits for or "up", and whether it is started and ready."""
    containers = pod["status"]["containerStatuses"]
    if not containers:
        return pod["status"]["phase"], "no container", False, False
    waiting = containers[0]["state"].get("waiting", {}).get("reason", "up")
    return pod["status"]["phase"], waiting, containers[0]["started"], containers[0]["ready"]


NO_POD = None
WAITING = ("Pending", "ContainerCreating", False, False)
UP = ("Running", "up", False, False)
READY = ("Running", "up", True, True)
ALL_FALSE = {"NodesReady", "NodeClaimReady", "ResourceReady", "InferenceReady", "WorkspaceSucceeded"}
SUCCEEDED = {"InferenceReady", "WorkspaceSucceeded", "BenchmarkCompleted"}

# phase: state, conditions that are not True, pod, endpoints (None: no object), GET /v1/models, POST of a chat
TABLE = {
    "new": (None, set(), NO_POD, None, 404, 404),
    "created": ("Pending", ALL_FALSE, NO_POD, None, 404, 404),
    "nodes": ("Pending", ALL_FALSE, NO_POD, None, 404, 404),
    "plugins": ("Pending", ALL_FALSE - {"NodeClaimReady"}, NO_POD, None, 404, 404),
    "streaming": (
        "Pending",
        {"ModelMirrorReady", "ResourceReady", "InferenceReady", "WorkspaceSucceeded"},
        NO_POD,
        None,
        404,
        404,
    ),
    "provisioned": ("Pending", {"InferenceReady", "WorkspaceSucceeded"}, NO_POD, None, 404, 404),
    "unschedulable": (
        "Pending",
        {"InferenceReady", "WorkspaceSucceeded"},
        ("Pending", "no container", False, False),
        0,
        503,
        503,
    ),
    "pending": ("Pending", {"InferenceReady", "WorkspaceSucceeded"}, WAITING, 0, 503, 503),
    "starting": ("Pending", {"InferenceReady", "WorkspaceSucceeded"}, UP, 1, 503, 503),
    "downloading": ("Pending", {"InferenceReady", "WorkspaceSucceeded"}, UP, 1, 404, 501),
    "loading": ("Pending", {"InferenceReady", "WorkspaceSucceeded"}, UP, 1, 404, 501),
    "benchmarking": ("Pending", {"InferenceReady", "WorkspaceSucceeded"}, UP, 1, 200, 200),
    "ready": ("Ready", set(), READY, 1, 200, 200),
    "benchmark-failed": ("NotReady", {"WorkspaceSucceeded", "BenchmarkCompleted"}, READY, 1, 200, 200),
    "lost": ("NotReady", {"InferenceReady", "WorkspaceSucceeded"}, NO_POD, 0, 503, 503),
    "crash-looping": (
        "NotReady",
        {"InferenceReady", "WorkspaceSucceeded"},
        ("Running", "CrashLoopBackOff", False, False),
        1,
        503,
        503,
    ),
    "deleting": ("Ready", set(), READY, 1, 200, 200),
}


class TestPhases:
    def test_the_table_has_every_phase_that_answers(self):
        assert set(PHASES) - set(TABLE) == {"hand-over"}
        assert set(LIFE) < set(PHASES)

    @pytest.mark.parametrize("phase", TABLE)
    def test_objects_pod_and_port_agree(self, cluster, client, get, phase):
        state, not_true, pod, addresses, models, chat = TABLE[phase]
        Workload(cluster, "phi", phase)
        workspace = get(f"{KAITO}/workspaces/phi")
        if state is None:
            assert "status" not in workspace
        else:
            assert workspace["status"]["state"] == state
            assert {kind for kind, status in statuses(workspace).items() if status != "True"} == not_true
            assert all(one["observedGeneration"] == 1 for one in workspace["status"]["conditions"])
            assert workspace["status"]["targetNodeCount"] == 1
        seen = get(f"{CORE}/pods/phi-0")
        assert (seen and pod_state(seen)) == pod
        endpoints = get(f"{CORE}/endpoints/phi")
        assert (endpoints and sum(len(one["addresses"]) for one in endpoints["subsets"])) == addresses
        assert client.ask(proxy("/v1/models"))[0] == models
        assert client.ask(proxy(CHAT), HELLO)[0] == chat

    @pytest.mark.parametrize("phase", [name for name, row in PHASES.items() if row.port is not None])
    def test_the_service_leads_also_to_a_pod_that_is_not_ready(self, cluster, get, phase):
        """KAITO makes the Service once the resources are ready."""
        Workload(cluster, "phi", phase)
        assert get(f"{CORE}/services/phi")["spec"]["publishNotReadyAddresses"] is True
        assert statuses(get(f"{KAITO}/workspaces/phi"))["ResourceReady"] == "True"

    def test_a_ready_workspace_has_the_conditions_of_v0_12(self, cluster, get):
        Workload(cluster, "phi")
        workspace = get(f"{KAITO}/workspaces/phi")
        fields = ("type", "status", "reason", "message")
        assert [tuple(one[field] for field in fields) for one in workspace["status"]["conditions"]] == [
            ("NodesReady", "True", "NodesReady", "Enough Nodes are ready"),
            ("NodeClaimReady", "True", "NodeClaimsReady", "Enough NodeClaims are ready"),
            ("ResourceReady", "True", "workspaceResourceStatusSuccess", "workspace resource is ready"),
            (
                "InferenceReady",
                "True",
                "WorkspaceInferenceStatusSuccess",
                "Inference has been deployed successfully",
            ),
            ("WorkspaceSucceeded", "True", "workspaceSucceeded", "workspace succeeds"),
            ("BenchmarkCompleted", "True", "BenchmarkCompleted", "benchmark result has been recorded"),
        ]  # fmt: skip
        measured = workspace["status"]["performance"]["metrics"]["peakTokensPerMinute"]
        assert (measured["value"], measured["config"]["maxConcurrency"]) == ("183402.51", "113")
        assert workspace["metadata"]["finalizers"] == ["workspace.finalizer.kaito.sh"]
        assert "spec" not in workspace

    @pytest.mark.parametrize(
        ("phase", "kind", "reason", "message"),
        [
            pytest.param("created", "ResourceReady", "NodeClaimNotReady", "Ready NodeClaims are not enough"),
            pytest.param("nodes", "ResourceReady", "InsufficientCapacity", "nodeClaim ws1234 is not launched"),
            pytest.param("plugins", "ResourceReady", "NodePluginsNotReady", "waiting all node plugins to be ready"),
            pytest.param("streaming", "ResourceReady", "ModelMirrorNotReady", "Model download in progress"),
            pytest.param("starting", "InferenceReady", "WorkspaceInferenceStatusPending", "Inference workload is not"),
            pytest.param("unschedulable", "InferenceReady", "Unschedulable", 'pod "phi-0" is unschedulable: 0/3'),
            pytest.param("crash-looping", "InferenceReady", "ContainerCrashLoopBackOff", 'container "phi" is in'),
            pytest.param("benchmark-failed", "WorkspaceSucceeded", "BenchmarkFailed", ""),
            pytest.param("deleting", "WorkspaceDeleting", "workspaceDeleted", "workspace is being deleted"),
        ],
    )
    def test_a_phase_says_why(self, cluster, get, phase, kind, reason, message):
        Workload(cluster, "phi", phase)
        found = cause(get(f"{KAITO}/workspaces/phi"), kind)
        assert (found[0], found[1].startswith(message)) == (reason, True), found

    def test_a_reason_of_the_test_s_own_is_copied_to_the_resources(self, cluster, get):
        Workload(cluster, "phi").enter("nodes", reason="QuotaExceeded", message="no quota", error="boom")
        workspace = get(f"{KAITO}/workspaces/phi")
        wanted = ("QuotaExceeded", "no quota (last reconcile error: boom)")
        assert [cause(workspace, kind) for kind in ("NodeClaimReady", "ResourceReady")] == [wanted, wanted]
        assert all(" (last reconcile error: boom)" in one["message"] for one in workspace["status"]["conditions"])

    def test_what_is_being_deleted_keeps_its_conditions(self, cluster, get):
        phi = Workload(cluster, "phi")
        assert "deletionTimestamp" not in get(f"{KAITO}/workspaces/phi")["metadata"]
        phi.enter("deleting")
        workspace = get(f"{KAITO}/workspaces/phi")
        assert workspace["metadata"]["deletionTimestamp"]
        assert statuses(workspace)["InferenceReady"] == "True"

    def test_a_watch_sees_each_phase_and_the_port_has_changed_before(self, cluster, client):
        phi = Workload(cluster, "phi", "new")
        version = cluster.get("workspaces", "phi")["metadata"]["resourceVersion"]
        client.send(f"{KAITO}/workspaces?watch=true&resourceVersion={version}")
        with client.http.getresponse() as answer, Client(cluster) as other:
            for phase in ("starting", "ready"):
                phi.enter(phase)
                event = json.loads(answer.readline())
                assert (event["type"], event["object"]["status"]["state"]) == ("MODIFIED", PHASES[phase].state)
            assert other.ask(proxy("/v1/models"))[0] == 200

    def test_a_start_leaves_nothing_behind_when_it_goes_back(self, cluster, get):
        phi = Workload(cluster, "phi", "ready")
        phi.enter("new")
        for path in ("services/phi", "pods/phi-0", "endpoints/phi"):
            assert get(f"{CORE}/{path}") is None

    def test_streamed_weights_have_a_mirror_with_the_download_s_figures(self, cluster, get):
        phi = Workload(cluster, "phi", "streaming")
        mirrors = "/apis/kaito.sh/v1alpha1/modelmirrors"
        mirror = get(f"{mirrors}/phi-4-mini-instruct")
        assert mirror["status"]["download"] == {"speedBytesPerSecond": 123456789, "remainingSeconds": 412}
        assert mirror["status"]["phase"] == "Pending"
        phi.enter("starting")
        assert get(f"{mirrors}/phi-4-mini-instruct")["status"]["phase"] == "Ready"
        assert statuses(get(f"{KAITO}/workspaces/phi"))["ModelMirrorReady"] == "True"

    def test_a_container_waits_for_a_reason_of_the_test_s_own(self, cluster, get):
        phi = Workload(cluster, "phi", "pending")
        phi.enter("pending", waiting=("ImagePullBackOff", "Back-off pulling image"))
        container = get(f"{CORE}/pods/phi-0")["status"]["containerStatuses"][0]
        assert container["state"]["waiting"] == {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}
        assert cause(get(f"{KAITO}/workspaces/phi"))[0] == "WorkspaceInferenceStatusPending"

    def test_its_service_can_be_a_load_balancer(self, cluster, get):
        Workload(cluster, "phi", service={"kind": "LoadBalancer", "ingress": [{"ip": "10.0.0.1"}]})
        assert get(f"{CORE}/services/phi")["status"]["loadBalancer"]["ingress"][0]["ip"] == "10.0.0.1"


class TestPort:
    @pytest.mark.parametrize(
        ("request_line", "name"),
        [
            pytest.param("GET /v1/models", "pre-download-models-404", id="any GET"),
            pytest.param("GET /health", "pre-download-health-404", id="health"),
            pytest.param("GET /metrics", "pre-download-metrics", id="metrics"),
            pytest.param("POST /v1/chat/completions", "pre-download-chat-501", id="POST"),
        ],
    )
    def test_the_pre_download_server_answers_as_recorded(self, cluster, request_line, name):
        """At the pod's own port: HTTP/1.0, and each answer ends its connection."""
        listener = Workload(cluster, "phi", "downloading").listen()
        with open(f"{ROOT}/tests/data/cluster/recordings/{name}.http", "rb") as file:
            recorded = file.read()
        with socket.create_connection(("127.0.0.1", listener.port), 5) as sock, sock.makefile("rb") as answer:
            sock.sendall(f"{request_line} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            head, _, body = answer.read().partition(b"\r\n\r\n")
        listener.close()
        wanted, _, recorded_body = recorded.partition(b"\r\n\r\n")
        assert body == recorded_body
        assert headers(head) == headers(wanted)

    @pytest.mark.parametrize(
        ("phase", "figures"),
        [
            pytest.param("downloading", ("1.2345678925e+08", "412.73111"), id="downloading"),
            pytest.param("loading", ("0.0", "0.0"), id="loading"),
            pytest.param("ready", ("0.0", "0.0"), id="ready: vLLM has the gauges, too"),
        ],
    )
    def test_the_gauges_of_a_download(self, cluster, client, phase, figures):
        Workload(cluster, "phi", phase)
        assert gauges(client) == figures

    def test_the_gauges_can_be_set(self, cluster, client):
        phi = Workload(cluster, "phi")
        phi.enter("downloading", speed=2e7, remaining=-1)
        assert gauges(client) == ("2e+07", "-1.0")

    def test_behind_the_api_server_the_pre_download_server_keeps_the_connection(self, cluster, client):
        Workload(cluster, "phi", "downloading")
        assert client.ask(proxy("/health")) == (404, b"")
        assert client.ask(proxy(CHAT), HELLO) == recording("pre-download-chat-501")
        assert len(cluster.connections) == 1

    def test_a_hand_over_accepts_and_hangs(self, cluster, client):
        phi = Workload(cluster, "phi", "hand-over")
        client.send(proxy("/v1/models"))
        request = phi.model.requests.wait()
        client.http.close()
        assert request.closed.wait(5)

    def test_what_hangs_is_answered_once_the_model_reads(self, cluster, client):
        phi = Workload(cluster, "phi", "hand-over")
        client.send(proxy("/v1/models"))
        phi.model.requests.wait()
        phi.enter("benchmarking")
        with client.http.getresponse() as answer:
            assert answer.status == 200
        assert len(phi.model.requests) == 1

    def test_a_direct_address_follows_the_phases(self, cluster):
        phi = Workload(cluster, "phi", "ready")
        listener = phi.listen()
        for phase, code in (("ready", 200), ("downloading", 404), ("starting", None), ("ready", 200)):
            phi.enter(phase)
            assert direct(listener) == code
        listener.close()


def headers(head):
    """Return the status line and the headers, without the date and in a fixed order."""
    return sorted(line for line in head.split(b"\r\n") if not line.startswith(b"Date:"))


def gauges(client):
    code, body = client.ask(proxy("/metrics"))
    lines = [line.split(" ") for line in body.decode().splitlines() if line.startswith("kaito_model_download")]
    assert code == 200
    assert [line[0] for line in lines] == [
        "kaito_model_download_speed_bytes_per_second",
        "kaito_model_download_remaining_seconds",
    ]
    return tuple(line[1] for line in lines)


def direct(listener):
    """Return the status of /v1/models at a direct address, None if it refuses."""
    connection = http.client.HTTPConnection("127.0.0.1", listener.port, timeout=5)
    try:
        connection.request("GET", "/v1/models")
        return connection.getresponse().status
    except ConnectionRefusedError:
        return None
    finally:
        connection.close()


class TestReplicas:
    def test_a_set_has_children_and_no_service_of_its_own(self, cluster, get):
        phi = Replicas(cluster, "phi", 2)
        items = get(f"{KAITO}/workspaces?labelSelector=inferenceset.kaito.sh%2Fcreated-by%3Dphi")["items"]
        names = sorted(child.name for child in phi.children)
        assert [item["metadata"]["name"] for item in items] == names
        assert all(len(name) == len("phi-xxxxx") and name.startswith("phi-") for name in names)
        owner = items[0]["metadata"]["ownerReferences"][0]
        assert (owner["kind"], owner["name"], owner["controller"]) == ("InferenceSet", "phi", True)
        assert [item["metadata"]["name"] for item in get(f"{CORE}/services")["items"]] == names
        assert get(f"{CORE}/pods/{names[0]}-0")["metadata"]["labels"]["inferenceset.kaito.sh/created-by"] == "phi"

    def test_its_children_serve_the_set_s_name(self, cluster, client):
        child = Replicas(cluster, "phi", 1).children[0]
        assert json.loads(client.ask(proxy("/v1/models", child.name))[1])["data"][0]["id"] == "phi"

    @pytest.mark.parametrize(
        ("phases", "numbers", "condition"),
        [
            pytest.param(
                ["ready", "ready"], (2, 2), ("True", "inferencesetReady", "inferenceset is ready"), id="all ready"
            ),
            pytest.param(
                ["ready", "downloading"],
                (2, 1),
                ("False", "inferencesetNotReady", "inferenceset is not ready, 1/2 replicas are ready"),
                id="one of two",
            ),
            pytest.param(
                ["benchmark-failed"],
                (1, None),
                ("False", "inferencesetNotReady", "inferenceset is not ready, 0/1 replicas are ready"),
                id="one that serves, but its benchmark failed, does not count; zeros are left out",
            ),
            pytest.param(
                [], (None, None), ("True", "inferencesetReady", "inferenceset is ready"), id="none is ready, too"
            ),
        ],
    )
    def test_the_set_s_status(self, cluster, get, phases, numbers, condition):
        phi = Replicas(cluster, "phi", len(phases))
        for child, phase in zip(phi.children, phases):
            child.enter(phase)
        made = get(f"{KAITO}/inferencesets/phi")
        assert made["spec"]["replicas"] == len(phases)
        assert (made["status"].get("replicas"), made["status"].get("readyReplicas")) == numbers
        first = made["status"]["conditions"][0]
        assert (first["type"], first["status"], first["reason"], first["message"]) == ("InferenceSetReady", *condition)

    def test_its_children_have_models_of_a_kind(self, cluster, client):
        phi = Replicas(cluster, "phi", 2, make_model=lambda name: Model(name, max_model_len=512))
        cards = [json.loads(client.ask(proxy("/v1/models", one.name))[1])["data"][0] for one in phi.children]
        assert [(card["id"], card["max_model_len"]) for card in cards] == [("phi", 512)] * 2

    def test_scaling_and_a_rollout_change_the_children(self, cluster, get):
        phi = Replicas(cluster, "phi", 3)
        before = [child.name for child in phi.children]
        phi.scale(1)
        assert get(f"{KAITO}/inferencesets/phi")["status"]["replicas"] == 1
        assert get(f"{KAITO}/workspaces/{before[2]}") is None
        old = phi.roll_out()
        assert [child.name for child in old] == before[:1]
        assert phi.children[0].name not in before
        assert len(get(f"{CORE}/services")["items"]) == 1
        phi.scale(0)
        assert get(f"{KAITO}/workspaces")["items"] == []

    @pytest.mark.parametrize(
        ("failure", "code", "body"),
        [
            pytest.param(Refusal(502), 502, b"", id="502"),
            pytest.param(Refusal(503, {"detail": "x"}), 503, b'{"detail":"x"}', id="503"),
            pytest.param(Refusal(404), 404, b"", id="an empty 404"),
            pytest.param(too_many_requests(), 429, b"rate_limit_exceeded", id="429"),
            pytest.param(REFUSED, 503, b"connection refused", id="refused"),
        ],
    )
    def test_each_child_fails_for_itself(self, cluster, client, failure, code, body):
        one, other = Replicas(cluster, "phi", 2).children
        one.fail(failure)
        answered = client.ask(proxy(CHAT, one.name), HELLO)
        assert (answered[0], body in answered[1]) == (code, True)
        assert client.ask(proxy(CHAT, other.name), HELLO)[0] == 200
        one.fail(None)
        assert client.ask(proxy(CHAT, one.name), HELLO)[0] == 200
        assert (len(one.asked), len(other.asked), len(other.model.chats)) == (2, 1, 1)

    def test_a_child_that_vanished_is_not_found(self, cluster, client):
        child = Replicas(cluster, "phi", 1).children[0]
        child.vanish()
        code, body = client.ask(proxy(CHAT, child.name), HELLO)
        assert (code, json.loads(body)["message"]) == (404, f'services "{child.name}" not found')

    def test_a_child_dies_in_mid_answer(self, cluster, client):
        child = Replicas(cluster, "phi", 1).children[0]
        child.model.reply(["one ", HANG])
        client.send(proxy(CHAT, child.name), STREAM)
        with pytest.raises(http.client.IncompleteRead), client.http.getresponse() as answer:
            while b"one " not in answer.readline():
                pass
            child.kill()
            answer.read()
        client.http.close()
        assert client.ask(proxy(CHAT, child.name), HELLO)[0] == 503
        child.enter("ready")
        assert client.ask(proxy(CHAT, child.name), HELLO)[0] == 200

    def test_a_child_dies_before_the_first_word(self, cluster, client):
        child = Replicas(cluster, "phi", 1).children[0]
        child.model.reply("late", before=HANG)
        threading.Thread(target=lambda: (child.model.requests.wait(), child.kill())).start()
        code, body = client.ask(proxy(CHAT, child.name), STREAM)
        assert (code, json.loads(body)["message"]) == (503, EOF_STATUS)


class TestOtherKinds:
    def test_a_multi_role_inference_has_two_sets(self, cluster, client, get):
        ds = MultiRole(cluster, "ds", prefill=1, decode=2)
        alpha = KAITO.replace("v1beta1", "v1alpha1")
        assert statuses(get(f"{alpha}/multiroleinferences/ds"))["Ready"] == "True"
        ds.decode.children[0].enter("loading")
        ready = statuses(get(f"{alpha}/multiroleinferences/ds"))
        assert (ready["PrefillReady"], ready["DecodeReady"], ready["Ready"]) == ("True", "False", "False")
        selector = "multiroleinference.kaito.sh%2Fcreated-by%3Dds,kaito.sh%2Finference-role%3Ddecode"
        found = get(f"{KAITO}/workspaces?labelSelector={selector}")["items"]
        assert sorted(child.name for child in ds.decode.children) == [one["metadata"]["name"] for one in found]
        assert [one["metadata"]["name"] for one in get(f"{KAITO}/inferencesets")["items"]] == [
            "ds-decode",
            "ds-prefill",
        ]
        served = client.ask(proxy("/v1/models", ds.decode.children[1].name))[1]
        assert json.loads(served)["data"][0]["id"] == "phi-4-mini-instruct"

    def test_the_sidecar_of_a_decode_pod_is_healthy_without_a_model(self, cluster, client, get):
        child = MultiRole(cluster, "ds", phase="starting").decode.children[0]
        assert client.ask(proxy("/health", child.name)) == (200, b"")
        assert client.ask(proxy("/v1/models", child.name)) == (502, b"")
        containers = get(f"{CORE}/pods/{child.name}-0")["status"]["containerStatuses"]
        assert [one["name"] for one in containers] == [child.name, "llm-d-routing-sidecar"]

    @pytest.mark.parametrize(
        ("made", "path"),
        [
            pytest.param(rag_engine("rag"), f"{KAITO}/ragengines", id="RAGEngine"),
            pytest.param(model_mirror("phi"), "/apis/kaito.sh/v1alpha1/modelmirrors", id="ModelMirror"),
        ],
    )
    def test_they_are_listed(self, cluster, get, made, path):
        cluster.add(made)
        listed = get(path)
        assert (listed["kind"], len(listed["items"])) == (f"{made['kind']}List", 1)

    def test_the_rare_kinds_are_served_in_v1alpha1_alone(self, cluster, client):
        MultiRole(cluster, "ds")
        assert client.ask(f"{KAITO}/multiroleinferences/ds")[0] == 404

    @NEEDS_KUBECTL
    def test_kubectl_knows_their_short_names(self, cluster, tmp_path):
        assert KUBECTL
        MultiRole(cluster, "ds")
        cluster.add(rag_engine("rag"))
        path = cluster.write_kubeconfig(tmp_path)
        for words, name in (("isets", "inferenceset.kaito.sh/ds-decode"), ("rag", "ragengine.kaito.sh/rag"),
                            ("mri", "multiroleinference.kaito.sh/ds")):  # fmt: skip
            assert name in kubectl(path, "get", words, "-o", "name").stdout


class TestUsers:
    @pytest.mark.parametrize(
        ("user", "codes"),
        [
            pytest.param("all rights", (200, 200, 200, 200, 200, 200)),
            pytest.param("without workspaces", (403, 403, 200, 200, 200, 200)),
            pytest.param("only the proxy", (403, 403, 403, 403, 403, 200)),
            pytest.param("no rights", (403, 403, 403, 403, 403, 403)),
        ],
    )
    def test_four_users(self, cluster, client, user, codes):
        Workload(cluster, "phi")
        cluster.act_as(user)
        paths = (f"{KAITO}/workspaces/phi", f"{KAITO}/inferencesets", f"{CORE}/services/phi", f"{CORE}/pods")
        answers = [client.ask(path) for path in (*paths, proxy("/v1/models"))] + [client.ask(proxy(CHAT), HELLO)]
        assert tuple(answer[0] for answer in answers) == codes
        refused = [json.loads(body) for code, body in answers if code == 403]
        assert all(one["reason"] == "Forbidden" and " is forbidden: User " in one["message"] for one in refused)

    def test_their_rights_replace_each_other(self, cluster, client):
        for user in (*USERS, "all rights"):
            cluster.act_as(user)
        assert client.ask(f"{KAITO}/workspaces")[0] == 200


LONG = {"messages": [{"role": "user", "content": "word " * 1530}]}


class TestModels:
    @pytest.fixture
    def ask(self, cluster, client):
        """Send a request to a workload with that model: ask(model, path, body) -> status and body."""

        def send(model, path=CHAT, body=None):
            Workload(cluster, "phi", model=model)
            return client.ask(proxy(path), body)

        return send

    @pytest.mark.parametrize(
        ("change", "name"),
        [
            pytest.param({**LONG, "max_tokens": 1024}, "window-both", id="prompt and reply"),
            pytest.param(
                {"messages": [{"role": "user", "content": "word " * 2500}], "max_tokens": 10},
                "window-prompt",
                id="prompt",
            ),
            pytest.param({**HELLO, "max_tokens": 9000}, "window-reply", id="reply"),
        ],
    )
    def test_vllm_0_25_refuses_what_does_not_fit_in_recorded_words(self, ask, change, name):
        assert ask(Model(strict_window=True), CHAT, change) == recording(f"vllm-0.27-400-{name}")

    @pytest.mark.parametrize("limit", [519, 600, 2000])
    def test_its_lower_bound_moves_with_the_budget(self, ask, limit):
        code, body = ask(Model(strict_window=True), CHAT, {**LONG, "max_tokens": limit})
        assert (code, f"contains at least {2048 - limit + 1} input tokens" in body.decode()) == (400, limit < 1900)

    def test_it_does_not_name_its_models(self, ask):
        assert ask(Model(strict_window=True), CHAT, {**HELLO, "model": "nope"}) == recording("vllm-0.27-404-model")

    @pytest.mark.parametrize(
        ("path", "body", "name"),
        [
            pytest.param("/v1/models", None, "vllm-0.27-401-models", id="models"),
            pytest.param(CHAT, HELLO, "vllm-0.27-401-chat", id="chat"),
        ],
    )
    def test_an_api_key_guards_v1_alone(self, ask, path, body, name):
        assert ask(Model(api_key="secret"), path, body) == recording(name)
        assert ask(Model(api_key="secret"), "/tokenize", HELLO)[0] == 200

    def test_an_api_key_that_is_sent_is_accepted(self, cluster):
        listener = Workload(cluster, "phi", model=Model(api_key="secret")).listen()
        connection = http.client.HTTPConnection("127.0.0.1", listener.port, timeout=5)
        connection.request("GET", "/v1/models", headers={"Authorization": "Bearer secret"})
        assert connection.getresponse().status == 200
        connection.close()
        listener.close()

    def test_a_base_model_has_no_chat_template(self, ask):
        code, body = ask(Model(chat_template=False), CHAT, HELLO)
        assert (code, "default chat template is no longer allowed" in body.decode()) == (400, True)

    def test_a_full_queue_refuses_tokenize_too(self, ask):
        model = Model()
        model.busy = True
        assert [ask(model, path, HELLO)[0] for path in (CHAT, "/tokenize")] == [429, 429]
        assert ask(model, "/v1/models")[0] == 200

    @pytest.mark.parametrize("reason", ["content_filter", "repetition", "abort"])
    def test_an_answer_ends_for_any_reason(self, ask, reason):
        model = Model()
        model.reply("so far", finish_reason=reason)
        found = events(ask(model, CHAT, {**HELLO, "stream": True})[1])
        assert found[-2]["choices"][0]["finish_reason"] == reason

    def test_tool_calls_are_streamed_in_pieces(self, ask):
        model = Model()
        for _ in range(2):
            model.reply([ToolCall("look", ['{"a"', ": 1}"])], finish_reason="tool_calls")
        found = events(ask(model, CHAT, {**HELLO, "stream": True})[1])[1:-1]
        calls = [event["choices"][0]["delta"]["tool_calls"][0] for event in found]
        assert (calls[0]["type"], calls[0]["function"]) == ("function", {"name": "look", "arguments": ""})
        assert [call["function"]["arguments"] for call in calls[1:]] == ['{"a"', ": 1}"]
        assert found[-1]["choices"][0]["finish_reason"] == "tool_calls"
        message = json.loads(ask(model, CHAT, HELLO)[1])["choices"][0]["message"]
        assert (message["content"], message["tool_calls"][0]["function"]["arguments"]) == (None, '{"a": 1}')


class TestTransformers:
    @pytest.fixture
    def ask(self, cluster, client):
        model = Transformers()
        Workload(cluster, "phi", model=model)

        def send(path, body=None):
            return client.ask(proxy(path), body)

        send.model = model
        return send

    @pytest.mark.parametrize(
        ("change", "code", "detail"),
        [
            pytest.param({"top_k": 5}, 422, "Unexpected fields in the request: {'top_k'}", id="an unknown field"),
            pytest.param(
                {"model": "x"},
                400,
                "Server is pinned to 'microsoft/Phi-4-mini-instruct@main'; requested 'x'.",
                id="model",
            ),
        ],
    )
    def test_its_refusals_are_details(self, ask, change, code, detail):
        answered, body = ask(CHAT, {**HELLO, **change})
        assert (answered, json.loads(body)) == (code, {"detail": detail})

    def test_its_stream_has_another_shape(self, ask):
        """Reasoning has vLLM's older name, the last chunk has the usage, and no [DONE] follows."""
        ask.model.reply([Reasoning("hm"), "yes"])
        found = events(ask(CHAT, STREAM)[1])
        assert [event["choices"][0]["delta"] for event in found] == [
            {"role": "assistant"}, {"reasoning_content": "hm"}, {"content": "yes"}, {}
        ]  # fmt: skip
        assert found[-1]["choices"][0]["finish_reason"] == "stop"
        assert found[-1]["usage"]["completion_tokens"] == 2
        assert found[0]["model"] == "microsoft/Phi-4-mini-instruct@main"

    def test_an_error_in_the_stream_is_a_text(self, ask):
        ask.model.reply(["a", {"error": "CUDA out of memory"}, CLOSE])
        ask.model.reply(Raw(b""))
        with pytest.raises(http.client.IncompleteRead) as broken:
            ask(CHAT, STREAM)
        assert events(broken.value.partial)[-1] == {"error": "CUDA out of memory"}

    def test_it_answers_neither_tokenize_nor_prometheus(self, ask):
        assert ask("/tokenize", HELLO) == (404, b'{"detail":"Not Found"}')
        assert set(json.loads(ask("/metrics")[1])) == {"gpu_info", "cpu_info"}
        card = json.loads(ask("/v1/models")[1])["data"][0]
        assert (card["id"], card["owned_by"], "max_model_len" in card) == ("phi-4-mini-instruct", "kaito", False)
        assert ask("/health") == (200, b'{"status":"Healthy"}')

    def test_an_answer_in_one_piece(self, ask):
        message = json.loads(ask(CHAT, HELLO)[1])["choices"][0]["message"]
        assert message["content"].startswith("Hello!")
        assert content(ask(CHAT, STREAM)[1]) == message["content"]


class TestLife:
    def test_it_plays_every_phase_and_serves(self, home):
        with start(
            ["-m", "tests.cluster", "--life", "--life-seconds", "0.6"], home=home, cwd=ROOT, command=PYTHON
        ) as process:
            try:
                path = process.stdout.readline().decode().rstrip("\n")
                words = ["chat", "--workspace-name", "phi-3-5-mini", "--kubeconfig", path]
                lines = [process.stderr.readline().decode().split() for _ in LIFE]
                assert [line[2] for line in lines] == list(LIFE)
                assert [len(line) for line in lines] == [3] * len(LIFE)
                assert run(words, "Say OK\n", home=home)[:2] == (0, "OK\n")
            finally:
                process.kill()
