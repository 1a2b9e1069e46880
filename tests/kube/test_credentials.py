from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kaito.errors import ClusterError
from kaito.kube.api_server import ApiServer
from kaito.kube.credential import LEEWAY, NEVER, Credential
from kaito.kube.credentials import Credentials
from kaito.kube.kubeconfig.model import Cluster, ExecConfig, Target, User
from kaito.net.tls import Certificate
from tests.kube.oracle import (
    ALICE,
    DATA,
    RecordingServer,
    Seen,
    ask_as_kubectl,
    ask_as_we_do,
    encoded,
    exec_credential,
    id_token,
    load,
    needs_kubectl,
    oidc,
    plugin,
    target_for,
    write_kubeconfig,
    write_program,
)


@pytest.fixture(scope="module")
def https_server():
    server = RecordingServer("https")
    yield server
    server.close()


@pytest.fixture(scope="module")
def http_server():
    server = RecordingServer("http")
    yield server
    server.close()


def files_in(user, directory):
    """Return the user with DIR replaced by the test's own directory, which gets a few files."""
    (directory / "token").write_text("  from-file\n")
    (directory / "empty").write_text("")
    write_program(directory / "plugin", f"#!/bin/sh\necho '{exec_credential({'token': 'from-plugin'})}'\n")
    return json.loads(json.dumps(user).replace("DIR", str(directory)))


def bearer(token):
    return [("authorization", f"Bearer {token}")]


FAR = id_token(exp=1 << 40)

# What the server sees of each kind of user and of each pair of kinds. kubectl is given the same users.
USERS = [
    pytest.param({}, Seen([]), id="no credentials"),
    pytest.param({"token": "t0ken"}, Seen(bearer("t0ken")), id="token"),
    pytest.param({"token": "tökén"}, Seen(bearer("tökén")), id="token beyond ASCII"),
    pytest.param({"tokenFile": "DIR/token"}, Seen(bearer("from-file")), id="token file, trimmed"),
    pytest.param({"token": "t", "tokenFile": "DIR/token"}, Seen(bearer("from-file")), id="token file over token"),
    pytest.param({"token": "t", "tokenFile": "DIR/none"}, Seen(bearer("t")), id="token for a missing token file"),
    pytest.param({"token": "t", "tokenFile": "DIR/empty"}, Seen(bearer("t")), id="token for an empty token file"),
    pytest.param({"username": "u", "password": "pä:ss"}, Seen([("authorization", "Basic dTpww6Q6c3M=")]), id="basic"),
    pytest.param({"username": "u"}, Seen([("authorization", "Basic dTo=")]), id="basic without password"),
    pytest.param(ALICE, Seen([], "alice"), id="certificate files"),
    pytest.param(
        {"client-certificate-data": encoded("bob.crt"), "client-key-data": encoded("bob.key")},
        Seen([], "bob"),
        id="certificate data",
    ),
    pytest.param(
        {"client-certificate": ALICE["client-certificate"], "client-key-data": encoded("alice.key")},
        Seen([], "alice"),
        id="certificate file and key data",
    ),
    pytest.param({**ALICE, "token": "t"}, Seen(bearer("t"), "alice"), id="certificate beside token"),
    pytest.param(plugin("DIR/plugin"), Seen(bearer("from-plugin")), id="exec"),
    pytest.param({**plugin("DIR/plugin"), "token": "t"}, Seen(bearer("t")), id="token over exec"),
    pytest.param(
        {**plugin("DIR/plugin"), "tokenFile": "DIR/token"}, Seen(bearer("from-file")), id="token file over exec"
    ),
    pytest.param(
        {**plugin("DIR/plugin"), "username": "u", "password": "p"},
        Seen([("authorization", "Basic dTpw")]),
        id="basic over exec",
    ),
    pytest.param({**plugin("DIR/plugin"), **ALICE}, Seen([], "alice"), id="certificate over exec"),
    pytest.param(oidc(FAR), Seen(bearer(FAR)), id="oidc"),
    pytest.param(oidc(id_token(exp=str(1 << 40))), Seen(bearer(id_token(exp=str(1 << 40)))), id="oidc, exp quoted"),
    pytest.param({**oidc(FAR), **ALICE}, Seen(bearer(FAR), "alice"), id="certificate beside oidc"),
    pytest.param({**oidc(id_token(exp=1)), "token": "t"}, Seen(bearer("t")), id="token over expired oidc"),
    pytest.param(
        {
            "token": "t",
            "as": "jürgen",
            "as-uid": "7",
            "as-groups": ["devs", "ops"],
            "as-user-extra": {"acme.com/pro%ject": ["a", "b"], "scopes": ["view"], "ü": ["x"]},
        },
        Seen(
            [
                ("authorization", "Bearer t"),
                ("impersonate-extra-%c3%bc", "x"),
                ("impersonate-extra-acme.com%2fpro%25ject", "a"),
                ("impersonate-extra-acme.com%2fpro%25ject", "b"),
                ("impersonate-extra-scopes", "view"),
                ("impersonate-group", "devs"),
                ("impersonate-group", "ops"),
                ("impersonate-uid", "7"),
                ("impersonate-user", "jürgen"),
            ]
        ),
        id="impersonation",
    ),
]

PLAIN_HTTP = [
    pytest.param({"token": "t", "as": "bob"}, Seen([("impersonate-user", "bob")]), id="only whom to act as"),
    pytest.param({"username": "u", "password": "p"}, Seen([]), id="no basic"),
    pytest.param(plugin("DIR/plugin"), Seen([]), id="no exec"),
]

REFUSED = [
    pytest.param({"tokenFile": "DIR/empty"}, "its token file DIR/empty is empty", id="empty token file"),
    pytest.param({"token": "s3cret\n"}, "the header Authorization contains a control", id="token with newline"),
    pytest.param({"token": "t", "as": "a\r\nX: y"}, "of the header Impersonate-User contains", id="user with newline"),
    pytest.param({"auth-provider": {"name": "gcp"}}, 'auth-provider "gcp" is no longer', id="gcp"),
    pytest.param({"auth-provider": {"name": "azure"}}, 'auth-provider "azure" is no longer', id="azure"),
    pytest.param({"token": "t", "auth-provider": {"name": "gcp"}}, 'auth-provider "gcp"', id="gcp beside a token"),
    pytest.param({"auth-provider": {"name": "nope"}}, 'there is no auth-provider "nope"', id="unknown provider"),
    pytest.param(oidc(id_token(exp=1)), "the id-token of its auth-provider oidc has expired", id="oidc expired"),
    pytest.param(oidc(id_token(sub="x")), "the id-token of its auth-provider oidc has expired", id="oidc, no exp"),
    pytest.param(oidc(""), "the id-token of its auth-provider oidc is missing", id="oidc, no id-token"),
    pytest.param(oidc("abc"), "oidc is not a JSON Web Token", id="oidc, no JWT"),
    pytest.param(oidc("e30.AAAA.x"), "oidc is not a JSON Web Token", id="oidc, a payload that is no JSON"),
    pytest.param(oidc("e30.W10.x"), "oidc is not a JSON Web Token", id="oidc, a payload that is a list"),
]


@pytest.mark.parametrize(("user", "seen"), USERS)
def test_the_server_sees_the_expected_user(user, seen, https_server, tmp_path):
    config = write_kubeconfig(tmp_path / "config", files_in(user, tmp_path), https_server.url)
    https_server.seen.clear()
    ask_as_we_do(config)
    assert https_server.seen == [seen]


@needs_kubectl
@pytest.mark.parametrize(("user", "seen"), USERS[1:])
def test_the_server_sees_the_same_user_from_kubectl(user, seen, https_server, tmp_path):
    config = write_kubeconfig(tmp_path / "config", files_in(user, tmp_path), https_server.url)
    https_server.seen.clear()
    answer = ask_as_kubectl(config)
    assert answer.returncode == 0, answer.stderr
    assert set(map(repr, https_server.seen)) == {repr(seen)}


@pytest.mark.parametrize(("user", "seen"), PLAIN_HTTP)
@pytest.mark.parametrize("ask", [ask_as_we_do, pytest.param(ask_as_kubectl, marks=needs_kubectl)])
def test_credentials_are_not_sent_in_the_clear(ask, user, seen, http_server, tmp_path):
    config = write_kubeconfig(tmp_path / "config", files_in(user, tmp_path), http_server.url)
    http_server.seen.clear()
    ask(config)
    assert set(map(repr, http_server.seen)) == {repr(seen)}


@pytest.mark.parametrize(("user", "message"), REFUSED)
def test_a_user_that_cannot_be_used_is_refused_with_the_reason(user, message, tmp_path):
    target = target_for(tmp_path, files_in(user, tmp_path))
    with pytest.raises(ClusterError) as caught:
        Credentials(target).current()
    assert message.replace("DIR", str(tmp_path)) in caught.value.message
    assert caught.value.message.startswith(f'user "alice" of {tmp_path}/config: ')
    assert "s3cret" not in caught.value.message + caught.value.hint


@needs_kubectl
@pytest.mark.parametrize(("user", "message"), REFUSED)
def test_kubectl_refuses_that_user_too(user, message, https_server, tmp_path):
    https_server.seen.clear()
    answer = ask_as_kubectl(write_kubeconfig(tmp_path / "config", files_in(user, tmp_path), https_server.url))
    assert answer.returncode == 1
    assert https_server.seen == []


@pytest.mark.parametrize(
    ("user", "hint"),
    [
        pytest.param({"auth-provider": {"name": "gcp"}}, "gke-gcloud-auth-plugin", id="gcp"),
        pytest.param({"auth-provider": {"name": "azure"}}, "kubelogin (Azure)", id="azure"),
        pytest.param({"auth-provider": {"name": "nope"}}, "exec plugin", id="unknown"),
        pytest.param(
            oidc(id_token(exp=1), **{"refresh-token": "r3fresh"}),
            "run any kubectl command to renew it",
            id="oidc expired",
        ),
        pytest.param(oidc(id_token(exp=1)), "log in again", id="oidc expired for good"),
        pytest.param(oidc(id_token(exp=1)), "kubectl oidc-login", id="what replaces oidc"),
    ],
)
def test_the_hint_says_how_to_log_in_again(user, hint, tmp_path):
    with pytest.raises(ClusterError) as caught:
        Credentials(target_for(tmp_path, user)).current()
    assert hint in caught.value.hint
    assert caught.value.exit_code == 3


def test_a_fixed_credential_is_made_once_and_cannot_be_renewed(tmp_path):
    credentials = Credentials(target_for(tmp_path, {"token": "t"}))
    assert credentials.current() is credentials.current()
    assert credentials.current().expires == NEVER
    assert not credentials.renew()


class TestTokenFile:
    def authorization(self, credentials):
        return dict(credentials.current().headers)["Authorization"]

    def test_is_read_again_when_it_changes(self, tmp_path):
        file = tmp_path / "token"
        file.write_text("one")
        credentials = Credentials(target_for(tmp_path, {"tokenFile": str(file)}))
        assert self.authorization(credentials) == "Bearer one"
        file.write_text("two")
        assert self.authorization(credentials) == "Bearer two"

    def test_that_never_had_a_token_is_an_error(self, tmp_path):
        file = tmp_path / "token"
        file.write_text("one")
        credentials = Credentials(target_for(tmp_path, {"tokenFile": str(file)}))
        file.unlink()
        with pytest.raises(ClusterError, match=f"its token file {file} cannot be read: no such file or directory"):
            credentials.current()

    def test_that_is_not_text_is_an_error(self, tmp_path):
        file = tmp_path / "token"
        file.write_bytes(b"s3cret\xff")
        with pytest.raises(ClusterError, match=f"its token file {file} is not text$"):
            Credentials(target_for(tmp_path, {"tokenFile": str(file)})).current()

    @pytest.mark.parametrize("spoil", [Path.unlink, lambda file: file.write_text("")], ids=["gone", "empty"])
    def test_keeps_its_token_while_it_is_replaced(self, spoil, tmp_path):
        file = tmp_path / "token"
        file.write_text("one")
        credentials = Credentials(target_for(tmp_path, {"tokenFile": str(file)}))
        assert self.authorization(credentials) == "Bearer one"
        spoil(file)
        assert self.authorization(credentials) == "Bearer one"

    def test_is_worth_a_retry_after_a_401_only_with_another_token(self, tmp_path):
        file = tmp_path / "token"
        file.write_text("one")
        credentials = Credentials(target_for(tmp_path, {"tokenFile": str(file)}))
        credentials.current()
        assert not credentials.renew()
        file.write_text("two")
        assert credentials.renew()
        assert self.authorization(credentials) == "Bearer two"


def counting_plugin(directory, expires="", failing_from=100):
    """Write a plugin that gives t0ken-1, then t0ken-2 and so on, until it fails."""
    credential = exec_credential({"token": "t0ken-COUNT", "expirationTimestamp": expires or None})
    return write_program(
        directory / "plugin",
        f"""#!/bin/sh
echo run >>{directory}/runs
count=$(($(wc -l <{directory}/runs)))
[ $count -lt {failing_from} ] || {{ echo "your session is over" >&2; exit 7; }}
echo '{credential}' | sed "s/COUNT/$count/"
""",
    )


def runs(directory):
    return len((directory / "runs").read_text().splitlines())


class TestExecCredential:
    """How often the plugin runs is the number at the end of its token."""

    def counting(self, tmp_path, expires, failing_from=100):
        return target_for(tmp_path, plugin(counting_plugin(tmp_path, expires, failing_from)))

    def token(self, credentials):
        return dict(credentials.current().headers)["Authorization"].replace("Bearer t0ken-", "")

    def test_without_an_expiry_is_kept(self, tmp_path):
        credentials = Credentials(self.counting(tmp_path, ""))
        assert [self.token(credentials) for _ in range(3)] == ["1", "1", "1"]

    def test_is_renewed_shortly_before_it_expires(self, tmp_path):
        end = 1_800_000_000.0  # 2027-01-15T08:00:00Z
        now = end - 3600
        credentials = Credentials(self.counting(tmp_path, "2027-01-15T08:00:00Z"), now=lambda: now)
        assert self.token(credentials) == "1"
        now = end - LEEWAY - 1
        assert self.token(credentials) == "1"
        now = end - LEEWAY
        assert self.token(credentials) == "2"

    def test_in_its_last_seconds_is_not_obtained_for_every_request(self, tmp_path):
        end = 1_800_000_000.0
        now = end - LEEWAY / 2
        credentials = Credentials(self.counting(tmp_path, "2027-01-15T08:00:00Z"), now=lambda: now)
        assert [self.token(credentials), self.token(credentials)] == ["1", "1"]
        now = end
        assert self.token(credentials) == "2"

    def test_that_has_expired_already_is_sent_for_the_server_to_judge(self, tmp_path):
        credentials = Credentials(self.counting(tmp_path, "2001-01-01T00:00:00Z"))
        assert [self.token(credentials), self.token(credentials)] == ["1", "2"]

    def test_is_renewed_once_after_a_401(self, tmp_path):
        credentials = Credentials(self.counting(tmp_path, ""))
        assert self.token(credentials) == "1"
        assert credentials.renew()
        assert [self.token(credentials), self.token(credentials)] == ["2", "2"]

    def test_refused_for_two_concurrent_requests_is_renewed_by_one_run(self, tmp_path):
        credentials = Credentials(self.counting(tmp_path, ""))
        refused = credentials.current()
        assert credentials.renew(refused)
        assert credentials.renew(refused)
        assert self.token(credentials) == "2"

    def test_that_is_the_same_after_renewal_is_not_worth_a_retry(self, tmp_path):
        write_program(tmp_path / "plugin", f"#!/bin/sh\necho '{exec_credential({'token': 'same'})}'\n")
        credentials = Credentials(target_for(tmp_path, plugin(tmp_path / "plugin")))
        credentials.current()
        assert not credentials.renew()

    def test_that_cannot_be_renewed_shows_the_output_of_the_plugin(self, tmp_path, capfd):
        credentials = Credentials(self.counting(tmp_path, "", failing_from=2))
        assert self.token(credentials) == "1"
        with pytest.raises(ClusterError, match=r'plugin" of user "alice" failed with exit code 7') as caught:
            credentials.renew()
        assert caught.value.exit_code == 3
        assert capfd.readouterr().err == "your session is over\n"

    def test_may_be_a_certificate_that_the_server_checks(self, https_server, tmp_path):
        status = {
            "clientCertificateData": (DATA / "bob.crt").read_text(),
            "clientKeyData": (DATA / "bob.key").read_text(),
        }
        (tmp_path / "credential").write_text(exec_credential(status))
        config = write_kubeconfig(
            tmp_path / "config", plugin("cat", args=[str(tmp_path / "credential")]), https_server.url
        )
        https_server.seen.clear()
        ask_as_we_do(config)
        assert https_server.seen == [Seen([], "bob")]


class TestAgainstAServer:
    """Through the API server's client, on a cluster that checks tokens: the plugin gives t0ken-1, then t0ken-2."""

    def ask(self, cluster, tmp_path, *, accepted, **plugin_fields):
        """GET the server's version and return the lines that -v 9 would show."""
        cluster.tokens = dict.fromkeys(accepted, "alice")
        user = plugin(counting_plugin(tmp_path, **plugin_fields))
        target = load(Path(cluster.write_kubeconfig(tmp_path, "none", credentials=user)))
        lines = []
        server = ApiServer(target, {}, Credentials(target), lines.append)
        try:
            assert server.get("/version")["major"]
        finally:
            server.close()
        return lines

    def test_a_refused_credential_is_renewed_once(self, cluster, tmp_path):
        lines = self.ask(cluster, tmp_path, accepted=["t0ken-2"])
        assert runs(tmp_path) == 2
        assert lines
        assert "t0ken" not in "".join(lines)

    def test_a_credential_refused_twice_names_the_user(self, cluster, tmp_path):
        with pytest.raises(ClusterError) as caught:
            self.ask(cluster, tmp_path, accepted=[])
        assert f'the credentials of user "stand-in-user" of {tmp_path}/config (401)' in caught.value.message
        assert runs(tmp_path) == 2

    def test_a_plugin_that_fails_the_second_time_is_named(self, cluster, tmp_path, capfd):
        with pytest.raises(ClusterError, match='plugin" of user "stand-in-user" failed with exit code 7'):
            self.ask(cluster, tmp_path, accepted=[], failing_from=2)
        assert capfd.readouterr().err == "your session is over\n"
        assert runs(tmp_path) == 2

    def test_a_rotated_certificate_is_shown_on_a_new_connection(self, tmp_path):
        server = RecordingServer("https")
        for name in ("alice", "bob"):
            status = {"clientCertificateData": (DATA / f"{name}.crt").read_text()}
            status["clientKeyData"] = (DATA / f"{name}.key").read_text()
            (tmp_path / name).write_text(exec_credential(status))
        config = write_kubeconfig(tmp_path / "config", plugin("cat", args=[str(tmp_path / "alice")]), server.url)
        credentials = Credentials(load(config))
        api = ApiServer(load(config), {}, credentials)
        try:
            api.get("/version")
            (tmp_path / "bob").replace(tmp_path / "alice")
            assert credentials.renew()
            api.get("/version")
        finally:
            api.close()
            server.close()
        assert [seen.common_name for seen in server.seen] == ["alice", "bob"]

    @pytest.mark.parametrize("beside", [{}, oidc(FAR)], ids=["alone", "beside an id-token"])
    def test_replaced_certificate_files_are_shown_on_a_new_connection(self, beside, tmp_path):
        """As in client-go's transport.dynamicClientCert, but the old pair's connection lives until the new is complete.

        It is incomplete while a file is missing or half written, or while the two do not match.
        """
        server = RecordingServer("https")
        files = {"client-certificate": "client.crt", "client-key": "client.key"}

        def place(name, second):
            for file in files.values():
                (tmp_path / "new").write_bytes((DATA / f"{name}.{file[-3:]}").read_bytes())
                os.utime(tmp_path / "new", (second, second))
                (tmp_path / "new").replace(tmp_path / file)

        place("alice", 1)
        config = write_kubeconfig(tmp_path / "config", {**files, **beside}, server.url)
        lines = []
        api = ApiServer(load(config), {}, Credentials(load(config)), lines.append)
        try:
            api.get("/version")
            for half in (b"-----BEGIN CERT", (DATA / "bob.crt").read_bytes()):
                (tmp_path / "client.crt").write_bytes(half)
                api.get("/version")
            (tmp_path / "client.crt").unlink()
            api.get("/version")
            place("bob", 2)
            api.get("/version")
        finally:
            api.close()
            server.close()
        assert [seen.common_name for seen in server.seen] == ["alice"] * 4 + ["bob"]
        assert [line.partition(" ")[0] for line in lines] == ["connected", *["GET"] * 4, "connected", "GET"]


def test_a_credential_shows_no_secret():
    credential = Credential((("Authorization", "Bearer s3cret"),), Certificate(data=b"c", key_data=b"s3cret"), NEVER)
    assert repr(credential) == "Credential(headers=[Authorization], certificate=yes, expires=inf)"


def test_a_token_imports_nothing_that_only_other_kinds_need():
    program = (
        "import sys; from kaito.kube import credentials\n"
        "from kaito.kube.kubeconfig.model import Cluster, Target, User\n"
        "credentials.Credentials(Target('', Cluster(), User(token='t'), 'default')).current()\n"
        "print({'json', 'subprocess', 'threading', 'datetime', 'kaito.kube.exec_plugin'} & set(sys.modules))"
    )
    answer = subprocess.run(
        [sys.executable, "-S", "-c", program], cwd=DATA.parent.parent.parent, capture_output=True, text=True
    )
    assert (answer.stdout, answer.stderr) == ("set()\n", "")


def test_a_failed_renewal_is_tried_again_and_the_old_credential_not_used(tmp_path):
    count, program = tmp_path / "count", tmp_path / "get-token"
    given = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}
    given["status"] = {"token": "T$n", "expirationTimestamp": "2030-01-01T00:00:00Z"}
    program.write_text(
        f"""#!/bin/sh
echo >> {count}
n=$(wc -l < {count} | tr -d ' ')
[ $n = 2 ] && exit 1
cat << END
{json.dumps(given)}
END
"""
    )
    program.chmod(0o755)
    user = User(name="u", exec=ExecConfig("client.authentication.k8s.io/v1", str(program), interactive_mode="Never"))
    target = Target("c", Cluster(name="c", server="https://127.0.0.1:1"), user, "default")
    moment = [1_800_000_000.0]
    credentials = Credentials(target, interactive=False, now=lambda: moment[0])
    assert credentials.current().headers == (("Authorization", "Bearer T1"),)
    moment[0] = 1_900_000_000.0
    with pytest.raises(ClusterError):
        credentials.current()
    assert credentials.current().headers == (("Authorization", "Bearer T3"),)


def test_the_bytes_of_a_password_are_sent_unchanged():
    user = User(name="u", username="u", password="\udcff")
    target = Target("c", Cluster(name="c", server="https://127.0.0.1:1"), user, "default")
    login = base64.b64encode(b"u:\xff").decode()
    assert Credentials(target).current().headers == (("Authorization", f"Basic {login}"),)
