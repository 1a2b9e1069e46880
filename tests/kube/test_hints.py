"""What to do about an error: which command shows more, and where the setting at fault was given."""

from __future__ import annotations

import pytest

from kaito.kube.hints import certificate_hint, describe_user, forbidden, kubectl_hint
from kaito.kube.kubeconfig.model import Cluster, Overrides, Target, User
from kaito.kube.kubeconfig.resolve import resolve
from tests.kube.oracle import DATA, plugin, target_for, write_kubeconfig

TARGET = Target("c", Cluster(name="c", server="https://127.0.0.1:1"), User(), "default")


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
    def test_the_hint_checks_the_missing_right(self, message, hint):
        error = forbidden(message, TARGET)
        assert (error.message, error.hint) == (message, hint)
        again = forbidden(message, TARGET._replace(flags=(("as", "jane"),)))
        assert again.hint == (hint and hint + " --as jane")

    def test_a_403_without_a_message(self):
        assert forbidden("", TARGET).message == "the API server forbids this request (403)"


class TestKubectlHint:
    """A check of another server, or as another user, would contradict the error."""

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
    def test_it_repeats_the_given_flags(self, flags, command):
        assert kubectl_hint("version", TARGET._replace(flags=flags), context=True) == f"check with: kubectl {command}"

    def test_it_names_a_context_without_a_flag_only_on_demand(self):
        assert kubectl_hint("version", TARGET) == "check with: kubectl version"
        assert kubectl_hint("version", TARGET._replace(context=""), context=True) == "check with: kubectl version"


CHAIN, KEY = str(DATA / "alice.crt"), str(DATA / "alice.key")


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        pytest.param(Overrides(), 'user "alice" of FILE', id="from a file"),
        pytest.param(Overrides(as_user="joe"), 'user "alice" of FILE', id="from a file, acting as somebody"),
        pytest.param(Overrides(token="t"), "the user given by --token", id="a flag above the file"),
        pytest.param(
            Overrides(token="t", server="http://x"), 'user "alice" of FILE', id="a flag that plain HTTP does not send"
        ),
        pytest.param(Overrides(client_certificate=CHAIN, client_key=KEY), 'user "alice" of FILE', id="beside a token"),
        pytest.param(
            Overrides(kubeconfig="/dev/null", server="https://x", token="t"), "the user given by --token", id="a token"
        ),
        pytest.param(
            Overrides(kubeconfig="/dev/null", server="https://x", username="u", password="p"),
            "the user given by --username and --password",
            id="a password",
        ),
        pytest.param(
            Overrides(kubeconfig="/dev/null", server="https://x", client_certificate=CHAIN, client_key=KEY),
            "the user given by --client-certificate and --client-key",
            id="a certificate",
        ),
        pytest.param(
            Overrides(kubeconfig="/dev/null", server="https://x"),
            "an anonymous user (no credentials are set)",
            id="nobody",
        ),
    ],
)
def test_a_user_is_described_by_name_and_file(overrides, name, tmp_path):
    config = write_kubeconfig(tmp_path / "config", {"token": "t"})
    target = resolve(overrides._replace(kubeconfig=overrides.kubeconfig or str(config)), {})
    assert describe_user(target) == name.replace("FILE", str(config))


def test_a_token_file_wins_over_the_flag(tmp_path):
    (tmp_path / "token").write_text("t")
    config = write_kubeconfig(tmp_path / "config", {"tokenFile": str(tmp_path / "token")})
    target = resolve(Overrides(kubeconfig=str(config), token="other"), {})
    assert describe_user(target) == f'user "alice" of {config}'


@pytest.mark.parametrize(
    ("overrides", "hint"),
    [
        pytest.param(Overrides(), 'see the client certificate of user "alice" of FILE', id="from a file"),
        pytest.param(Overrides(token="t"), 'see the client certificate of user "alice" of FILE', id="beside --token"),
        pytest.param(
            Overrides(client_certificate=CHAIN, client_key=KEY), "see --client-certificate and --client-key", id="flags"
        ),
        pytest.param(Overrides(client_key=KEY), "see --client-key", id="one flag"),
    ],
)
def test_the_hint_for_a_client_certificate_says_where_it_was_given(overrides, hint, tmp_path):
    config = write_kubeconfig(tmp_path / "config", {"client-certificate": CHAIN, "client-key": KEY})
    target = resolve(overrides._replace(kubeconfig=str(config)), {})
    assert certificate_hint(target) == hint.replace("FILE", str(config))


def test_the_hint_for_a_client_certificate_names_the_plugin_that_gave_it(tmp_path):
    target = target_for(tmp_path, plugin("a-plugin"))
    where = f'user "alice" of {tmp_path}/config'
    assert certificate_hint(target) == f'see the exec plugin "a-plugin" of {where}, which gave the certificate'


def test_a_pod_is_described_by_its_service_account(tmp_path):
    target = target_for(tmp_path, {})._replace(in_cluster=True, user=User(token_file="/var/run/token"))
    assert describe_user(target) == "this pod's service account"
