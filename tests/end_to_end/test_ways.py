"""Which way to the model is taken: each way × what answers there, the time it costs, and what is sent."""

from __future__ import annotations

import copy
import re
import socket
from typing import NamedTuple

import pytest

from tests.cluster import HANG, Cluster, Model, Raw, Refusal, port, service, workspace
from tests.cluster.server import Server
from tests.tools.network import Network, why_not

from . import NAME

CHAT = ("chat", "--workspace-name", NAME)
ADDRESS = "127.0.0.9"

CLUSTER, BALANCER, PROXY = "ClusterIP", "LoadBalancer", "APIProxy"

# All headers of a request to a direct address.
ASKS = {"host", "user-agent", "accept-encoding"}
CHATS = {"host", "user-agent", "accept-encoding", "accept", "content-type", "content-length"}


class Run(NamedTuple):
    """The result of a chat with one question; `seconds` is the time from the first request to the question's."""

    code: int
    out: str
    err: str
    way: str
    tried: list
    seconds: float


class Place:
    """A direct address of `model`, or of nothing (None); `swallow` neither refuses nor accepts connections."""

    def __init__(self, host, model=None, *, swallow=False):
        self.host = host
        self._sockets = []
        self._server = None
        if model is not None:
            self._server = model.serve(host)
            self.port = self._server.port
            return
        self._sockets.append(socket.socket())
        self._sockets[0].bind((host, 0))
        self.port = self._sockets[0].getsockname()[1]
        if swallow:
            # Once its queue is full, nothing answers the first packet of another connection.
            self._sockets[0].listen(0)
            for _ in range(4):
                self._sockets.append(socket.socket())
                self._sockets[-1].setblocking(False)
                self._sockets[-1].connect_ex((host, self.port))

    def close(self):
        if self._server:
            self._server.stop()
        for each in self._sockets:
            each.close()


class ForwardProxy:
    """An HTTP proxy that leads to one model, whatever the host; `requests` holds what it got."""

    def __init__(self, model):
        self.requests = []
        self._model = model

    def serve(self, host):
        return Server(self._handle, host)

    def _handle(self, exchange):
        self.requests.append(copy.copy(exchange.request))
        exchange.request.path = "/" + exchange.request.path.split("/", 3)[3]
        self._model.handle(exchange)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A network without a way out, so that nothing resolves a Service's name; None where none can be made."""
    if why_not():
        yield None
        return
    with Network(tmp_path_factory.mktemp("network")) as made:
        yield made


@pytest.fixture
def inside(network):
    """Call a function in that network: inside(make) -> its result."""
    return network.inside if network else lambda make: make()


@pytest.fixture
def cluster(inside):
    with inside(Cluster) as made:
        made.add(workspace(NAME))
        yield made


@pytest.fixture
def stand(inside):
    """Put something at a direct address: stand(ADDRESS, model) -> Place."""
    places = []

    def stand_there(*words, **options):
        places.append(inside(lambda: Place(*words, **options)))
        return places[-1]

    yield stand_there
    for place in places:
        place.close()


@pytest.fixture
def ask_once(cluster, run_kaito, network):
    """Ask one question, with `pod` from a pod of the cluster: ask_once("--via", "proxy", env={…}) -> Run."""

    def ask_it(*flags, pod=False, env=None):
        start = len(cluster.requests)
        own = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": cluster.server.port} if pod else {}
        command = network.command if network else None
        result = run_kaito(*CHAT, *flags, stdin="Say OK\n/status\n", env={**own, **(env or {})}, command=command)
        assert "Traceback" not in result.err
        way = re.search(r"^Way: +(\w+), (NOT )?encrypted", result.err, re.MULTILINE)
        tried = re.findall(r"^Not taken: +(\w+) (\S+): (.+)", result.err, re.MULTILINE)
        chats = [request for request in cluster.model.chats if request.time >= cluster.requests[start].time]
        seconds = chats[-1].time - cluster.requests[start].time if chats else 0.0
        return Run(*result, way.group(1) if way else "", tried, seconds)

    return ask_it


def exposed(kind, place, **changes):
    """Return the workspace's Service, so that the way `kind` leads to `place`."""
    ports = [port(place.port), port(6379, "ray", 6379)]
    if kind == CLUSTER:
        return service(NAME, ports=ports, cluster_ip=place.host)
    entry = changes or {"ip": place.host}
    return service(NAME, ports=ports, cluster_ip=ADDRESS, kind="LoadBalancer", ingress=[entry])


def names(request):
    return {name.lower() for name, _ in request.headers.pairs}


WAYS = pytest.mark.parametrize("kind", [CLUSTER, BALANCER])


@WAYS
class TestDirectWay:
    """Each way × what answers there; the API server's proxy is the last resort."""

    @pytest.mark.parametrize(
        ("user", "flags"),
        [
            pytest.param("token", (), id="token"),
            pytest.param("token", ("--as", "jane", "--as-group", "staff", "--as-uid", "7"), id="impersonation"),
            pytest.param("certificate", (), id="certificate"),
            pytest.param("basic", (), id="password"),
        ],
    )
    def test_reachable(self, cluster, stand, ask_once, tmp_path, kind, user, flags):
        """The way is taken, and the conversation and nothing else is sent there."""
        place = stand(ADDRESS, cluster.model)
        cluster.add(exposed(kind, place))
        env = {"KUBECONFIG": cluster.write_kubeconfig(tmp_path / "own", user)}
        run = ask_once(*flags, pod=kind == CLUSTER, env=env)
        assert (run.code, run.out, run.way) == (0, "OK\n", kind)
        assert "NOT encrypted" in run.err
        assert run.seconds < 1
        looked, chatted = cluster.model.requests
        assert [looked.target, chatted.target] == ["/v1/models", "/v1/chat/completions"]
        assert (names(looked), names(chatted)) == (ASKS, CHATS)
        assert looked.certificate is chatted.certificate is None
        assert looked.connection == chatted.connection, "the probe's connection carries the conversation"
        assert not [request for request in cluster.requests if "/proxy" in request.target]

    def test_refused(self, cluster, stand, ask_once, kind):
        place = stand(ADDRESS)
        cluster.add(exposed(kind, place))
        run = ask_once(pod=kind == CLUSTER)
        assert (run.code, run.out, run.way) == (0, "OK\n", PROXY)
        assert run.seconds < 1
        assert [each[0] for each in run.tried] == [kind] * (2 if kind == CLUSTER else 1)
        assert run.tried[-1][1] == f"http://{ADDRESS}:{place.port}"
        assert "connection refused" in run.tried[-1][2]

    @pytest.mark.parametrize("how", ["half an answer", "no connection"])
    def test_hangs(self, cluster, stand, ask_once, kind, how):
        """The attempt costs at most 2 s; TestOrder has an address that answers nothing at all."""
        model = Model()
        model.on("/v1/models", Raw(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"data":', then=HANG))
        swallow = how == "no connection"
        place = stand(ADDRESS, None if swallow else model, swallow=swallow)
        cluster.add(exposed(kind, place))
        run = ask_once(pod=kind == CLUSTER)
        assert (run.code, run.out, run.way) == (0, "OK\n", PROXY)
        assert 0.9 < run.seconds < 2.5
        assert run.tried[-1][:2] == (kind, f"http://{ADDRESS}:{place.port}")
        assert not model.chats

    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param(Refusal(404, "<html>no such page"), id="404"),
            pytest.param(Refusal(200, "<html>Welcome to nginx!"), id="a web page"),
            pytest.param(Refusal(200, {"status": "ok"}), id="other JSON"),
            pytest.param(Refusal(200, {"object": "list", "data": []}), id="no model in the list"),
            pytest.param(Refusal(200, ["a"]), id="no object"),
            pytest.param(Refusal(401, {"error": "Unauthorized"}), id="401"),
            pytest.param(Refusal(302, b"", {"Location": "http://127.0.0.1:9/v1/models"}), id="a redirect"),
            pytest.param(Raw(b"SSH-2.0-OpenSSH_9.6\r\n"), id="another protocol"),
            pytest.param(Raw(b""), id="an end without a word"),
        ],
    )
    def test_wrong_answer(self, cluster, stand, ask_once, kind, answer):
        """What answers is not the model's server, healthy or not, so `/health` is not requested."""
        other = Model()
        other.on("/v1/models", answer)
        place = stand(ADDRESS, other)
        cluster.add(exposed(kind, place))
        run = ask_once(pod=kind == CLUSTER)
        assert (run.code, run.out, run.way) == (0, "OK\n", PROXY)
        assert run.seconds < 1
        assert run.tried[-1][:2] == (kind, f"http://{ADDRESS}:{place.port}")
        assert {request.target for request in other.requests} == {"/v1/models"}, "nothing of the conversation"


class TestLoadBalancer:
    @pytest.mark.parametrize(
        ("host", "entry", "url"),
        [
            pytest.param("127.0.0.1", {"hostname": "localhost"}, "http://localhost", id="a host name"),
            pytest.param("::1", {"ip": "::1"}, "http://[::1]", id="IPv6"),
        ],
    )
    def test_other_addresses(self, cluster, stand, ask_once, host, entry, url):
        place = stand(host, cluster.model)
        cluster.add(exposed(BALANCER, place, **entry))
        run = ask_once()
        assert (run.code, run.out, run.way) == (0, "OK\n", BALANCER)
        assert f"{url}:{place.port} " in run.err.replace("\n", " ")

    def test_the_second_address_when_the_first_one_is_dead(self, cluster, stand, ask_once):
        place = stand(ADDRESS, cluster.model)
        entries = [{"ip": "127.0.0.10"}, {"ip": ADDRESS}]
        cluster.add(service(NAME, ports=[port(place.port)], kind="LoadBalancer", ingress=entries))
        run = ask_once()
        assert (run.way, [each[1] for each in run.tried]) == (BALANCER, [f"http://127.0.0.10:{place.port}"])

    def test_one_without_an_address_yet(self, cluster, ask_once):
        cluster.add(service(NAME, kind="LoadBalancer"))
        assert ask_once().way == PROXY

    def test_a_cluster_ip_is_no_way_from_outside(self, cluster, stand, ask_once):
        place = stand(ADDRESS, cluster.model)
        cluster.add(exposed(CLUSTER, place))
        assert ask_once().way == PROXY

    def test_its_proxy_is_the_environment_s(self, cluster, stand, ask_once):
        """HTTP_PROXY gets whole requests, and nothing else resolves the host's name."""
        proxy = ForwardProxy(cluster.model)
        place = stand("127.0.0.1", proxy)
        cluster.add(service(NAME, kind="LoadBalancer", ingress=[{"hostname": "model.example"}]))
        env = {"HTTP_PROXY": f"http://jane:secret@127.0.0.1:{place.port}", "NO_PROXY": "other.example"}
        run = ask_once(env=env)
        assert (run.code, run.out, run.way) == (0, "OK\n", BALANCER)
        assert [request.target for request in proxy.requests] == [
            "http://model.example:80/v1/models",
            "http://model.example:80/v1/chat/completions",
        ]
        assert names(proxy.requests[0]) == {*ASKS, "proxy-authorization"}, "what is the proxy's goes to the proxy"

    def test_a_proxy_that_cannot_be_used_is_one_more_reason(self, cluster, ask_once):
        cluster.add(service(NAME, kind="LoadBalancer", ingress=[{"hostname": "model.example"}]))
        run = ask_once(env={"HTTP_PROXY": "ftp://127.0.0.1"})
        assert run.way == PROXY
        assert run.tried == [(BALANCER, "http://model.example:80", "HTTP_PROXY must begin with http:// or socks5://")]


class TestOrder:
    def test_cluster_before_load_balancer_before_proxy(self, cluster, stand, ask_once):
        place = stand(ADDRESS, cluster.model)
        cluster.add(exposed(BALANCER, place))
        assert ask_once(pod=True).way == CLUSTER
        assert ask_once().way == BALANCER

    def test_both_direct_ways_hang(self, cluster, stand, ask_once):
        """Each way has its 2 s, and `/status` shows both."""
        silent = Model()
        silent.on("/v1/models", Refusal(200, b"", before=HANG))
        place = stand(ADDRESS, silent)
        cluster.add(exposed(BALANCER, place))
        run = ask_once(pod=True)
        assert (run.way, run.seconds < 4.5) == (PROXY, True)
        assert [each[0] for each in run.tried] == [CLUSTER, CLUSTER, BALANCER]


class TestVia:
    @pytest.mark.parametrize(
        ("via", "way"),
        [("auto", BALANCER), ("cluster", CLUSTER), ("loadbalancer", BALANCER), ("proxy", PROXY)],
    )
    def test_the_way_that_is_named(self, cluster, stand, ask_once, via, way):
        place = stand(ADDRESS, cluster.model)
        cluster.add(exposed(BALANCER, place))
        run = ask_once("--via", via)
        assert (run.code, run.out, run.way) == (0, "OK\n", way)

    @pytest.mark.parametrize("via", ["cluster", "loadbalancer"])
    def test_no_other_way_is_taken(self, cluster, stand, ask_once, via):
        place = stand(ADDRESS)
        cluster.add(exposed(BALANCER, place))
        run = ask_once("--via", via)
        assert (run.code, run.out) == (4, "")
        assert f'error: workspace "{NAME}" does not answer with --via {via}: ' in run.err
        assert f"http://{ADDRESS}:{place.port}: " in run.err
        assert not cluster.model.requests

    @pytest.mark.parametrize(
        ("made", "why"),
        [
            pytest.param(
                service(NAME), f'the Service of workspace "{NAME}" is not a LoadBalancer', id="no LoadBalancer"
            ),
            pytest.param(
                service(NAME, kind="LoadBalancer"),
                f'the LoadBalancer of workspace "{NAME}" has no address yet',
                id="no address",
            ),
        ],
    )
    def test_no_address_to_go_to(self, cluster, ask_once, made, why):
        cluster.add(made)
        run = ask_once("--via", "loadbalancer")
        assert (run.code, run.err.splitlines()[0]) == (4, f"error: {why}")

    def test_another_word(self, run_kaito):
        result = run_kaito(*CHAT, "--via", "pigeon")
        assert result.code == 2
        assert 'invalid value "pigeon" for --via: it takes one of auto, cluster, loadbalancer, proxy' in result.err


class TestOwnCluster:
    """A pod uses the Service directly only if the API server is the pod's own."""

    @pytest.mark.parametrize(
        ("env", "own"),
        [
            pytest.param({}, True, id="the pod's API server"),
            pytest.param({"KUBERNETES_SERVICE_HOST": "127.0.0.2"}, False, id="another host"),
            pytest.param({"KUBERNETES_SERVICE_PORT": "1"}, False, id="another port"),
            pytest.param({"KUBERNETES_SERVICE_HOST": None}, False, id="no pod"),
        ],
    )
    def test_by_its_address(self, cluster, stand, ask_once, env, own):
        elsewhere = Model(name="of-another-cluster")
        place = stand(ADDRESS, elsewhere)
        cluster.add(exposed(CLUSTER, place))
        run = ask_once(pod=True, env=env)
        assert (run.code, run.way) == (0, CLUSTER if own else PROXY)
        assert bool(elsewhere.requests) == own


def test_the_port_in_the_proxy_s_path_is_a_number(cluster, ask_once):
    """RBAC compares resourceNames with that text."""
    cluster.add(service(NAME, ports=[port(6379, "ray", 6379), port(8080, "http")]))
    cluster.grant(("get", "workspaces"), ("get", "services"), ("create", "services/proxy", f"{NAME}:8080"))
    assert ask_once().out == "OK\n"
    proxied = [request.path for request in cluster.requests if "/proxy/" in request.path]
    assert f"/api/v1/namespaces/default/services/{NAME}:8080/proxy/v1/chat/completions" in proxied
    assert all(f"/{NAME}:8080/" in path for path in proxied)
