"""The real kubectl as the judge of kubeconfigs: how it reads a file, and what it then sends to a server.

What it said is kept in tests/data/kubeconfigs/kubectl.json, which stands in where there is no kubectl.
`python -m tests.kube.kubeconfig.kubectl` asks it anew and rewrites that file.
"""

from __future__ import annotations

import http.server
import json
import os
import re
import shutil
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable

from tests.kube.kubeconfig import cases

DATA = Path(__file__).parents[2] / "data" / "kubeconfigs"
TLS = DATA / "tls"
RECORDS = DATA / "kubectl.json"
KUBECTL = shutil.which("kubectl")


class Recorder(http.server.ThreadingHTTPServer):
    """A server on 127.0.0.1 that answers every GET with {} and keeps what was asked in `seen`.

    Each request is a dict of scheme, path, authorization, impersonate (sorted header pairs), certificate (the
    client's common name) and server_name (SNI); what was not sent is "" or [].
    """

    daemon_threads = True

    def __init__(self, scheme: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.scheme = scheme
        self.seen: list[dict[str, Any]] = []
        if scheme == "https":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(TLS / "server.crt", TLS / "server.key")
            context.load_verify_locations(TLS / "ca.crt")
            context.verify_mode = ssl.CERT_OPTIONAL
            context.sni_callback = lambda connection, name, _: setattr(connection, "asked_name", name or "")
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is no news."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Recorder

    def do_GET(self) -> None:
        connection: Any = self.connection
        certificate = connection.getpeercert() if self.server.scheme == "https" else None
        subject = dict(pair for part in certificate["subject"] for pair in part) if certificate else {}
        self.server.seen.append(
            {
                "scheme": self.server.scheme,
                "path": self.path,
                "authorization": self.headers.get("Authorization", ""),
                "impersonate": sorted(
                    [name.lower(), value]
                    for name, value in self.headers.items()
                    if name.lower().startswith("impersonate-")
                ),
                "certificate": subject.get("commonName", ""),
                "server_name": getattr(connection, "asked_name", ""),
            }
        )
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Say nothing: the tests look at `seen`."""


def run(arguments: Iterable[str], environ: dict[str, str], folder: Path, prefix: Iterable[str] = ()) -> Any:
    """kubectl with exactly this environment, without input, in `folder`."""
    return subprocess.run(
        [*prefix, str(KUBECTL), f"--cache-dir={folder / 'cache'}", *arguments],
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **environ},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
    )


def view(files: Iterable[str], folder: Path) -> dict[str, Any] | None:
    """How kubectl reads these files, merged and normalised; None if it refuses one of them."""
    done = run(["config", "view", "--raw", "-o", "json"], {"KUBECONFIG": ":".join(files)}, folder)
    return None if done.returncode else normalised(json.loads(done.stdout))


def refused(files: Iterable[str], folder: Path) -> set[str]:
    """Those of the files that kubectl refuses: it names them all in one go."""
    done = run(["config", "view", "--raw", "-o", "json"], {"KUBECONFIG": ":".join(files)}, folder)
    return set(re.findall(r'error loading config file "([^"]*)": ', done.stderr))


def normalised(document: dict[str, Any]) -> dict[str, Any]:
    """A kubeconfig's JSON as {list: {name: fields}}: what this project reads of it, without what is empty."""
    shown: dict[str, Any] = {"current-context": document["current-context"]}
    for listed, inner in (("clusters", "cluster"), ("users", "user"), ("contexts", "context")):
        shown[listed] = {item["name"]: item[inner] for item in document[listed] or ()}
        for fields in shown[listed].values():
            plain_paths(fields)
            extensions = {item["name"]: item["extension"] for item in fields.pop("extensions", ())}
            if inner == "cluster":
                fields["exec-extension"] = extensions.get("client.authentication.k8s.io/exec")
    return filled(shown)


def plain_paths(fields: dict[str, Any]) -> None:
    """Write relative paths without detours: kubectl shows them as they are in the file."""
    for name in ("certificate-authority", "client-certificate", "client-key", "tokenFile"):
        if fields.get(name) and not fields[name].startswith("/"):
            fields[name] = os.path.normpath(fields[name])
    command = fields.get("exec", {}).get("command", "")
    if "/" in command and not command.startswith("/"):
        fields["exec"]["command"] = os.path.normpath(command)


def filled(value: Any) -> Any:
    """Without the members that are empty, all the way down; only exec and auth-provider may be empty maps."""
    if isinstance(value, list):
        return [filled(item) for item in value]
    if not isinstance(value, dict):
        return value
    members = {key: filled(item) for key, item in value.items()}
    return {
        key: item
        for key, item in members.items()
        if item not in (None, "", False, [], {}) or (item == {} and key in ("exec", "auth-provider"))
    }


def use(case: cases.Use, folder: Path) -> dict[str, Any] | None:
    """What kubectl sends for a case; {} if it does not trust the server; None if it refuses to try.

    It also refuses, here, where it asks for a password: there is nobody to type one.
    """
    with Recorder("https") as secure, Recorder("http") as plain:
        arguments, environ = case.lay_out(folder, secure.address, plain.address)
        prefix = cases.pod_prefix(folder) if case.service_account else ()
        try:
            done = run([*arguments, *case.command], environ, folder, prefix)
        except subprocess.TimeoutExpired:
            # Where kubectl turns to localhost:8080, a server that is no business of ours can keep it waiting.
            return None
        if "x509:" in done.stderr:
            return {}
        # gcloud's kubectl asks for the version beforehand, with a timeout of 5 s and without some of the flags.
        seen = [request for request in secure.seen + plain.seen if "?timeout=5s" not in request["path"]]
        return {**seen[-1], "path": seen[-1]["path"].partition("?")[0]} if seen else None


def ask_all(ask: Callable[[Any, Path], Any], named: dict[str, Any]) -> dict[str, Any]:
    """`ask` about every case, each in a folder of its own, as many at a time as there are processors."""

    def ask_one(item: tuple[str, Any]) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            return ask(item[1], Path(folder))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(named, pool.map(ask_one, named.items())))


def view_file(source: bytes, folder: Path) -> dict[str, Any] | None:
    (folder / "config").write_bytes(source)
    return view(["config"], folder)


if __name__ == "__main__":
    RECORDS.write_text(
        json.dumps(
            {"files": ask_all(view_file, cases.files()), "uses": ask_all(use, cases.uses())},
            indent=1,
            sort_keys=True,
        )
        + "\n"
    )
