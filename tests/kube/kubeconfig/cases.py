"""Cases that are given to this project and to the real kubectl: files to read, and files and flags to use."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import NamedTuple

from kaito.kube.kubeconfig.model import Overrides

DATA = Path(__file__).parents[2] / "data" / "kubeconfigs"


def embedded(name):
    """Return a file of tests/data/kubeconfigs/tls/ as a kubeconfig embeds it."""
    return base64.b64encode((DATA / "tls" / name).read_bytes()).decode()


def config(
    user=None,
    cluster=None,
    context=None,
    **top,
):
    """Return a kubeconfig with one context "it" of cluster "here" and user "me", in JSON, which is YAML.

    The cluster is the recording server, trusted by tls/ca.crt, unless `cluster` says otherwise.
    """
    here = {"server": "https://HTTPS", "certificate-authority": "tls/ca.crt", **(cluster or {})}
    return json.dumps(
        {
            "current-context": "it",
            "clusters": [{"name": "here", "cluster": {k: v for k, v in here.items() if v is not None}}],
            "users": [{"name": "me", "user": user}],
            "contexts": [{"name": "it", "context": {"cluster": "here", "user": "me", **(context or {})}}],
            **top,
        }
    )


class Use(NamedTuple):
    """Files, flags and an environment with which a server is asked.

    HTTPS, HTTP and DIR, wherever they occur, stand for the two recording servers' host:port and for the folder
    that the case is laid out in: `files` (name → text; KUBECONFIG=DIR/config unless `environ` says otherwise)
    beside a copy of tls/. `service_account`: the files of a pod's service account, or None outside a pod.
    `differs`: why this project does not do what kubectl does, or "". `command`: what kubectl is asked to do, a
    GET of /version; `get --raw` does it without the path that a server's URL can have.
    """

    files: dict[str, str]
    flags: Overrides = Overrides()
    environ: dict[str, str] | None = None
    service_account: dict[str, str] | None = None
    differs: str = ""
    command: tuple[str, ...] = ("get", "--raw", "/version")

    def _filled_in(self, text, folder, https, http):
        return text.replace("HTTPS", https).replace("HTTP", http).replace("DIR", str(folder))

    def overrides(self, folder, https, http):
        """Return the flags, filled in."""
        return Overrides(*(self._filled_in(v, folder, https, http) if isinstance(v, str) else v for v in self.flags))

    def lay_out(self, folder, https, http):
        """Write the files and return kubectl's arguments and environment."""
        shutil.copytree(DATA / "tls", folder / "tls")
        for name, text in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self._filled_in(text, folder, https, http))
            if name.endswith(".sh"):
                path.chmod(0o755)
        environ = {"KUBECONFIG": "DIR/config"} if self.environ is None else dict(self.environ)
        if self.service_account is not None:
            (folder / "serviceaccount").mkdir()
            for name, text in self.service_account.items():
                (folder / "serviceaccount" / name).write_text(text)
            environ["KUBERNETES_SERVICE_HOST"], _, environ["KUBERNETES_SERVICE_PORT"] = https.partition(":")
        arguments = []
        for name, value in self.overrides(folder, https, http)._asdict().items():
            flag = {"as_user": "as", "as_groups": "as-group"}.get(name, name.replace("_", "-"))
            for item in value if isinstance(value, tuple) else (value,):
                if item:
                    arguments.append(f"--{flag}={item}" if isinstance(item, str) else f"--{flag}")
        return arguments, {k: self._filled_in(v, folder, https, http) for k, v in environ.items()}


def pod_prefix(folder):
    """Return what to put before a command so that DIR/serviceaccount takes the place of a pod's service account."""
    script = (
        "mount -t tmpfs none /run && mkdir -p /run/secrets/kubernetes.io && "
        'ln -s "$0" /run/secrets/kubernetes.io/serviceaccount && exec "$@"'
    )
    return ["unshare", "-rm", "sh", "-c", script, str(folder / "serviceaccount")]


PLUGIN = """#!/bin/sh
echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "plugged"}}'
"""


def plugin(**fields):
    """Return the stanza of an exec plugin that works, changed by `fields`; None removes a field."""
    stanza = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "./plugin.sh",
        "interactiveMode": "Never",
        **fields,
    }
    return {"exec": {name: value for name, value in stanza.items() if value is not None}}


def one(text, differs="", **flags):
    return Use({"config": text, "plugin.sh": PLUGIN, "token": "filed\n"}, Overrides(**flags), differs=differs)


def below(server):
    return one(config(TOKEN, {"server": server}))._replace(command=("version",))


TOKEN = {"token": "t"}
CERTIFICATE = {"client-certificate": "tls/alice.crt", "client-key": "tls/alice.key"}
CERTIFICATE_DATA = {
    "client-certificate-data": embedded("alice.crt"),
    "client-key-data": embedded("alice.key"),
}
BOB = {"client_certificate": "DIR/tls/bob.crt", "client_key": "DIR/tls/bob.key"}
ASKS = "kubectl asks for a user name and a password; here the server decides what an unknown user may do"
REPLACES = "kubectl before 1.35 refuses a certificate or key from a flag beside the file's data"
# These cases, and the ones that a kubectl which replaces the data treats in the same way.
REPLACED = {"flag-certificate-over-data": "flag-certificate", "flag-key-over-data": "certificate"}
LOCALHOST = "kubectl turns to http://localhost:8080"

USES = {
    # Who: one way to log in
    "token": one(config(TOKEN)),
    "token-file": one(config({"tokenFile": "token"})),
    "token-file-absolute": one(config({"tokenFile": "DIR/token"})),
    "token-file-missing": one(config({"tokenFile": "nope"})),
    "token-file-is-no-name": one(config({"tokenFile": "\0"})),
    "token-file-missing-over-http": one(config({"tokenFile": "nope"}, {"server": "http://HTTP"})),
    "token-file-is-a-folder": one(config({"tokenFile": "tls"})),
    "token-and-token-file": one(config({"token": "t", "tokenFile": "token"})),
    "token-and-missing-token-file": one(config({"token": "t", "tokenFile": "nope"})),
    "basic": one(config({"username": "u", "password": "p"})),
    "basic-without-password": one(config({"username": "u"})),
    "password-alone": one(config({"password": "p"}), ASKS),
    "certificate": one(config(CERTIFICATE)),
    "certificate-data": one(config(CERTIFICATE_DATA)),
    "certificate-file-key-data": one(
        config({"client-certificate": "tls/alice.crt", "client-key-data": embedded("alice.key")})
    ),
    "certificate-data-key-file": one(
        config({"client-certificate-data": embedded("alice.crt"), "client-key": "tls/alice.key"})
    ),
    "exec": one(config(plugin())),
    "exec-absolute": one(config(plugin(command="DIR/plugin.sh"))),
    "exec-arguments": one(config(plugin(command="sh", args=["DIR/plugin.sh"]))),
    "exec-in-parent": one(config(plugin(command="tls/../plugin.sh"))),
    "nobody": one(config({}), ASKS),
    "nobody-null": one(config(None), ASKS),
    "no-user-in-context": one(config(TOKEN, context={"user": None}), ASKS),
    # Who: several ways at once
    "token-and-basic": one(config({**TOKEN, "username": "u", "password": "p"})),
    "token-and-password": one(config({**TOKEN, "password": "p"})),
    "token-file-and-basic": one(config({"tokenFile": "token", "username": "u", "password": "p"})),
    "token-file-and-password": one(config({"tokenFile": "token", "password": "p"})),
    "token-and-certificate": one(config({**TOKEN, **CERTIFICATE})),
    "basic-and-certificate": one(config({"username": "u", "password": "p", **CERTIFICATE})),
    "token-and-exec": one(config({**TOKEN, **plugin()})),
    "basic-and-exec": one(config({"username": "u", "password": "p", **plugin()})),
    "certificate-and-exec": one(config({**CERTIFICATE, **plugin()})),
    "exec-and-auth-provider": one(config({**plugin(), "auth-provider": {"name": "oidc"}})),
    "exec-and-empty-auth-provider": one(config({**plugin(), "auth-provider": {}})),
    "certificate-file-and-data": one(config({**CERTIFICATE, **CERTIFICATE_DATA})),
    "key-file-and-data": one(config({**CERTIFICATE_DATA, "client-key": "tls/alice.key"})),
    "keys-twice-without-certificate": one(
        config({**TOKEN, "client-key-data": embedded("alice.key"), "client-key": "nope"})
    ),
    "certificate-without-key": one(config({"client-certificate": "tls/alice.crt"})),
    "certificate-data-without-key": one(config({"client-certificate-data": embedded("alice.crt")})),
    "key-without-certificate": one(config({**TOKEN, "client-key": "tls/alice.key"})),
    "certificate-missing": one(config({**CERTIFICATE, "client-certificate": "tls/nope.crt"})),
    "key-missing": one(config({**CERTIFICATE, "client-key": "tls/nope.key"})),
    "certificate-unread-over-http": one(
        config({"client-certificate": "nope", "client-key": "nope"}, {"server": "http://HTTP"})
    ),
    # Who: exec
    "exec-without-api-version": one(config(plugin(apiVersion=None))),
    "exec-unknown-api-version": one(config(plugin(apiVersion="client.authentication.k8s.io/v2"))),
    "exec-v1alpha1": one(config(plugin(apiVersion="client.authentication.k8s.io/v1alpha1"))),
    "exec-without-command": one(config(plugin(command=None))),
    "exec-without-mode": one(config(plugin(interactiveMode=None))),
    "exec-unknown-mode": one(config(plugin(interactiveMode="never"))),
    "exec-env-without-name": one(config(plugin(env=[{"value": "x"}]))),
    "exec-env-null": one(config(plugin(env=[None]))),
    "exec-env": one(config(plugin(env=[{"name": "X", "value": "x"}, {"name": "Y"}]))),
    "exec-empty": one(config({"exec": {}})),
    "exec-unknown-api-version-beside-token": one(
        config({**TOKEN, **plugin(apiVersion="client.authentication.k8s.io/v2")})
    ),
    "exec-unknown-api-version-over-http": one(
        config(plugin(apiVersion="client.authentication.k8s.io/v2"), {"server": "http://HTTP"})
    ),
    # Who: acting as somebody else
    "as": one(config({**TOKEN, "as": "jane"})),
    "as-all": one(
        config(
            {
                **TOKEN,
                "as": "jane",
                "as-uid": "7",
                "as-groups": ["a", "b"],
                "as-user-extra": {"scopes": ["x", "y"], "Some/Key": ["z"]},
            }
        )
    ),
    "as-uid-alone": one(config({**TOKEN, "as-uid": "7"})),
    "as-groups-alone": one(config({**TOKEN, "as-groups": ["a"]})),
    "as-extra-alone": one(config({**TOKEN, "as-user-extra": {"a": ["b"]}})),
    "as-groups-empty": one(config({**TOKEN, "as-groups": [], "as-user-extra": {}})),
    "as-over-http": one(config({**TOKEN, "as": "jane"}, {"server": "http://HTTP"})),
    "flag-as": one(config({**TOKEN, "as": "jane", "as-groups": ["a"]}), as_user="john"),
    "flag-as-group": one(config({**TOKEN, "as": "jane", "as-groups": ["a", "b"]}), as_groups=("c", "d,e")),
    "flag-as-uid": one(config({**TOKEN, "as": "jane", "as-uid": "7"}), as_uid="8"),
    "flag-as-uid-alone": one(config(TOKEN), as_uid="8"),
    "flag-as-group-alone": one(config(TOKEN), as_groups=("g",)),
    # Who: flags
    "flag-token": one(config(TOKEN), token="u"),
    "flag-token-over-token-file": one(config({"tokenFile": "token"}), token="u"),
    "flag-token-over-missing-token-file": one(config({"tokenFile": "nope"}), token="u"),
    "flag-token-over-certificate": one(config(CERTIFICATE), token="u"),
    "flag-token-over-basic": one(config({"username": "u", "password": "p"}), token="u"),
    "flag-token-over-exec": one(config(plugin()), token="u"),
    "flag-basic": one(config({"username": "u", "password": "p"}), username="v", password="q"),
    "flag-password": one(config({"username": "u", "password": "p"}), password="q"),
    "flag-basic-over-token": one(config(TOKEN), username="v", password="q"),
    "flag-certificate": one(config(CERTIFICATE), **BOB),
    "flag-certificate-over-data": one(config(CERTIFICATE_DATA), REPLACES, **BOB),
    "flag-key-over-data": one(
        config({"client-certificate": "tls/alice.crt", "client-key-data": embedded("alice.key")}),
        REPLACES,
        client_key="DIR/tls/alice.key",
    ),
    "flag-certificate-alone": one(config({}), client_certificate="DIR/tls/bob.crt"),
    "flag-certificate-relative": one(config({}), client_certificate="tls/bob.crt", client_key="tls/bob.key"),
    "flag-user": one(
        config(users=[{"name": "me", "user": TOKEN}, {"name": "other", "user": {"token": "o"}}]),
        user="other",
    ),
    "flag-user-missing": one(config(TOKEN), user="other"),
    # Where: the server
    "server-slash": one(config(TOKEN, {"server": "https://HTTPS/"})),
    "server-path": below("https://HTTPS/k8s/clusters/c-1"),
    "server-path-slash": below("https://HTTPS/k8s/clusters/c-1/"),
    "server-path-slashes": below("https://HTTPS/k8s//clusters/c-1//"),
    "server-path-query": below("https://HTTPS/k8s?a=b#c"),
    "server-path-escapes": below("https://HTTPS/a%20b/c"),
    "server-path-other-characters": below("https://HTTPS/a b/ü"),
    "server-query": one(config(TOKEN, {"server": "https://HTTPS?a=b"})),
    "server-upper-case": one(config(TOKEN, {"server": "hTTps://HTTPS"})),
    "server-http": one(config({**TOKEN, **CERTIFICATE}, {"server": "http://HTTP"})),
    "server-without-scheme": one(config(TOKEN, {"server": "HTTP"})),
    "server-without-scheme-slash": one(config(TOKEN, {"server": "HTTP/"})),
    "server-without-scheme-path": one(config(TOKEN, {"server": "HTTP/k8s"})),
    "server-without-scheme-insecure": one(
        config(TOKEN, {"server": "HTTP", "insecure-skip-tls-verify": True, "certificate-authority": None})
    ),
    "server-spaces": one(config(TOKEN, {"server": " https://HTTPS"})),
    "server-control-characters": one(config(TOKEN, {"server": "https://HTTPS/\r\nX: y"})),
    "server-other-scheme": one(config(TOKEN, {"server": "ftp://HTTPS"})),
    "server-without-host": one(config(TOKEN, {"server": "https://"})),
    "server-user-info": one(
        config({**TOKEN}, {"server": "https://u:p@HTTPS"}),
        "kubectl logs in with the URL's name and password in place of the user's token",
    ),
    "server-empty": one(config(TOKEN, {"server": ""}), LOCALHOST),
    "server-absent": one(config(TOKEN, {"server": None}), LOCALHOST),
    "server-absent-flag-server": one(config(TOKEN, {"server": None}), server="https://HTTPS"),
    "master": Use(
        {"config": config(TOKEN, {"server": None})},
        environ={"KUBECONFIG": "DIR/config", "KUBERNETES_MASTER": "https://HTTPS"},
    ),
    # Where: trust
    "ca-file": one(config(TOKEN)),
    "ca-file-missing": one(config(TOKEN, {"certificate-authority": "nope"})),
    "ca-file-missing-over-http": one(config(TOKEN, {"server": "http://HTTP", "certificate-authority": "nope"})),
    "ca-data": one(config(TOKEN, {"certificate-authority": None, "certificate-authority-data": embedded("ca.crt")})),
    "ca-file-and-data": one(config(TOKEN, {"certificate-authority-data": embedded("ca.crt")})),
    "insecure": one(config(TOKEN, {"certificate-authority": None, "insecure-skip-tls-verify": True})),
    "insecure-and-ca": one(config(TOKEN, {"insecure-skip-tls-verify": True})),
    "insecure-and-ca-over-http": one(config(TOKEN, {"server": "http://HTTP", "insecure-skip-tls-verify": True})),
    "tls-server-name": one(config(TOKEN, {"tls-server-name": "kube.internal"})),
    "flag-insecure": one(config(TOKEN), insecure_skip_tls_verify=True),
    "flag-insecure-over-data": one(
        config(TOKEN, {"certificate-authority": None, "certificate-authority-data": embedded("ca.crt")}),
        insecure_skip_tls_verify=True,
    ),
    "flag-ca": one(config(TOKEN, {"certificate-authority": "nope"}), certificate_authority="DIR/tls/ca.crt"),
    "flag-ca-over-data": one(
        config(TOKEN, {"certificate-authority": None, "certificate-authority-data": embedded("bob.crt")}),
        certificate_authority="DIR/tls/ca.crt",
    ),
    "flag-ca-over-insecure": one(
        config(TOKEN, {"certificate-authority": None, "insecure-skip-tls-verify": True}),
        certificate_authority="DIR/tls/ca.crt",
    ),
    "flag-ca-and-insecure": one(config(TOKEN), certificate_authority="DIR/tls/ca.crt", insecure_skip_tls_verify=True),
    "flag-ca-missing": one(config(TOKEN), certificate_authority="DIR/nope"),
    "flag-ca-relative": one(config(TOKEN), certificate_authority="tls/ca.crt"),
    "flag-tls-server-name": one(config(TOKEN, {"tls-server-name": "wrong.internal"}), tls_server_name="kube.internal"),
    "flag-server-drops-tls-server-name": one(
        config(TOKEN, {"server": "https://wrong.invalid", "tls-server-name": "kube.internal"}),
        server="https://HTTPS",
    ),
    "flag-server-and-tls-server-name": one(config(TOKEN), server="https://HTTPS", tls_server_name="localhost"),
    "proxy-other-scheme": one(config(TOKEN, {"proxy-url": "ftp://HTTP"})),
    "proxy-without-scheme": one(config(TOKEN, {"proxy-url": "//HTTP"})),
    "proxy-host-port": one(config(TOKEN, {"proxy-url": "localhost:1"})),
    "proxy-empty": one(config(TOKEN, {"proxy-url": ""})),
    # Which: contexts, clusters, users
    "context-missing": one(config(TOKEN), context="nope"),
    "current-context-missing": one(config(TOKEN, **{"current-context": "nope"})),
    "current-context-missing-but-server": one(
        config(TOKEN, **{"current-context": "nope"}), server="https://HTTPS", token="u"
    ),
    "current-context-absent": one(config(TOKEN, **{"current-context": None}), LOCALHOST),
    "current-context-absent-flag-context": one(config(TOKEN, **{"current-context": None}), context="it"),
    "current-context-absent-flags": one(config(TOKEN, **{"current-context": None}), cluster="here", user="me"),
    "current-context-missing-flags": one(config(TOKEN, **{"current-context": "nope"}), cluster="here", user="me"),
    "context-null": one(config(TOKEN, contexts=[{"name": "it", "context": None}]), LOCALHOST),
    "context-null-flags": one(config(TOKEN, contexts=[{"name": "it", "context": None}]), cluster="here", user="me"),
    "context-cluster-missing": one(config(TOKEN, context={"cluster": "nope"}), LOCALHOST),
    "context-cluster-missing-flag-server": one(
        config(TOKEN, context={"cluster": "nope"}),
        "a cluster that is named but missing is an error here",
        server="https://HTTPS",
        certificate_authority="DIR/tls/ca.crt",
    ),
    "context-user-missing": one(config(TOKEN, context={"user": "nope"})),
    "context-user-missing-flag-token": one(
        config(TOKEN, context={"user": "nope"}),
        "a user that is named but missing is an error here",
        token="u",
    ),
    "flag-cluster-missing": one(config(TOKEN), cluster="nope"),
    "flag-cluster": one(
        config(
            TOKEN,
            {"server": "https://wrong.invalid"},
            clusters=[
                {"name": "here", "cluster": {"server": "https://wrong.invalid"}},
                {
                    "name": "there",
                    "cluster": {"server": "https://HTTPS", "certificate-authority": "tls/ca.crt"},
                },
            ],
        ),
        cluster="there",
    ),
    "names-of-all-kinds": one(
        config(
            **{
                "current-context": "arn:aws:eks:us-east-1:1:cluster/demo",
                "clusters": [
                    {
                        "name": "ü \n#",
                        "cluster": {"server": "https://HTTPS", "certificate-authority": "tls/ca.crt"},
                    }
                ],
                "users": [{"name": "a/b@c", "user": TOKEN}],
                "contexts": [
                    {
                        "name": "arn:aws:eks:us-east-1:1:cluster/demo",
                        "context": {"cluster": "ü \n#", "user": "a/b@c"},
                    }
                ],
            }
        )
    ),
    "name-empty": one(
        config(
            TOKEN,
            clusters=[{"cluster": {"server": "https://HTTPS", "certificate-authority": "tls/ca.crt"}}],
            users=[{"user": {"token": "unnamed"}}],
            contexts=[{"name": "it", "context": {}}],
        )
    ),
    "everything-unnamed": one(
        config(
            TOKEN,
            **{
                "current-context": "",
                "clusters": [{"cluster": {"server": "https://HTTPS", "certificate-authority": "tls/ca.crt"}}],
                "users": [{"user": {"token": "unnamed"}}],
                "contexts": [{"context": {}}],
            },
        )
    ),
    "unused-entries-are-wrong": one(
        config(
            users=[
                {"name": "me", "user": TOKEN},
                {"name": "other", "user": {**TOKEN, "username": "u", "client-certificate": "nope"}},
            ]
        )
    ),
    # Files
    "flag-kubeconfig": Use(
        {"a/config": config(TOKEN, {"certificate-authority": "../tls/ca.crt"}), "config": config()},
        Overrides(kubeconfig="DIR/a/config"),
    ),
    "flag-kubeconfig-relative": Use({"config": config(TOKEN)}, Overrides(kubeconfig="config"), {}),
    "flag-kubeconfig-missing": Use({"config": config(TOKEN)}, Overrides(kubeconfig="DIR/nope")),
    "flag-kubeconfig-folder": Use({"config": config(TOKEN)}, Overrides(kubeconfig="DIR/tls")),
    "flag-kubeconfig-is-no-list": Use({"config": config(TOKEN)}, Overrides(kubeconfig="DIR/config:DIR/config")),
    "home": Use({".kube/config": config(TOKEN, {"certificate-authority": "../tls/ca.crt"})}, environ={}),
    "kubeconfig-empty-means-home": Use(
        {".kube/config": config(TOKEN, {"certificate-authority": "../tls/ca.crt"})},
        environ={"KUBECONFIG": ""},
    ),
    "kubeconfig-hides-home": Use(
        {".kube/config": config(TOKEN, {"certificate-authority": "../tls/ca.crt"})},
        environ={"KUBECONFIG": "DIR/nope"},
        differs=LOCALHOST,
    ),
    "list": Use(
        {
            "one": config({"token": "one"}, contexts=None, **{"current-context": None}),
            "two": config({"token": "two"}, {"server": "https://wrong.invalid"}),
        },
        environ={"KUBECONFIG": "DIR/one:DIR/two"},
    ),
    "list-with-gaps": Use({"two": config(TOKEN)}, environ={"KUBECONFIG": ":DIR/nope::DIR/two:DIR/two:"}),
    "list-first-user-whole": Use(
        {
            "one": config({"username": "u"}, current_context=None),
            "two": config({"username": "v", "password": "p"}),
        },
        environ={"KUBECONFIG": "DIR/one:DIR/two"},
    ),
    "list-first-current-context": Use(
        {
            "one": json.dumps({"current-context": "", "users": [{"name": "me", "user": {"token": "one"}}]}),
            "two": config({"token": "two"}),
            "three": json.dumps({"current-context": "nope"}),
        },
        environ={"KUBECONFIG": "DIR/one:DIR/two:DIR/three"},
    ),
    "list-one-is-broken": Use(
        {"one": config(TOKEN), "two": "users: [{name: a, user: {token: 1}}]"},
        environ={"KUBECONFIG": "DIR/one:DIR/two"},
    ),
    "list-one-is-a-folder": Use({"one": config(TOKEN)}, environ={"KUBECONFIG": "DIR/one:DIR/tls"}),
    "list-one-below-a-file": Use({"one": config(TOKEN)}, environ={"KUBECONFIG": "DIR/one:DIR/one/nope"}),
    "list-relative": Use(
        {"a/one": config(TOKEN, {"certificate-authority": "../tls/ca.crt"})}, environ={"KUBECONFIG": "a/one"}
    ),
    "no-files-flag-server": Use(
        {}, Overrides(server="https://HTTPS", certificate_authority="DIR/tls/ca.crt", token="u")
    ),
    "no-files-flag-server-http": Use({}, Overrides(server="http://HTTP", token="u")),
    "no-files-flag-server-without-scheme": Use({}, Overrides(server="HTTP", token="u")),
    "no-files-flag-context": Use({}, Overrides(context="it", server="http://HTTP")),
    "no-files-flag-cluster": Use({}, Overrides(cluster="it", server="http://HTTP")),
    "no-files-flag-user": Use({}, Overrides(user="it", server="http://HTTP")),
    "no-files": Use({}, differs=LOCALHOST),
    "empty-file": one("", LOCALHOST),
}

ACCOUNT = {
    "token": "pod-token\n",
    "ca.crt": (DATA / "tls" / "ca.crt").read_text(),
    "namespace": "pod-space\n",
}


def pod(text=None, differs="", environ=None, **flags):
    files = {} if text is None else {"config": text}
    account = {"KUBECONFIG": "DIR/config", **(environ or {})}
    return Use(files, Overrides(**flags), account, ACCOUNT, differs)


POD_USES = {
    "pod": pod(),
    "pod-kubeconfig": pod(config(TOKEN)),
    "pod-kubeconfig-empty": pod(""),
    "pod-kubeconfig-without-current-context": pod(config(TOKEN, **{"current-context": ""})),
    "pod-kubeconfig-broken": pod("clusters: 1"),
    "pod-flag-token": pod(token="u"),
    "pod-flag-ca": pod(certificate_authority="DIR/tls/ca.crt"),
    "pod-flag-ca-missing": pod(certificate_authority="DIR/nope"),
    "pod-flag-server": pod(server="https://HTTPS", token="u", certificate_authority="DIR/tls/ca.crt"),
    "pod-flag-insecure": pod(insecure_skip_tls_verify=True),
    "pod-flag-certificate": pod(**BOB),
    "pod-flag-basic": pod(username="u", password="p"),
    "pod-flag-token-and-basic": pod(username="u", token="p"),
    "pod-flag-as": pod(as_user="jane", differs="--as counts in a pod, too"),
    "pod-flag-context": pod(context="it"),
    "pod-context-null": pod(config(TOKEN, contexts=[{"name": "it", "context": None}])),
    "pod-context-cluster-missing": pod(
        config(TOKEN, context={"cluster": "nope"}), "a cluster that is named but missing is an error here"
    ),
    "pod-server-absent": pod(config(TOKEN, {"server": None}), "a cluster without a server is an error here"),
    "pod-master": pod(environ={"KUBERNETES_MASTER": "http://HTTP"}),
    "pod-without-ca": pod()._replace(service_account={"token": "pod-token"}),
    "pod-without-token": pod(differs=LOCALHOST)._replace(service_account={"ca.crt": ACCOUNT["ca.crt"]}),
}


def uses():
    return {**USES, **POD_USES}


def cluster(text):
    """Return a kubeconfig whose one cluster has these fields, in flow style."""
    return f"clusters: [{{name: a, cluster: {{{text}}}}}]\n"


def user(text):
    return f"users: [{{name: a, user: {{{text}}}}}]\n"


BINARY = base64.b64encode(bytes(range(256))).decode()

FILES = {
    # Nothing, or something else
    "empty": "",
    "comment-alone": "# nothing\n",
    "null": "null\n",
    "empty-map": "{}\n",
    "scalar": "kubeconfig\n",
    "number": "3\n",
    "list": "- clusters\n",
    "empty-list": "[]\n",
    "byte-order-mark": b"\xef\xbb\xbfcurrent-context: a\n",
    "utf-16": "\ufeffcurrent-context: ü\n".encode("utf-16-le"),
    "not-utf-8": b"current-context: \xff\n",
    "nul": b"current-context: a\x00b\n",
    # kind and apiVersion
    "kind-other": "kind: Pod\n",
    "kind-lower-case": "kind: config\n",
    "kind-number": "kind: 1\n",
    "kind-null": "kind: null\napiVersion: null\n",
    "kind-empty": 'kind: ""\napiVersion: ""\n',
    "kind-key-upper-case": "KIND: Pod\n",
    "kind-keys-in-several-cases": "KIND: Pod\nKind: Pod\nkind: Config\n",
    "kind-keys-in-several-cases-null": "KIND: Pod\nkind: null\n",
    "kind-absent": "apiVersion: v1\n",
    "version-absent": "kind: Config\n",
    "version-other": "apiVersion: v2\nkind: Config\n",
    "version-of-a-group": "apiVersion: config/v1\nkind: Config\n",
    "version-of-no-group": "apiVersion: /v1\nkind: Config\n",
    "version-number": "apiVersion: 1\n",
    "version-key-other-case": "APIVERSION: v1\nKind: Config\n",
    # Field names
    "fields-in-other-case": "Current-Context: a\nClusters: [{Name: a}]\ncontexts: [{NAME: a, Context: {}}]\n",
    "fields-unknown": (
        "colour: red\nclusters: [{name: a, rank: 1, cluster: {server: https://a, zone: [1, 2]}}]\n"
        "users: [{name: a, user: {token: t, Token: 5, exec: {command: c, stdinUnavailable: 4}}}]\n"
    ),
    "fields-twice": "current-context: a\ncurrent-context: b\n",
    "keys-of-other-types": "1: a\nyes: b\n1.5: c\ncurrent-context: d\n",
    "key-null": "null: a\n",
    "key-list": "[a]: b\n",
    "infinity-anywhere": "colour: .inf\n",
    # The lists
    "lists-null": "clusters: null\nusers: ~\ncontexts:\n",
    "lists-empty": "clusters: []\nusers: []\ncontexts: []\n",
    "list-is-map": "clusters: {}\n",
    "list-is-text": "users: a\n",
    "list-of-text": "contexts: [a]\n",
    "list-of-null": "clusters: [null]\nusers: [null]\ncontexts: [null]\n",
    "list-of-empty": "clusters: [{}]\nusers: [{}]\ncontexts: [{}]\n",
    "names-null-twice": "clusters: [{}, null]\n",
    "names-twice-clusters": "clusters: [{name: a}, {name: b}, {name: a}]\n",
    "names-twice-users": "users: [{name: a, user: {token: t}}, {name: a}]\n",
    "names-twice-contexts": "contexts: [{name: a}, {name: a}]\n",
    "name-number": "clusters: [{name: 1}]\n",
    "name-boolean": "users: [{name: no}]\n",
    "name-null": "contexts: [{name: null}]\n",
    "names-odd": (
        'contexts: [{name: "a b"}, {name: "#"}, {name: "é/@:"}, {name: "tab\\tnl\\n"}, {name: "\\0\\e"}, {name: "yes"},'
        " {name: '1'}, {name: ' '}, {name: \"\\U0001F600\"}]\n"
    ),
    "name-half-a-character": 'contexts: [{name: "\\ud800"}]\n',
    "inner-null": "clusters: [{name: a, cluster: null}]\nusers: [{name: a, user: ~}]\n",
    "inner-list": "clusters: [{name: a, cluster: []}]\n",
    "inner-text": "contexts: [{name: a, context: b}]\n",
    "current-context-number": "current-context: 1\n",
    "current-context-null": "current-context: null\n",
    "current-context-boolean": "current-context: on\n",
    # Types of fields
    "text-number": user("token: 123"),
    "text-octal": user("token: 0123"),
    "text-exponent": user("token: 1e3"),
    "text-boolean": user("password: yes"),
    "text-date": user("token: 2020-01-01, password: 12:30:45"),
    "text-null": user("token: null, username: ~, password: "),
    "text-list": user("token: [a]"),
    "text-map": cluster("server: {a: b}"),
    "text-quoted-number": user("token: '123', username: \"yes\""),
    "namespace-number": "contexts: [{name: a, context: {namespace: 1}}]\n",
    "flag-yes": cluster("insecure-skip-tls-verify: yes"),
    "flag-off": cluster("insecure-skip-tls-verify: off"),
    "flag-null": cluster("insecure-skip-tls-verify: null"),
    "flag-number": cluster("insecure-skip-tls-verify: 1"),
    "flag-text": cluster("insecure-skip-tls-verify: 'true'"),
    "flag-compression": cluster("disable-compression: 1"),
    "flag-cluster-info": user("exec: {provideClusterInfo: 'yes'}"),
    "preferences-number": "preferences: 1\n",
    "preferences-colors": "preferences: {colors: 1}\n",
    "preferences-extensions": "preferences: {extensions: [{name: 1}]}\n",
    # Base64
    "data": cluster(f"certificate-authority-data: {BINARY}"),
    "data-empty": cluster("certificate-authority-data: ''"),
    "data-null": cluster("certificate-authority-data: null"),
    "data-unpadded": cluster("certificate-authority-data: QQ"),
    "data-padded-short": cluster("certificate-authority-data: QQ="),
    "data-padding-alone": cluster("certificate-authority-data: ===="),
    "data-one-character": cluster("certificate-authority-data: Q==="),
    "data-padding-inside": cluster("certificate-authority-data: QQ==QQ=="),
    "data-padding-early": cluster("certificate-authority-data: Q=Q="),
    "data-loose-bits": cluster("certificate-authority-data: QR=="),
    "data-space": cluster("certificate-authority-data: 'QQ =='"),
    "data-line-ends": cluster('certificate-authority-data: "Q\\nQ=\\r\\n=\\n"'),
    "data-line-ends-short": cluster('certificate-authority-data: "QQ\\n\\n"'),
    "data-of-urls": cluster("certificate-authority-data: _-8="),
    "data-not-ascii": cluster("certificate-authority-data: QQé="),
    "data-number": cluster("certificate-authority-data: 1234"),
    "data-bytes": cluster("certificate-authority-data: [65, 66.0, null, 0x43]"),
    "data-bytes-large": cluster("certificate-authority-data: [65, 256]"),
    "data-bytes-negative": cluster("certificate-authority-data: [-1]"),
    "data-bytes-text": cluster("certificate-authority-data: [A]"),
    "data-bytes-boolean": cluster("certificate-authority-data: [true]"),
    "data-block": (
        "users:\n- name: a\n  user:\n    client-key-data: |\n      QUJD\n      REVG\n"
        "    client-certificate-data: >-\n      QUJDREVG\n"
    ),
    "data-folded-with-space": "users:\n- name: a\n  user:\n    client-key-data: QUJD\n      REVG\n",
    "data-unused-is-wrong": "users: [{name: a, user: {client-key-data: '?'}}, {name: b}]\n",
    # Extensions
    "extensions": cluster(
        "extensions: [{name: client.authentication.k8s.io/exec, extension: {audience: [1, {a: null}]}}, {name: b}]"
    ),
    "extensions-null": cluster("extensions: [null, {name: a}, {name: a, extension: 1}]"),
    "extensions-twice": cluster("extensions: [{name: a, extension: 1}, {name: a, extension: 2}]"),
    "extensions-twice-then-null": cluster("extensions: [{name: a, extension: 1}, {name: a}]"),
    "extensions-twice-null-first": cluster(
        "extensions: [{name: client.authentication.k8s.io/exec},"
        " {name: client.authentication.k8s.io/exec, extension: 1}]"
    ),
    "extensions-map": cluster("extensions: {a: b}"),
    "extensions-name-number": user("extensions: [{name: 2}]"),
    "extensions-of-the-file": "extensions: [{name: a, extension: 1}, {name: a, extension: 2}]\n",
    # Users
    "as": user("as: a, as-uid: b, as-groups: [c, null], as-user-extra: {d: [e, f], 1: [g], true: null}"),
    "as-groups-text": user("as-groups: a"),
    "as-groups-number": user("as-groups: [1]"),
    "as-extra-text": user("as-user-extra: {a: b}"),
    "as-extra-list": user("as-user-extra: [a]"),
    "exec": user(
        "exec: {apiVersion: client.authentication.k8s.io/v1, command: a, args: [b, null], installHint: c,"
        " env: [{name: d, value: e}, null, {name: f}], provideClusterInfo: true, interactiveMode: Always}"
    ),
    "exec-null": user("exec: null, auth-provider: null"),
    "exec-empty": user("exec: {}, auth-provider: {}"),
    "exec-text": user("exec: a"),
    "exec-mode-default-v1": user("exec: {apiVersion: client.authentication.k8s.io/v1}"),
    "exec-mode-default-v1beta1": user("exec: {apiVersion: client.authentication.k8s.io/v1beta1}"),
    "exec-mode-default-v1alpha1": user("exec: {apiVersion: client.authentication.k8s.io/v1alpha1}"),
    "exec-mode-unknown": user("exec: {interactiveMode: Sometimes}"),
    "exec-args-text": user("exec: {args: a}"),
    "exec-args-number": user("exec: {args: [--port, 80]}"),
    "exec-env-map": user("exec: {env: {a: b}}"),
    "exec-env-value-number": user("exec: {env: [{name: a, value: 1}]}"),
    "exec-commands": (
        "users:\n"
        "- {name: bare, user: {exec: {command: plugin}}}\n"
        "- {name: below, user: {exec: {command: bin/plugin}}}\n"
        "- {name: dot, user: {exec: {command: ./plugin}}}\n"
        "- {name: absolute, user: {exec: {command: /usr//bin/../plugin}}}\n"
    ),
    "auth-provider": user("auth-provider: {name: oidc, config: {a: b, c: null, 1: d, yes: e, 1e3: f}}"),
    "auth-provider-config-number": user("auth-provider: {name: oidc, config: {a: 1}}"),
    "auth-provider-config-list": user("auth-provider: {name: oidc, config: []}"),
    "paths": (
        "clusters: [{name: a, cluster: {certificate-authority: ./x/../ca.crt}}]\n"
        "users: [{name: a, user: {client-certificate: a//b, client-key: /c/d, tokenFile: 'e f'}}]\n"
    ),
    # YAML
    "anchors": (
        "clusters:\n- name: a\n  cluster: &c {server: https://a}\n- name: b\n  cluster: *c\n"
        "- name: c\n  cluster: {<<: *c, proxy-url: http://p}\n"
    ),
    "anchor-unknown": "clusters: *c\n",
    "two-documents": "current-context: a\n---\ncurrent-context: b\n",
    "two-documents-second-broken": "current-context: a\n---\n[\n",
    "tab": "clusters:\n\t- name: a\n",
    "at-sign": "current-context: @a\n",
    "unclosed": "clusters: [{name: a\n",
    "crlf": "clusters:\r\n- name: a\r\n  cluster:\r\n    server: https://a\r\n",
    "tags": "current-context: !!str 1\nclusters: !foo [{name: !!str yes}]\n",
    "tag-impossible": "current-context: !!int a\n",
    "json-tabs": '{\n\t"current-context": "a",\n\t"clusters": [{"name": "b\\u00e9\\/"}]\n}\n',
}


def files():
    """Return what `kubectl config view` is given: the files that tools wrote, and those above."""
    written = {path.name: path.read_bytes() for path in sorted(DATA.iterdir()) if path.is_file()}
    written.pop("kubectl.json")
    return {
        **written,
        **{name: text if isinstance(text, bytes) else text.encode() for name, text in FILES.items()},
    }
