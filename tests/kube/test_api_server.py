"""The API server's client: what a Status says, what a 403 tells to check, which connection carries what."""

from __future__ import annotations

import json
import os
import time

import pytest

from kaito.errors import ClusterError
from kaito.kube.api_server import ApiServer, Status, StatusError, check_with, forbidden, is_transient, read_status
from kaito.kube.credentials import Credentials
from kaito.kube.kubeconfig import Cluster, Overrides, Target, User, resolve
from kaito.net.request import Request
from tests.cluster import Raw, Refusal, data, workspace

PATH = "/apis/kaito.sh/v1beta1/namespaces/default/workspaces/phi-3-5-mini"


TARGET = Target("c", Cluster(name="c", server="https://127.0.0.1:1"), User(), "default")


def body(name):
    """The body of a recorded answer."""
    with open(data(f"recordings/{name}.http"), "rb") as file:
        return file.read().partition(b"\r\n\r\n")[2]


@pytest.fixture
def connect():
    """connect(path) -> ApiServer of that kubeconfig, closed at the test's end."""
    made = []

    def connect_to(path):
        target = resolve(Overrides(kubeconfig=path), os.environ)
        made.append(ApiServer(target, {}, Credentials(target)))
        return made[-1]

    yield connect_to
    for api in made:
        api.close()


@pytest.fixture
def api(connect, kubeconfig):
    return connect(kubeconfig)


class TestStatus:
    @pytest.mark.parametrize(
        ("name", "code", "reason", "message"),
        [
            ("proxy-401", 401, "Unauthorized", "Unauthorized"),
            ("workspace-404", 404, "NotFound", 'workspaces.kaito.sh "nope" not found'),
            ("proxy-503-no-endpoints", 503, "ServiceUnavailable", "no endpoints available for service "),
        ],
    )
    def test_a_recorded_one(self, name, code, reason, message):
        said = read_status(body(name))
        assert (said.code, said.reason) == (code, reason)
        assert said.message.startswith(message)

    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"404 page not found\n",
            b"null",
            b"[]",
            b'{"kind":"Workspace"}',
            b'{"error":{"message":"a model\'s own"}}',
            b"\xff",
            b"[" * 100_000,
        ],
    )
    def test_what_is_none(self, text):
        assert read_status(text) is None

    def test_fields_of_other_types_are_absent_and_words_are_harmless(self):
        odd = {"kind": "Status", "code": "x", "reason": 1, "message": "a\x1b[31m\nb" + "c" * 1000}
        said = read_status(json.dumps(odd).encode())
        assert said[:2] == (0, "")
        assert said.message.startswith("a\ufffd[31m bccc")
        assert len(said.message) == 500
        assert read_status(b'{"kind":"Status","message":null}') == Status(0, "", "")


class TestForbidden:
    @pytest.mark.parametrize(
        ("message", "hint"),
        [
            pytest.param(
                'services "w:80" is forbidden: User "dev" cannot create resource "services/proxy" in API group "" '
                'in the namespace "ml"',
                "check with: kubectl auth can-i create services --subresource=proxy -n ml",
                id="a subresource of the core",
            ),
            pytest.param(
                'workspaces.kaito.sh "w" is forbidden: User "dev" cannot get resource "workspaces" in API group '
                '"kaito.sh" in the namespace "ml"',
                "check with: kubectl auth can-i get workspaces.kaito.sh -n ml",
                id="a group",
            ),
            pytest.param(
                'nodes is forbidden: User "dev" cannot list resource "nodes" in API group "" at the cluster scope',
                "check with: kubectl auth can-i list nodes",
                id="the cluster's own",
            ),
            pytest.param("denied by a webhook", "", id="other words"),
        ],
    )
    def test_the_line_that_checks_the_right(self, message, hint):
        error = forbidden(message, TARGET)
        assert (error.message, error.hint) == (message, hint)
        again = forbidden(message, TARGET._replace(flags=(("as", "jane"),)))
        assert again.hint == (hint and hint + " --as jane")

    def test_no_words_at_all(self):
        assert forbidden("", TARGET).message == "the API server forbids it (403)"


class TestCheckWith:
    """A check that goes elsewhere, or as somebody else, would contradict the error."""

    @pytest.mark.parametrize(
        ("flags", "command"),
        [
            pytest.param((), "version --context c", id="none"),
            pytest.param((("context", "c"),), "version --context c", id="the context, once"),
            pytest.param((("as", "jane"),), "version --context c --as jane", id="somebody else"),
            pytest.param(
                (("as", "jane"), ("as-group", "a"), ("as-group", "b c")),
                "version --context c --as jane --as-group a --as-group 'b c'",
                id="a list, quoted for a shell",
            ),
            pytest.param(
                (("server", "https://a:1"), ("insecure-skip-tls-verify", "")),
                "version --context c --server https://a:1 --insecure-skip-tls-verify",
                id="a switch",
            ),
            pytest.param(
                (("kubeconfig", "$HOME/c"), ("token", "TOKEN")),
                "version --context c --kubeconfig '$HOME/c' --token TOKEN",
                id="a placeholder",
            ),
        ],
    )
    def test_it_carries_the_flags_that_were_given(self, flags, command):
        assert check_with("version", TARGET._replace(flags=flags), context=True) == f"check with: kubectl {command}"

    def test_a_context_that_no_flag_names_is_named_on_demand_only(self):
        assert check_with("version", TARGET) == "check with: kubectl version"
        assert check_with("version", TARGET._replace(context=""), context=True) == "check with: kubectl version"


class TestOrigin:
    """What cannot be used is sought where it was given: in the kubeconfig, or in the flag above it."""

    def failure(self, given):
        with pytest.raises(ClusterError) as failure:
            target = resolve(given, {})
            ApiServer(target, {}, Credentials(target)).prepare()
        return failure.value

    def test_a_server_s_url(self, cluster, kubeconfig, tmp_path):
        error = self.failure(Overrides(kubeconfig=kubeconfig, server="https://a:99999"))
        assert (error.message, error.hint) == ("--server: the URL's host or port is not valid", "see --server")
        path = cluster.write_kubeconfig(tmp_path / "own", cluster={"server": "https://a:99999"})
        error = self.failure(Overrides(kubeconfig=path))
        assert error.message == 'cluster "stand-in": the URL\'s host or port is not valid'
        assert error.hint == f'see server of cluster "stand-in" in {path}'

    def test_an_authority(self, cluster, kubeconfig, tmp_path):
        error = self.failure(Overrides(kubeconfig=kubeconfig, certificate_authority=__file__))
        assert error.message.endswith("holds no PEM certificate that can be read")
        assert error.hint == "see --certificate-authority"
        changed = {"certificate-authority-data": None, "certificate-authority": __file__}
        path = cluster.write_kubeconfig(tmp_path / "own", cluster=changed)
        error = self.failure(Overrides(kubeconfig=path))
        assert error.hint == f'see certificate-authority of cluster "stand-in" in {path}'

    def test_a_client_certificate(self, kubeconfig):
        flags = {"client_certificate": __file__, "client_key": __file__}
        error = self.failure(Overrides(kubeconfig=kubeconfig, **flags))
        assert error.hint == "see --client-certificate and --client-key"

    def test_a_proxy(self, cluster, tmp_path):
        path = cluster.write_kubeconfig(tmp_path / "own", cluster={"proxy-url": "http://a:99999"})
        assert self.failure(Overrides(kubeconfig=path)).hint == f'see proxy-url of cluster "stand-in" in {path}'


class TestGet:
    def test_an_object(self, api):
        assert api.get(PATH)["metadata"]["name"] == "phi-3-5-mini"

    def test_a_failure_that_the_server_explains(self, api):
        with pytest.raises(StatusError) as failure:
            api.get(PATH + "-2")
        assert failure.value.status[:2] == (404, "NotFound")
        assert failure.value.message.endswith('answers 404: workspaces.kaito.sh "phi-3-5-mini-2" not found')

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            pytest.param(Refusal(200, "<p>\n Sign in"), "does not answer like an API server: <p> Sign in", id="HTML"),
            pytest.param(Refusal(200, [1]), "does not answer like an API server: [1]", id="a list"),
            pytest.param(Refusal(200, "[" * 100_000), "does not answer like an API server: [[[", id="deep JSON"),
            pytest.param(Refusal(502, "<h1>Bad Gateway</h1>"), "answers 502: ", id="a gateway's page"),
            pytest.param(Refusal(503), "answers 503: Service Unavailable", id="nothing but a status"),
            pytest.param(Raw(b"SSH-2.0-OpenSSH_9.2\r\n"), "cannot reach the API server", id="another protocol"),
            pytest.param(Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"), "cannot reach the API", id="cut off"),
        ],
    )
    def test_what_is_no_answer_of_an_api_server(self, cluster, api, answer, words):
        cluster.on(PATH, answer)
        with pytest.raises(ClusterError) as failure:
            api.get(PATH)
        assert words in failure.value.message
        assert cluster.url in failure.value.message
        assert "\n" not in failure.value.message

    @pytest.mark.parametrize("code", [429, 503])
    def test_a_busy_server_is_asked_again_when_it_says_so(self, cluster, api, code):
        cluster.on(PATH, Refusal(code, headers={"Retry-After": "1"}), times=1)
        start = time.monotonic()
        assert api.get(PATH)["metadata"]["name"] == "phi-3-5-mini"
        assert 1 <= time.monotonic() - start < 3

    @pytest.mark.parametrize(
        ("code", "asked", "count"),
        [
            pytest.param(429, "0", 11, id="again and again"),
            pytest.param(429, "30", 1, id="later than a GET may take"),
            pytest.param(429, "9" * 5000, 1, id="never"),
            pytest.param(503, "soon", 1, id="no number"),
            pytest.param(503, "-1", 1, id="a negative one"),
            pytest.param(503, "", 1, id="not said"),
            pytest.param(500, "0", 1, id="another failure"),
        ],
    )
    def test_a_busy_server_is_given_up(self, cluster, api, code, asked, count):
        cluster.on(PATH, Refusal(code, headers={"Retry-After": asked} if asked else {}))
        with pytest.raises(StatusError) as failure:
            api.get(PATH)
        assert failure.value.status.code == code
        assert len(cluster.requests) == count

    @pytest.mark.parametrize(
        ("answer", "passing"),
        [
            pytest.param(Refusal(429), True, id="busy"),
            pytest.param(Refusal(500), True, id="its own failure"),
            pytest.param(Raw(b""), True, id="no answer"),
            pytest.param(Refusal(403), False, id="forbidden"),
            pytest.param(Refusal(401, {"kind": "Status", "code": 401}), False, id="unauthorized"),
            pytest.param(Refusal(302, headers={"Location": "/login"}), False, id="redirected"),
            pytest.param(Refusal(200, "Sign in"), False, id="another server"),
        ],
    )
    def test_which_failures_may_pass_by_themselves(self, cluster, api, answer, passing):
        cluster.on(PATH, answer)
        with pytest.raises(ClusterError) as failure:
            api.get(PATH)
        assert is_transient(failure.value) is passing

    def test_an_untrusted_certificate_does_not_pass(self, cluster, connect, tmp_path):
        api = connect(cluster.write_kubeconfig(tmp_path, cluster={"certificate-authority-data": None}))
        with pytest.raises(ClusterError, match="not trusted") as failure:
            api.get(PATH)
        assert not is_transient(failure.value)

    def test_one_connection_carries_all(self, cluster, api):
        cluster.add(workspace("large", annotations={"note": "x" * 300_000}))
        for name in ("phi-3-5-mini", "large", "phi-3-5-mini"):
            api.get(PATH.replace("phi-3-5-mini", name))
        with pytest.raises(StatusError):
            api.get(PATH + "-2")
        api.get(PATH)
        assert len(cluster.connections) == 1

    def test_a_second_client_has_a_connection_of_its_own(self, cluster, api):
        api.prepare()
        beside = api.beside()
        assert api.get(PATH) == beside.get(PATH)
        beside.close()
        assert len(cluster.connections) == 2


class TestCredentials:
    def test_a_token_file_is_read_again_when_its_token_is_refused(self, cluster, connect, tmp_path):
        api = connect(cluster.write_kubeconfig(tmp_path, "token-file"))
        api.get(PATH)
        (tmp_path / "token").write_text("the-next-one\n")
        cluster.tokens.clear()
        cluster.tokens["the-next-one"] = "token-user"
        assert api.get(PATH)["metadata"]["name"] == "phi-3-5-mini"

    def test_a_refusal_names_the_user_and_no_secret(self, cluster, connect, tmp_path):
        api = connect(cluster.write_kubeconfig(tmp_path, credentials={"token": "s3cret-token"}))
        with pytest.raises(ClusterError) as failure:
            api.get(PATH)
        assert 'user "stand-in-user"' in failure.value.message
        assert "s3cret" not in failure.value.message + failure.value.hint

    def test_a_401_of_the_model_is_not_the_api_server_s(self, cluster, api):
        cluster.model.refuse(401, {"error": {"message": "no key"}})
        path = "/api/v1/namespaces/default/services/phi-3-5-mini:80/proxy/v1/chat/completions"
        body = b'{"messages":[{"role":"user","content":"a"}]}'
        response = api.request(Request("POST", path, headers=(("Content-Type", "application/json"),), body=body))
        assert (response.status, json.loads(response.read(1000))["error"]["message"]) == (401, "no key")
