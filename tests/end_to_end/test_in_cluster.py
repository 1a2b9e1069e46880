"""In a pod: a network of the test's own, with the files and names that a kubelet provides.

The cluster's domain is corp.example, not cluster.local. The machine must allow network namespaces; elsewhere the
ways are tested with the environment of a pod alone (test_ways.py).
"""

from __future__ import annotations

import re
import shutil

import pytest

from tests.cluster import Cluster, Model, Refusal, inference_set, port, replica_of, run, service, workspace
from tests.tools.names import Names
from tests.tools.network import Network, why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=f"needs a network namespace: {why_not()}")

NAME = "phi"
CHAT = ("chat", "--workspace-name", NAME)
DOMAIN = "corp.example"
CLUSTER_IP, BALANCER_IP, OTHER_IP = "10.96.40.41", "10.20.30.40", "10.20.30.99"
RESOLVER = f"""\
nameserver 127.0.0.1
search models.svc.{DOMAIN} svc.{DOMAIN} {DOMAIN}
options ndots:5 timeout:3 attempts:1
"""


class Pod:
    """A pod of cluster A, in the namespace `models`; `model` answers at the Service's address `url`."""

    def __init__(self, network, folder, names):
        self.cluster = network.inside(Cluster)
        self.model = self.cluster.model
        served = network.inside(lambda: self.model.serve(CLUSTER_IP))
        self.port = served.port
        self.names = names
        self.cluster.add(workspace(NAME, "models"), self.service())
        shutil.copy(self.cluster.ca_file, folder / "ca.crt")
        self._command = network.command
        self._closing = [served, self.cluster]

    def service(self, name=NAME, **changes):
        return service(name, "models", ports=[port(self.port)], **{"cluster_ip": CLUSTER_IP, **changes})

    def stop(self):
        for each in self._closing:
            each.stop()

    def run(self, *flags, env=None, argv=CHAT, stdin="Say OK\n/status\n"):
        own = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": self.cluster.server.port}
        result = run([*argv, *flags], stdin, {**own, **(env or {})}, command=self._command)
        assert "Traceback" not in result.err
        return result


@pytest.fixture
def names():
    """The addresses that DNS has, by name."""
    return {
        f"{NAME}.models.svc.{DOMAIN}": CLUSTER_IP,
        f"kubernetes.default.svc.{DOMAIN}": "127.0.0.1",
        "kubernetes.default.svc.other.example": OTHER_IP,
        "other.example": OTHER_IP,
    }


@pytest.fixture
def network(tmp_path):
    account = tmp_path / "serviceaccount"
    account.mkdir()
    (account / "token").write_text(Cluster.token)
    (account / "namespace").write_text("models")
    addresses = [f"{address}/32" for address in (CLUSTER_IP, BALANCER_IP, OTHER_IP)]
    with Network(tmp_path, addresses, account, RESOLVER) as made:
        yield made


@pytest.fixture
def dns(network, names):
    server = network.inside(lambda: Names(names))
    yield server
    server.close()


@pytest.fixture
def pod(network, tmp_path, dns):
    made = Pod(network, tmp_path / "serviceaccount", dns)
    yield made
    made.stop()


def way(result):
    return re.search(r"^Way: +(\w+)", result.err, re.MULTILINE).group(1)


def seen(model):
    """Return the method, path and headers that a direct address got, tokens included."""
    return {name.lower() for request in model.requests for name, _ in request.headers.pairs}


def test_the_service_s_name_under_a_foreign_domain(pod):
    """Without a kubeconfig, the service account's folder names cluster, user and namespace, and DNS the rest."""
    result = pod.run()
    assert (result.code, result.out, way(result)) == (0, "OK\n", "ClusterIP")
    assert [request.target for request in pod.model.requests] == ["/v1/models", "/v1/chat/completions"]
    assert pod.model.requests[0].headers["host"] == f"{NAME}.models.svc:{pod.port}"
    assert f"{NAME}.models.svc.{DOMAIN}" in pod.names.asked
    assert not any("cluster.local" in name for name in pod.names.asked)
    assert pod.cluster.requests[0].headers["authorization"] == f"Bearer {Cluster.token}"
    assert not seen(pod.model) & {"authorization", "impersonate-user", "cookie", "proxy-authorization"}
    assert not any("/proxy" in request.target for request in pod.cluster.requests)


@pytest.mark.parametrize("silent", [False, True], ids=["DNS does not know the name", "DNS does not answer"])
def test_the_cluster_ip_when_the_name_does_not_resolve(pod, silent):
    pod.names.addresses, pod.names.silent = {}, silent
    result = pod.run()
    assert (result.code, result.out, way(result)) == (0, "OK\n", "ClusterIP")
    assert f"Endpoint:      http://{CLUSTER_IP}:{pod.port}\n" in result.err
    cost = pod.model.requests[0].time - pod.cluster.requests[0].time
    assert cost < 2.0
    assert pod.model.requests[0].headers["host"] == f"{CLUSTER_IP}:{pod.port}"


def test_no_rights_at_all(pod, network):
    """The user may read neither Workspace nor Service, so the Service's port is the one that KAITO uses."""
    pod.cluster.grant()
    served = network.inside(lambda: at_port_80(pod.model))
    try:
        result = pod.run()
    finally:
        served.stop()
    assert (result.code, result.out, way(result)) == (0, "OK\n", "ClusterIP")
    assert "Connected to workspace: phi (model: phi-3.5-mini-instruct)\n" in result.err
    assert pod.model.requests[0].headers["host"] == f"{NAME}.models.svc"


def at_port_80(model):
    from tests.cluster.server import Server

    return Server(model.handle, CLUSTER_IP, port=80)


def test_the_cluster_way_takes_no_proxy(pod):
    """HTTP_PROXY is ignored; the LoadBalancer's way would use it."""
    env = {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
    result = pod.run(env=env)
    assert (result.code, result.out, way(result)) == (0, "OK\n", "ClusterIP")


class TestKubeconfigInAPod:
    """The cluster's own way is automatic for the pod's own API server only."""

    def kubeconfig(self, pod, folder, server, **cluster):
        changes = {"server": server, "tls-server-name": "localhost", **cluster}
        return {"KUBECONFIG": pod.cluster.write_kubeconfig(folder, namespace="models", cluster=changes)}

    def test_its_own_cluster_by_name(self, pod, tmp_path):
        for host in ("kubernetes.default.svc", f"kubernetes.default.svc.{DOMAIN}", "127.0.0.1"):
            env = self.kubeconfig(pod, tmp_path / host, f"https://{host}:{pod.cluster.server.port}")
            assert way(pod.run(env=env)) == "ClusterIP", host

    @pytest.mark.parametrize("host", ["other.example", "kubernetes.default.svc.other.example", OTHER_IP])
    def test_another_cluster_s(self, pod, network, tmp_path, host):
        """Cluster B has a workspace with the same name, and B's model answers; nothing is sent to A's."""
        with network.inside(lambda: Cluster(host=OTHER_IP, model=Model(name="model-of-b"))) as other:
            other.add(workspace(NAME, "models", preset="model-of-b"), pod.service())
            env = self.kubeconfig(pod, tmp_path / "b", f"https://{host}:{other.server.port}")
            result = pod.run(env=env)
            assert (result.code, result.out, way(result)) == (0, "OK\n", "APIProxy")
            assert len(other.model.chats) == 1
        assert not pod.model.requests
        assert not pod.cluster.requests

    def test_behind_a_proxy_the_same_address_may_be_another_cluster(self, pod, tmp_path):
        """The proxy of a kubeconfig may be in another network."""
        env = self.kubeconfig(pod, tmp_path / "b", f"https://127.0.0.1:{pod.cluster.server.port}")
        text = (tmp_path / "b" / "config").read_text()
        (tmp_path / "b" / "config").write_text(text.replace("server: ", "proxy-url: http://127.0.0.1:9\n    server: "))
        result = pod.run(env=env)
        assert result.code == 3
        assert not pod.model.requests

    def test_inside_when_a_flag_says_so(self, pod, network, tmp_path):
        with network.inside(lambda: Cluster(host=OTHER_IP, model=Model(name="model-of-b"))) as other:
            other.add(workspace(NAME, "models"), pod.service())
            env = self.kubeconfig(pod, tmp_path / "b", f"https://other.example:{other.server.port}")
            assert way(pod.run("--via", "cluster", env=env)) == "ClusterIP"


class TestLoadBalancerBehindAProxy:
    """From outside, over an address to which Go's proxy rules apply, unlike to loopback."""

    @pytest.mark.parametrize(
        ("env", "reached"),
        [
            pytest.param({}, True, id="no proxy"),
            pytest.param({"HTTP_PROXY": "http://127.0.0.1:9"}, False, id="HTTP_PROXY"),
            pytest.param({"http_proxy": "http://127.0.0.1:9"}, False, id="http_proxy"),
            pytest.param({"HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": BALANCER_IP}, True, id="NO_PROXY"),
            pytest.param({"HTTP_PROXY": "http://127.0.0.1:9", "no_proxy": "10.20.0.0/16"}, True, id="a network"),
            pytest.param({"HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": "10.21.0.0/16"}, False, id="another network"),
            pytest.param({"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"}, True, id="HTTPS_PROXY"),
        ],
    )
    def test_it_honours_the_environment(self, pod, network, tmp_path, env, reached):
        ingress = [{"ip": BALANCER_IP}]
        direct = Model()
        served = network.inside(lambda: direct.serve(BALANCER_IP))
        made = service(NAME, "models", ports=[port(served.port)], kind="LoadBalancer", ingress=ingress)
        pod.cluster.add(made)
        outside = {"KUBERNETES_SERVICE_HOST": None, "KUBERNETES_SERVICE_PORT": None}
        outside["KUBECONFIG"] = pod.cluster.write_kubeconfig(tmp_path / "own", namespace="models")
        result = pod.run(env={**outside, **env})
        served.stop()
        assert (result.code, result.out) == (0, "OK\n")
        assert way(result) == ("LoadBalancer" if reached else "APIProxy")
        assert bool(direct.requests) == reached


def test_a_replica_of_an_inference_set(pod, names):
    names[f"phi-set-0.models.svc.{DOMAIN}"] = CLUSTER_IP
    pod.cluster.add(
        inference_set("phi-set", "models", replicas=1),
        workspace("phi-set-0", "models", labels=replica_of("phi-set")),
        pod.service("phi-set-0"),
    )
    result = pod.run(argv=("chat", "--workspace-name", "phi-set"))
    assert (result.code, result.out, way(result)) == (0, "OK\n", "ClusterIP")
    assert "InferenceSet phi-set: its workspace phi-set-0 answers (1 of 1 ready)\n" in result.err
    assert f"Endpoint:      http://phi-set-0.models.svc:{pod.port}\n" in result.err


def test_what_answers_inside_must_be_a_model_server(pod):
    pod.model.on("/v1/models", Refusal(200, "<html>Welcome"))
    result = pod.run()
    assert (result.code, result.out, way(result)) == (0, "OK\n", "APIProxy")
    assert result.err.count("Not taken:") == 2


def test_the_best_url(pod):
    result = pod.run(argv=("get-endpoint", "--workspace-name", NAME))
    assert result == (0, f"http://{NAME}.models.svc:{pod.port}\n", "")
