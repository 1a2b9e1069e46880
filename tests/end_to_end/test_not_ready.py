"""A workspace that cannot answer: exit code 4 before anything is asked, and the reason in the cluster's own words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cluster import (
    NO_ENDPOINTS,
    NO_OBJECT,
    REFUSED,
    Cluster,
    condition,
    inference_set,
    pod,
    port,
    replica_of,
    service,
    waiting,
    workspace,
)
from tests.cluster.process import ROOT

from . import CHAT, NAME

ASK = "Say OK\n"
OF_IT = {"kaito.sh/workspace": NAME}
WATCH = f"kubectl kaito status --workspace-name {NAME} -n default --watch"


def not_ready(cluster, chat, *flags, backend=REFUSED):
    """Return the lines of the error of a run that asked nothing; `backend`: what the Service leads to."""
    cluster.route(NAME, backend)
    result = chat(ASK, *flags)
    assert (result.code, result.out) == (4, "")
    assert not cluster.model.chats
    return result.err.splitlines()


def test_it_is_explained(cluster, chat):
    """What failed first, the conditions as a table, the state, the pods' own messages, and the next step."""
    cluster.add(workspace(NAME, ready=False), pod("phi-0", labels=OF_IT, phase="Pending"))
    lines = not_ready(cluster, chat)
    aged = [re.sub(r"\d+[smhdy]\w*", "AGE", re.sub(" {3,}", "   ", line)) for line in lines]
    assert aged == [
        f'error: workspace "{NAME}" is not ready: InsufficientCapacity, nodeClaim ws1234',
        "TYPE   STATUS   REASON   AGE   MESSAGE",
        "ResourceReady   False   NodeClaimNotReady   AGE   nodeClaim ws1234 is not ready: InsufficientCapacity",
        "InferenceReady   False   WorkspaceInferencePending   AGE   workload is not ready",
        "state: Pending",
        "pod phi-0: Pending",
        f"wait for it with --wait, or watch it: {WATCH}",
    ]
    starts = [[match.start() for match in re.finditer(r"(?<= {3})\S", line)] for line in lines[1:4]]
    assert starts[0] == starts[1] == starts[2], "the columns are aligned"


def test_the_error_comes_before_any_question(cluster, chat):
    cluster.add(workspace(NAME, ready=False))
    not_ready(cluster, chat)
    assert not cluster.model.requests
    assert not any("completions" in request.target for request in cluster.requests)


@pytest.mark.parametrize(
    "conditions",
    [
        pytest.param(None, id="no status yet"),
        pytest.param((), id="no conditions"),
        pytest.param((condition("ResourceReady", False, "Pending", "creating"),), id="InferenceReady is absent"),
        pytest.param((condition("InferenceReady", "Unknown", "Init", "checking"),), id="InferenceReady is Unknown"),
        pytest.param(
            (condition("BenchmarkCompleted", False), condition("InferenceReady", True)), id="only another is False"
        ),
    ],
)
def test_undecided_conditions_do_not_prevent_the_attempt(cluster, chat, conditions):
    cluster.add(workspace(NAME, ready=None, conditions=conditions))
    assert chat(ASK)[:2] == (0, "OK\n")


def test_a_tuning_workspace_serves_nothing(cluster, chat):
    cluster.add(workspace(NAME, tuning={"method": "qlora"}))
    lines = not_ready(cluster, chat)
    assert lines[0] == f'error: workspace "{NAME}" tunes a model and does not serve one'
    assert any(line.startswith("JobStarted") for line in lines)
    assert "inference section" in lines[-1]
    assert not cluster.model.requests


UNSCHEDULABLE = condition("PodScheduled", False, "Unschedulable", "0/3 nodes are available: 3 Insufficient gpu.")
TERMINATED = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}


@pytest.mark.parametrize(
    ("made", "words"),
    [
        pytest.param(
            {"phase": "Pending", "conditions": [UNSCHEDULABLE]},
            "Pending: Unschedulable: 0/3 nodes are available: 3 Insufficient gpu.",
            id="unschedulable",
        ),
        pytest.param(
            {"phase": "Pending", "containers": [waiting("ImagePullBackOff", 'Back-off pulling image "x"')]},
            'ImagePullBackOff: Back-off pulling image "x"',
            id="no image",
        ),
        pytest.param(
            {"containers": [waiting("CrashLoopBackOff", "back-off 5m0s", restarts=7)]},
            "CrashLoopBackOff: back-off 5m0s; restarted 7 times",
            id="crashing",
        ),
        pytest.param(
            {"containers": [{**waiting("CrashLoopBackOff", "", restarts=1), "lastState": TERMINATED}]},
            "CrashLoopBackOff; it ended with OOMKilled (exit code 137); restarted once",
            id="how it ended",
        ),
        pytest.param(
            {"containers": [{"ready": True, "restartCount": 2, "state": {"running": {}}, "lastState": TERMINATED}]},
            "it ended with OOMKilled (exit code 137); restarted 2 times",
            id="running again",
        ),
        pytest.param(
            {"containers": [{"ready": False, "restartCount": 0, "state": {"running": {}}}]},
            "Running, but not ready: the model is still being loaded",
            id="loading",
        ),
    ],
)
def test_the_pods_own_words(cluster, chat, made, words):
    cluster.add(workspace(NAME, ready=False), pod("phi-0", labels=OF_IT, **made), pod("stranger", phase="Pending"))
    lines = not_ready(cluster, chat)
    assert [line for line in lines if line.startswith("pod ")] == [f"pod phi-0: {words}"]


def test_many_pods_are_not_all_shown(cluster, chat):
    cluster.add(workspace(NAME, ready=False), *(pod(f"phi-{n}", labels=OF_IT, phase="Pending") for n in range(9)))
    lines = not_ready(cluster, chat)
    assert [line for line in lines if line.startswith("pod ")] == [f"pod phi-{n}: Pending" for n in range(5)]
    assert "… and 4 more" in lines


def test_pods_that_may_not_be_read_are_left_out(cluster, chat):
    cluster.add(workspace(NAME, ready=False), pod("phi-0", labels=OF_IT, phase="Pending"))
    cluster.deny("list", "pods")
    lines = not_ready(cluster, chat)
    assert not [line for line in lines if line.startswith("pod ")]
    assert lines[-1].startswith("wait for it")


def test_messages_of_the_cluster_are_harmless(cluster, chat):
    """A message of several long lines with control sequences becomes one harmless line of the table."""
    evil = "first\nsecond \x1b[2J" + "x" * 5000
    cluster.add(workspace(NAME, conditions=[condition("InferenceReady", False, "Why\x07", evil)]))
    lines = not_ready(cluster, chat)
    assert len(lines) == 5
    assert not [line for line in lines if len(line) > 500 or "\x1b" in line or "\x07" in line]


@pytest.mark.parametrize(
    ("backend", "words"),
    [
        pytest.param(NO_OBJECT, "its Service is missing or has no endpoints", id="not found"),
        pytest.param(NO_ENDPOINTS, "no pod of it is running", id="no endpoints"),
        pytest.param(REFUSED, "its pod is there, but the model is not being served", id="refused"),
    ],
)
def test_what_the_proxy_says_of_a_workspace_that_looked_ready(cluster, chat, backend, words):
    """What may succeed soon is asked again until --retry-timeout, and then explained, too."""
    cluster.add(pod("phi-0", labels=OF_IT, containers=[waiting("CrashLoopBackOff", "back-off", 3)]))
    lines = not_ready(cluster, chat, "--retry-timeout", "1s", backend=backend)
    errors = [line for line in lines if line.startswith("error: ")]
    assert len(errors) == 1
    assert errors[0].startswith(f'error: workspace "{NAME}" does not answer yet: {words}')
    assert "pod phi-0: CrashLoopBackOff: back-off; restarted 3 times" in lines
    assert any(re.match("InferenceReady +True ", line) for line in lines)
    asked = [request for request in cluster.requests if "completions" in request.target]
    assert len(asked) == 1 if backend is NO_OBJECT else 2 <= len(asked) <= 4


def test_a_port_that_the_service_does_not_have(cluster, chat):
    """Waiting does not help, so nothing is asked again."""
    cluster.add(service(NAME, ports=[port(6379, "ray", 6379), port(8265, "dashboard", 8265)]))
    lines = not_ready(cluster, chat)
    assert 'its Service has no such port (no service port 80 found for service "phi-3-5-mini")' in "\n".join(lines)
    assert len([request for request in cluster.requests if "completions" in request.target]) == 1


def test_it_became_unready_during_the_chat(cluster, start_chat):
    """The error shows the conditions of that moment."""
    process = start_chat("--retry-timeout", "0")
    process.stdin.write(b"Say a\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"a\n"
    cluster.add(workspace(NAME, ready=False))
    cluster.route(NAME, NO_ENDPOINTS)
    _, err = process.communicate(b"Say b\n", 10)
    assert process.returncode == 4
    assert b"NodeClaimNotReady" in err


def test_no_service_yet(cluster, chat):
    cluster.remove("services", NAME)
    assert not_ready(cluster, chat)[0] == f'error: workspace "{NAME}" is not ready: there is no Service "{NAME}" yet'


class TestInferenceSet:
    def test_a_ready_replica_is_taken_and_said(self, cluster, run_kaito):
        """The served id is the set's name, which only the server knows."""
        cluster.model.name = "phi-set"
        cluster.add(
            inference_set("phi-set", replicas=3, ready_replicas=2),
            workspace("phi-set-0", ready=False, labels=replica_of("phi-set")),
            *(workspace(f"phi-set-{n}", labels=replica_of("phi-set")) for n in (1, 2)),
            *(service(f"phi-set-{n}") for n in range(3)),
            workspace("stranger", labels=replica_of("another-set")),
        )
        result = run_kaito("chat", "--workspace-name", "phi-set", stdin=ASK)
        (answering,) = {name for name in ("phi-set-1", "phi-set-2") if name in result.err}
        assert result == (
            0,
            "OK\n",
            "Connected to workspace: phi-set (model: phi-set)\n"
            f"InferenceSet phi-set: its workspace {answering} answers (2 of 3 ready)\n",
        )

    @pytest.mark.parametrize(
        ("replicas", "words"),
        [
            pytest.param([], "it has no workspace yet", id="no replica yet"),
            pytest.param([False], "phi-set-0: InsufficientCapacity, nodeClaim ws1234", id="none is ready"),
        ],
    )
    def test_none_is_ready(self, cluster, run_kaito, replicas, words):
        cluster.add(inference_set("phi-set"))
        for number, ready in enumerate(replicas):
            cluster.add(workspace(f"phi-set-{number}", ready=ready, labels=replica_of("phi-set")))
        result = run_kaito("chat", "--workspace-name", "phi-set", stdin=ASK)
        assert (result.code, result.out) == (4, "")
        assert result.err.startswith(f'error: InferenceSet "phi-set" is not ready: {words}\n')

    def test_its_replicas_may_not_be_listed(self, cluster, run_kaito):
        cluster.add(inference_set("phi-set"), workspace("phi-set-0", labels=replica_of("phi-set")))
        cluster.deny("list", "workspaces")
        result = run_kaito("chat", "--workspace-name", "phi-set", stdin=ASK)
        assert result.code == 3
        assert result.err.splitlines() == [
            'error: "phi-set" is an InferenceSet, and you may not list its workspaces',
            "check with: kubectl auth can-i list workspaces.kaito.sh -n default",
        ]


class TestWrongNames:
    @pytest.fixture(autouse=True)
    def others(self, cluster):
        cluster.add(workspace("llama-3-8b"), inference_set("phi-set"), workspace("elsewhere", "models"))

    @pytest.mark.parametrize(
        ("name", "namespace", "hint"),
        [
            pytest.param("phi-3-5-mni", "default", "workspaces here: phi-3-5-mini, phi-set, and 1 more", id="mistyped"),
            pytest.param("llama", "default", "workspaces here: llama-3-8b, and 2 more", id="the beginning"),
            pytest.param("zzz", "default", "workspaces here: llama-3-8b, phi-3-5-mini, phi-set", id="nothing like it"),
            pytest.param(
                "elsewhere", "default", "it exists in another namespace: use -n models", id="in another namespace"
            ),
            pytest.param("phi", "empty", "to list all workspaces: kubectl kaito status -A", id="an empty namespace"),
        ],
    )
    def test_the_closest_names_and_other_namespaces(self, run_kaito, name, namespace, hint):
        result = run_kaito("chat", "--workspace-name", name, "-n", namespace, stdin=ASK)
        assert (result.code, result.out) == (4, "")
        assert result.err.splitlines() == [f'error: workspace "{name}" not found in namespace "{namespace}"', hint]

    @pytest.mark.parametrize("verb", ["chat", "status"])
    @pytest.mark.parametrize(
        ("name", "namespace", "hint"),
        [
            pytest.param("llama-3-8b", "default", "InferenceSets here: phi-set", id="a workspace's"),
            pytest.param("elsewhere", "empty", "to list all InferenceSets: kubectl kaito status -A", id="elsewhere"),
        ],
    )
    def test_a_set_s_name_is_only_that_of_a_set(self, run_kaito, verb, name, namespace, hint):
        result = run_kaito(verb, "--workspace-name", f"inferenceset/{name}", "-n", namespace, stdin=ASK)
        error = f'error: InferenceSet "{name}" not found in namespace "{namespace}"'
        assert (result.code, result.err.splitlines()) == (4, [error, hint])

    def test_a_set_that_the_user_may_not_read(self, cluster, run_kaito):
        cluster.deny("get", "inferencesets")
        result = run_kaito("chat", "--workspace-name", "inferenceset/phi-set", stdin=ASK)
        assert (result.code, result.err.splitlines()) == (
            3,
            [
                'error: you may not get inferencesets in namespace "default"',
                "check with: kubectl auth can-i get inferencesets.kaito.sh -n default",
            ],
        )

    def test_only_this_namespace_may_be_listed(self, cluster, run_kaito):
        """The hint does not mention what the user may not list."""
        cluster.on("/apis/kaito.sh/v1beta1/workspaces", forbidden())
        cluster.on("/apis/kaito.sh/v1beta1/inferencesets", forbidden())
        result = run_kaito("chat", "--workspace-name", "elsewhere", stdin=ASK)
        assert result.code == 4
        assert "use -n models" not in result.err
        assert "workspaces here: llama-3-8b, phi-3-5-mini, phi-set" in result.err

    def test_nothing_may_be_listed(self, cluster, run_kaito):
        cluster.deny("list", "workspaces")
        cluster.deny("list", "inferencesets")
        result = run_kaito("chat", "--workspace-name", "nope", stdin=ASK)
        assert (result.code, result.err.splitlines()[0]) == (
            4,
            'error: workspace "nope" not found in namespace "default"',
        )


def forbidden():
    from tests.cluster import Refusal

    status = {"kind": "Status", "status": "Failure", "message": "no", "reason": "Forbidden", "code": 403}
    return Refusal(403, status)


class TestOldClusters:
    @pytest.fixture
    def old(self, tmp_path):
        with Cluster(versions=("v1alpha1",)) as made:
            made.add(workspace(NAME, version="v1alpha1"), service(NAME))
            made.env = {"KUBECONFIG": made.write_kubeconfig(tmp_path / "old")}
            yield made

    def test_v1alpha1(self, old, run_kaito):
        assert run_kaito(*CHAT, stdin=ASK, env=old.env)[:2] == (0, "OK\n")

    def test_it_is_explained_there_too(self, old, run_kaito):
        old.add(workspace(NAME, ready=False, version="v1alpha1"), workspace("phi-4", version="v1alpha1"))
        old.route(NAME, REFUSED)
        assert "NodeClaimNotReady" in run_kaito(*CHAT, stdin=ASK, env=old.env).err
        result = run_kaito("chat", "--workspace-name", "phi-5", stdin=ASK, env=old.env)
        assert result.err.splitlines()[1] == "workspaces here: phi-4, phi-3-5-mini"

    def test_no_kaito_at_all(self, run_kaito, tmp_path):
        with Cluster(versions=()) as cluster:
            cluster.add(service(NAME))
            env = {"KUBECONFIG": cluster.write_kubeconfig(tmp_path / "own")}
            result = run_kaito(*CHAT, stdin=ASK, env=env)
        assert (result.code, result.err.splitlines()) == (
            4,
            [
                f'error: workspace "{NAME}" cannot be found: '
                "there is no KAITO in the cluster (its API server does not serve kaito.sh)",
                "choose another --context, or install KAITO",
            ],
        )


class TestSmallRights:
    """With `create` on services/proxy alone the chat works; objects that the user may not read are skipped."""

    PROXY = ("create", "services/proxy", f"{NAME}:80")
    LOOK = ("get", "services/proxy", f"{NAME}:80")

    @pytest.mark.parametrize(
        ("rules", "model"),
        [
            pytest.param([PROXY], "not known yet", id="create on services/proxy alone"),
            pytest.param([PROXY, LOOK], "phi-3.5-mini-instruct", id="the model may be looked at"),
            pytest.param([PROXY, ("get", "workspaces", NAME)], "phi-3.5-mini-instruct", id="no Service"),
            pytest.param([PROXY, ("get", "services", NAME)], "not known yet", id="no Workspace"),
            pytest.param(
                [PROXY, ("get", "workspaces", NAME), ("get", "services", NAME)], "phi-3.5-mini-instruct", id="no models"
            ),
        ],
    )
    def test_the_chat_works(self, cluster, chat, rules, model):
        cluster.grant(*rules)
        result = chat("Say OK\n/status\n")
        assert (result.code, result.out) == (0, "OK\n")
        assert result.err.startswith(f"Connected to workspace: {NAME} (model: {model})\n")
        assert re.search(r"^Model: +phi-3.5-mini-instruct$", result.err, re.MULTILINE), "the first answer named it"

    def test_the_right_that_is_missing(self, cluster, chat):
        cluster.grant(("get", "workspaces"), ("get", "services"))
        result = chat(ASK)
        assert (result.code, result.out) == (3, "")
        check = "kubectl auth can-i create services --subresource=proxy -n default"
        assert result.err.splitlines()[-1] == f"check with: {check}"

    def test_no_rights_at_all(self, cluster, chat):
        cluster.grant()
        result = chat(ASK)
        assert (result.code, result.out) == (3, "")
        assert 'cannot create resource "services/proxy"' in result.err

    def test_a_forbidden_workspace_costs_the_readiness_check(self, cluster, chat):
        cluster.add(workspace(NAME, ready=False))
        cluster.grant(self.PROXY)
        assert chat(ASK)[:2] == (0, "OK\n")


def test_the_documented_role_is_enough(cluster, chat):
    """docs/connecting.md: the smallest Role, word for word."""
    text = (Path(ROOT) / "docs" / "connecting.md").read_text()
    role = text.partition("kind: Role\n")[2].partition("```")[0]
    (resource,) = re.findall(r'resources: \["(.+)"\]', role)
    (name,) = re.findall(r'resourceNames: \["(.+)"\]', role)
    (verb,) = re.findall(r'verbs: \["(.+)"\]', role)
    assert name == f"{NAME}:80"
    cluster.grant((verb, resource, name))
    assert chat(ASK)[:2] == (0, "OK\n")
    cluster.grant((verb, resource, NAME))
    assert chat(ASK).code == 3
