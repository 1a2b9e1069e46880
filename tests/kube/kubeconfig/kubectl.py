"""The real kubectl as the reference for kubeconfigs: how it reads a file, and what it then sends to a server.

Its results are kept in tests/data/kubeconfigs/kubectl.json, for machines without kubectl.
`python -m tests.kube.kubeconfig.kubectl` runs it again and rewrites that file.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.kube.kubeconfig import cases
from tests.kube.oracle import KUBECTL
from tests.kube.recording import RecordingServer

DATA = Path(__file__).parents[2] / "data" / "kubeconfigs"
TLS = DATA / "tls"
RECORDS = DATA / "kubectl.json"


class Recorder(RecordingServer):
    """Answers every GET with {} and keeps what was asked in `seen`, as a dict for a file of JSON.

    `impersonate`: sorted header pairs; what was not sent is "" or [].
    """

    def __init__(self, scheme):
        super().__init__(scheme, TLS)

    def record(self, request):
        return {
            "scheme": request.scheme,
            "path": request.path,
            "authorization": dict(request.headers).get("authorization", ""),
            "impersonate": sorted(list(item) for item in request.headers if item[0].startswith("impersonate-")),
            "certificate": request.common_name,
            "server_name": request.server_name,
        }


def run(arguments, environ, folder, prefix=()):
    """Run kubectl in `folder` with exactly this environment and without input."""
    return subprocess.run(
        [*prefix, str(KUBECTL), f"--cache-dir={folder / 'cache'}", *arguments],
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **environ},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
    )


def view(files, folder):
    """Return how kubectl reads these files, merged and normalised, or None if it refuses one of them."""
    done = run(["config", "view", "--raw", "-o", "json"], {"KUBECONFIG": ":".join(files)}, folder)
    return None if done.returncode else normalised(json.loads(done.stdout))


def refused(files, folder):
    """Return those of the files that kubectl refuses. It names all of them in one run."""
    done = run(["config", "view", "--raw", "-o", "json"], {"KUBECONFIG": ":".join(files)}, folder)
    return set(re.findall(r'error loading config file "([^"]*)": ', done.stderr))


def normalised(document):
    """Return a kubeconfig's JSON as {list: {name: fields}}: what this project reads of it, without empty values."""
    shown = {"current-context": document["current-context"]}
    for listed, inner in (("clusters", "cluster"), ("users", "user"), ("contexts", "context")):
        shown[listed] = {item["name"]: item[inner] for item in document[listed] or ()}
        for fields in shown[listed].values():
            plain_paths(fields)
            extensions = {item["name"]: item["extension"] for item in fields.pop("extensions", ())}
            if inner == "cluster":
                fields["exec-extension"] = extensions.get("client.authentication.k8s.io/exec")
    return filled(shown)


def plain_paths(fields):
    """Write relative paths without detours: kubectl shows them as they are in the file."""
    for name in ("certificate-authority", "client-certificate", "client-key", "tokenFile"):
        if fields.get(name) and not fields[name].startswith("/"):
            fields[name] = os.path.normpath(fields[name])
    command = fields.get("exec", {}).get("command", "")
    if "/" in command and not command.startswith("/"):
        fields["exec"]["command"] = os.path.normpath(command)


def filled(value):
    """Return the value without empty members at any depth; only exec and auth-provider may be empty maps."""
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


def use(case, folder):
    """Return what kubectl sends for a case, {} if it does not trust the server, None if it refuses to try.

    Where it asks for a password, it refuses as well: its stdin is empty.
    """
    with Recorder("https") as secure, Recorder("http") as plain:
        arguments, environ = case.lay_out(folder, secure.address, plain.address)
        prefix = cases.pod_prefix(folder) if case.service_account else ()
        try:
            done = run([*arguments, *case.command], environ, folder, prefix)
        except subprocess.TimeoutExpired:
            # Where kubectl falls back to localhost:8080, an unrelated server there can keep it waiting.
            return None
        if "x509:" in done.stderr:
            return {}
        # gcloud's kubectl asks for the version beforehand, with a timeout of 5 s and without some of the flags.
        seen = [request for request in secure.seen + plain.seen if "?timeout=5s" not in request["path"]]
        return {**seen[-1], "path": seen[-1]["path"].partition("?")[0]} if seen else None


def ask_all(ask, named):
    """Call `ask` for every case, each in a folder of its own, as many at a time as there are processors."""

    def ask_one(item):
        with tempfile.TemporaryDirectory() as folder:
            return ask(item[1], Path(folder))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(named, pool.map(ask_one, named.items())))


def view_file(source, folder):
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
