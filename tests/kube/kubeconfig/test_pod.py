"""Access with the service account of a pod."""

from __future__ import annotations

import pytest

from kaito.kube.kubeconfig.model import Cluster, Impersonation, Overrides, Target, User
from kaito.kube.kubeconfig.resolve import resolve
from tests.kube.kubeconfig.cases import config
from tests.kube.kubeconfig.helpers import HERE, refusal


@pytest.fixture
def pod(write, tmp_path):
    """Give the arguments of `resolve` in a pod: its environment and the folder of its service account."""
    for name, text in (("token", "t"), ("ca.crt", "c"), ("namespace", "pod-space\n")):
        write(text, f"account/{name}")
    return {
        "environ": {
            "KUBERNETES_SERVICE_HOST": "10.0.0.1",
            "KUBERNETES_SERVICE_PORT": "443",
            "HOME": str(tmp_path),
        },
        "service_account": str(tmp_path / "account"),
    }


def test_a_pod_uses_its_service_account(pod, tmp_path):
    assert resolve(Overrides(), **pod) == Target(
        context="",
        cluster=Cluster(server="https://10.0.0.1:443", ca_file=str(tmp_path / "account/ca.crt")),
        user=User(token_file=str(tmp_path / "account/token")),
        namespace="pod-space",
        in_cluster=True,
    )


def test_an_ipv6_address_is_put_in_brackets(pod):
    pod["environ"]["KUBERNETES_SERVICE_HOST"] = "fd00::1"
    assert resolve(Overrides(), **pod).cluster.server == "https://[fd00::1]:443"


def test_token_authority_and_as_count_in_a_pod(pod, write):
    authority = write("", "other.crt")
    flags = Overrides(token="u", certificate_authority=authority, as_user="jane", namespace="n")
    target = resolve(flags, **pod)
    assert target.in_cluster
    assert (target.cluster.ca_file, target.namespace) == (authority, "n")
    assert target.user == User(token="u", impersonate=Impersonation("jane"))


@pytest.mark.parametrize("missing", ["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"])
def test_there_is_no_pod_without_its_environment(pod, missing):
    del pod["environ"][missing]
    assert refusal(Overrides(), **pod).message.startswith("no kubeconfig")


def test_there_is_no_pod_without_its_token(pod, tmp_path):
    (tmp_path / "account/token").unlink()
    assert refusal(Overrides(), **pod).message.startswith("no kubeconfig")


def test_a_kubeconfig_wins_over_the_pod(pod, write):
    write(config({"token": "t"}, HERE), ".kube/config")
    assert not resolve(Overrides(), **pod).in_cluster


def test_a_missing_kubeconfig_is_an_error_in_a_pod_too(pod):
    assert "does not exist" in refusal(Overrides(kubeconfig="/nowhere"), **pod).message
    assert "is not in any kubeconfig" in refusal(Overrides(context="it"), **pod).message


@pytest.mark.parametrize(
    ("flag", "context", "in_pod", "variable", "expected"),
    [
        pytest.param("flag", "context", True, "variable", "flag", id="the flag first"),
        pytest.param("", "context", True, "variable", "context", id="then the context"),
        pytest.param("", "default", True, "variable", "default", id="even if it says default"),
        pytest.param("", None, True, "variable", "variable", id="then POD_NAMESPACE, in a pod"),
        pytest.param("", None, True, "", "pod-space", id="then the service account's, in a pod"),
        pytest.param("", None, False, "variable", "default", id="else default"),
    ],
)
def test_the_namespace_comes_from_the_first_source_that_has_one(
    pod,
    write,
    flag,
    context,
    in_pod,
    variable,
    expected,
):
    path = write(config({"token": "t"}, HERE, {"namespace": context}))
    environ = {"POD_NAMESPACE": variable, **(pod["environ"] if in_pod else {})}
    target = resolve(Overrides(kubeconfig=path, namespace=flag), environ, service_account=pod["service_account"])
    assert target.namespace == expected


def test_a_service_account_without_a_namespace_means_default(pod, tmp_path):
    (tmp_path / "account/namespace").unlink()
    assert resolve(Overrides(), **pod).namespace == "default"
