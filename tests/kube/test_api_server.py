"""The API server's client: which answers are failures, when a GET is sent again, which connection carries what."""

from __future__ import annotations

import json
import os
import time

import pytest

from kaito.errors import ClusterError
from kaito.kube.api_server import ApiServer
from kaito.kube.credentials import Credentials
from kaito.kube.kubeconfig.model import Overrides
from kaito.kube.kubeconfig.resolve import resolve
from kaito.kube.status import StatusError, is_transient
from kaito.net.request import Request
from tests.cluster import Raw, Refusal, workspace

CHAT_PATH = "/api/v1/namespaces/default/services/phi-3-5-mini:80/proxy/v1/chat/completions"
FORGED = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Unauthorized", "code": 401}
PATH = "/apis/kaito.sh/v1beta1/namespaces/default/workspaces/phi-3-5-mini"


def paths(cluster):
    return [request.path for request in cluster.requests]


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


class TestWhereASettingWasGiven:
    """The hint for a setting that cannot be used says where it was given: in the kubeconfig, or by a flag."""

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
    def test_an_answer_of_another_server_is_an_error(self, cluster, api, answer, words):
        cluster.on(PATH, answer)
        with pytest.raises(ClusterError) as failure:
            api.get(PATH)
        assert words in failure.value.message
        assert cluster.url in failure.value.message
        assert "\n" not in failure.value.message

    @pytest.mark.parametrize("code", [429, 503])
    def test_a_request_to_a_busy_server_is_repeated_when_it_says_so(self, cluster, api, code):
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
    def test_when_a_request_to_a_busy_server_is_not_repeated_again(self, cluster, api, code, asked, count):
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
    def test_which_failures_are_transient(self, cluster, api, answer, passing):
        cluster.on(PATH, answer)
        with pytest.raises(ClusterError) as failure:
            api.get(PATH)
        assert is_transient(failure.value) is passing

    def test_an_untrusted_certificate_is_not_transient(self, cluster, connect, tmp_path):
        api = connect(cluster.write_kubeconfig(tmp_path, cluster={"certificate-authority-data": None}))
        with pytest.raises(ClusterError, match="not trusted") as failure:
            api.get(PATH)
        assert not is_transient(failure.value)

    def test_one_connection_carries_all_requests(self, cluster, api):
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

    def ask_model(self, api):
        body = b'{"messages":[{"role":"user","content":"a"}]}'
        headers = (("Content-Type", "application/json"),)
        return api.request(Request("POST", CHAT_PATH, headers=headers, body=body), proxied=True)

    def test_a_401_of_the_model_is_passed_on(self, cluster, api):
        cluster.model.refuse(401, {"error": {"message": "no key"}})
        response = self.ask_model(api)
        assert (response.status, json.loads(response.read(1000))["error"]["message"]) == (401, "no key")
        assert paths(cluster) == [CHAT_PATH]

    def test_a_401_that_the_model_forges_is_passed_on(self, cluster, api):
        """Only the API server itself can say whether it accepts a credential."""
        cluster.model.refuse(401, FORGED)
        response = self.ask_model(api)
        assert (response.status, json.loads(response.read(1000))) == (401, FORGED)
        assert paths(cluster) == [CHAT_PATH, "/api"]

    def test_a_user_who_may_read_nothing_is_accepted_all_the_same(self, cluster, api):
        """Authentication comes before authorization: a 403 shows that the credential is accepted."""
        cluster.grant(("create", "services/proxy"))
        cluster.deny("get", "/api")
        cluster.model.refuse(401, FORGED)
        assert self.ask_model(api).status == 401

    @pytest.mark.parametrize("anonymous", [False, True], ids=["", "anonymous users pass"])
    def test_a_401_of_the_api_server_on_the_way_to_the_model(self, cluster, connect, tmp_path, anonymous):
        cluster.anonymous = anonymous
        api = connect(cluster.write_kubeconfig(tmp_path, "token-file"))
        self.ask_model(api).read(10_000)
        cluster.tokens.clear()
        cluster.tokens["the-next-one"] = "token-user"
        with pytest.raises(ClusterError, match="does not accept the credentials"):
            self.ask_model(api)
        (tmp_path / "token").write_text("the-next-one\n")
        assert self.ask_model(api).status == 200
