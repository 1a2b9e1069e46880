"""`kubectl kaito get-endpoint`: where the model answers, for other programs."""

from __future__ import annotations

import json

import pytest

from tests.cluster import (
    Cluster,
    Model,
    Refusal,
    Replicas,
    Workload,
    inference_set,
    port,
    replica_of,
    service,
    workspace,
)

from . import NAME, SERVICE_PATH

GET = ("get-endpoint", "--workspace-name", NAME)


@pytest.fixture
def balanced(cluster):
    """The URL of a LoadBalancer that leads to a model."""
    with cluster.model.serve() as direct:
        ports = [port(direct.port), port(6379, "ray", 6379)]
        cluster.add(service(NAME, ports=ports, kind="LoadBalancer", ingress=[{"ip": "127.0.0.1"}]))
        yield direct.url


def test_the_best_url(cluster, run_kaito):
    assert run_kaito(*GET) == (0, f"{cluster.url}{SERVICE_PATH}:80/proxy\n", "")


def test_a_load_balancer_that_answers_is_the_best(run_kaito, balanced):
    assert run_kaito(*GET, "--format", "url") == (0, f"{balanced}\n", "")


def test_one_that_does_not_answer_is_not(cluster, run_kaito):
    silent = Model()
    with silent.serve() as direct:
        silent.on("/v1/models", Refusal(200, "<html>"))
        ports = [port(direct.port, "http")]
        cluster.add(service(NAME, ports=ports, kind="LoadBalancer", ingress=[{"ip": "127.0.0.1"}]))
        assert run_kaito(*GET).out == f"{cluster.url}{SERVICE_PATH}:{direct.port}/proxy\n"


def test_a_url_that_works(cluster, run_kaito, balanced):
    """With /v1/models appended, any client can use it."""
    import urllib.request

    with urllib.request.urlopen(run_kaito(*GET).out.strip() + "/v1/models", timeout=5) as answer:
        assert json.load(answer)["data"][0]["id"] == "phi-3.5-mini-instruct"


def test_as_json(cluster, run_kaito, balanced):
    result = run_kaito(*GET, "--format", "json")
    number = balanced.rpartition(":")[2]
    assert (result.code, result.err) == (0, "")
    document = json.loads(result.out)
    assert list(document) == ["workspace", "namespace", "endpoints"]
    assert (document["workspace"], document["namespace"]) == (NAME, "default")
    assert all(list(one) == ["url", "type", "access", "description"] for one in document["endpoints"])
    assert [(one["type"], one["access"], one["url"]) for one in document["endpoints"]] == [
        ("LoadBalancer", "external", balanced),
        ("APIProxy", "cluster", f"{cluster.url}{SERVICE_PATH}:{number}/proxy"),
        ("ClusterIP", "internal", f"http://{NAME}.default.svc:{number}"),
    ]


@pytest.mark.parametrize(
    "flags", [("-o", "json"), ("--output=json",), ("--format", "json"), ("-o", "json", "--format", "json")]
)
def test_either_flag_chooses_json(run_kaito, flags):
    assert json.loads(run_kaito(*GET, *flags).out)["workspace"] == NAME


@pytest.mark.parametrize(("output", "form"), [("json", "url"), ("url", "json")])
def test_flags_that_contradict_each_other(run_kaito, output, form):
    result = run_kaito(*GET, "-o", output, "--format", form)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: --output and --format are the same flag, but their values differ\n")


def test_without_a_load_balancer(run_kaito):
    document = json.loads(run_kaito(*GET, "--format=json").out)
    assert [one["type"] for one in document["endpoints"]] == ["APIProxy", "ClusterIP"]


def test_an_inference_set(cluster, run_kaito):
    cluster.add(inference_set("set"), workspace("set-0", labels=replica_of("set")), service("set-0"))
    result = run_kaito("get-endpoint", "--workspace-name", "set", "--format", "json")
    document = json.loads(result.out)
    assert document["workspace"] == "set"
    assert document["endpoints"][0]["url"].endswith("/services/set-0:80/proxy")
    assert run_kaito("get-endpoint", "--workspace-name", "set").out.endswith("/services/set-0:80/proxy\n")


def test_below_a_path_as_rancher_has_it(run_kaito, tmp_path):
    with Cluster(prefix="/k8s/clusters/c-1") as cluster:
        cluster.add(workspace(NAME), service(NAME))
        env = {"KUBECONFIG": cluster.write_kubeconfig(tmp_path / "own")}
        assert run_kaito(*GET, env=env).out == f"{cluster.url}{SERVICE_PATH}:80/proxy\n"


@pytest.mark.parametrize("form", ["url", "json"])
def test_one_that_is_not_ready(cluster, run_kaito, form):
    Workload(cluster, NAME, "starting")
    result = run_kaito(*GET, "-o", form)
    assert (result.code, result.out) == (4, "")
    assert result.err.startswith(f'error: workspace "{NAME}" is not ready: ')


@pytest.mark.parametrize("form", ["url", "json"])
def test_an_inference_set_that_is_not_ready(cluster, run_kaito, form):
    Replicas(cluster, "set", 1).children[0].enter("starting")
    result = run_kaito("get-endpoint", "--workspace-name", "set", "-o", form)
    assert (result.code, result.out) == (4, "")
    assert result.err.startswith("error: ") and " is not ready: " in result.err


def test_of_an_inference_set_only_a_ready_workspace_is_offered(cluster, run_kaito):
    replicas = Replicas(cluster, "set", 3).children
    replicas[0].enter("lost")
    replicas[2].enter("crash-looping")
    assert run_kaito("get-endpoint", "--workspace-name", "set").out.endswith(f"/services/{replicas[1].name}:80/proxy\n")


def test_a_wrong_name(run_kaito):
    result = run_kaito("get-endpoint", "--workspace-name", "phi-3-5-mni")
    assert (result.code, result.out) == (4, "")
    assert f"workspaces here: {NAME}" in result.err
