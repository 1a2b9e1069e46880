"""The snippets of docs/ci.md: each command line there is run on the stand-in cluster."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kaito.yaml import load as yaml
from tests.cluster import NO_ENDPOINTS, REFUSED, Cluster, Server, service, workspace
from tests.cluster.process import ROOT, environment, program, run
from tests.tools.names import Names
from tests.tools.network import Network, why_not

NAME = "phi-3-5-mini"
CLUSTER_IP = "10.96.40.41"
RESOLVER = "nameserver 127.0.0.1\nsearch models.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n"

needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl")


def section(title):
    """Return a section of docs/ci.md."""
    with open(os.path.join(ROOT, "docs", "ci.md"), encoding="utf-8") as file:
        text = f"\n{file.read()}\n## "
    return re.search(rf"\n#+ {re.escape(title)}\n(.*?)(?=\n## )", text, re.DOTALL).group(1)


def blocks(title, language):
    """Return the fenced blocks of a section in that language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", section(title), re.DOTALL | re.MULTILINE)


def documents(text):
    """Return the YAML documents in a block; each must be valid."""
    return [yaml.load(document) for document in re.split(r"^---$", text, flags=re.MULTILINE)]


def by_kind():
    """Return the manifests of the Job's section."""
    manifests = documents(blocks("A Job in an air-gapped cluster", "yaml")[0])
    return {manifest["kind"]: manifest for manifest in manifests}


@pytest.fixture(scope="session")
def plugin(tmp_path_factory):
    """A folder for PATH that holds a program named kubectl-kaito."""
    folder = tmp_path_factory.mktemp("bin")
    words = " ".join(f'"{word}"' for word in program())
    (folder / "kubectl-kaito").write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    (folder / "kubectl-kaito").chmod(0o755)
    return str(folder)


@pytest.fixture
def script(kubeconfig, home, plugin, tmp_path):
    """Run a script as a runner does: script("kubectl kaito …", WORKSPACE="x") -> CompletedProcess."""

    def run_script(text, stdin=None, shell=("bash", "-e", "-c"), **env):
        path = os.pathsep.join([plugin, os.environ["PATH"]])
        return subprocess.run(
            [*shell, text],
            env=environment(home, {"KUBECONFIG": kubeconfig, "PATH": path, **env}),
            cwd=tmp_path,
            input=stdin or "",
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run_script


def says_ok(path):
    (record,) = json.loads(Path(path).read_text())
    return record["response"] == "OK"


@needs_kubectl
class TestCommandLines:
    def test_the_first_one(self, cluster, script):
        (command,) = re.findall(r"^kubectl kaito .*", section("Scripts and CI"), re.MULTILINE)
        assert_ran(script(command), "OK\n")
        cluster.model.reply("no")
        assert script(command).returncode == 6

    def test_a_pipe_beside_a_message(self, cluster, script):
        (command,) = blocks("What is asked", "bash")
        cluster.model.reply("Nothing.")
        result = script(command.replace("kubectl logs my-pod", "echo 'all fine'"))
        assert (result.returncode, result.stdout) == (0, "Nothing.\n")
        assert cluster.model.chats[0].json["messages"][0]["content"] == "What went wrong?\n\nall fine\n"

    def test_jq(self, script):
        """The input of jq counts; jq itself may not be installed."""
        (command,) = blocks("What comes back", "bash")
        head, _, filter_ = command.partition(" | ")
        assert filter_ == "jq -r '.[].response'\n"
        assert json.loads(script(head).stdout)[0]["response"] == "OK"
        if shutil.which("jq"):
            assert_ran(script(command), "OK\n")

    def test_github_actions(self, cluster, script, tmp_path):
        ((step,),) = documents(blocks("GitHub Actions", "yaml")[0])
        assert_ran(script(step["run"], **step["env"]), "")
        assert says_ok(tmp_path / "answer.json")
        cluster.model.reply("no")
        assert script(step["run"], **step["env"]).returncode == 6
        assert set(step) == {"name", "env", "run"}

    def test_gitlab(self, cluster, script, tmp_path):
        (document,) = documents(blocks("GitLab", "yaml")[0])
        (job,) = document.values()
        assert_ran(script("\n".join(job["script"]), **job["variables"]), "")
        assert [says_ok(tmp_path / path) for path in job["artifacts"]["paths"]] == [True]
        cluster.model.reply("no")
        assert script("\n".join(job["script"]), **job["variables"]).returncode == 6
        assert not says_ok(tmp_path / "answer.json"), "an artifact of the failure too"

    def test_several_workspaces(self, cluster, script):
        (command,) = blocks("Several workspaces", "bash")
        names = [f"model-{number}" for number in range(4)]
        for name in names:
            cluster.add(workspace(name, "models"), service(name, "models"))
        result = script(command)
        assert (result.returncode, result.stderr) == (0, "")
        records = [json.loads(line) for line in result.stdout.splitlines()]
        asked = sorted(re.search(r"/services/([^:/]+):80/", record["endpoint"]["url"]).group(1) for record in records)
        assert asked == names
        assert all(record["response"] == "OK" for record in records)
        cluster.route("model-3", NO_ENDPOINTS, "models")
        result = script(command.replace(" -q ", " -q --retry-timeout 0 "))
        assert result.returncode == 123
        failed = [record for record in map(json.loads, result.stdout.splitlines()) if "error" in record]
        assert [record["error"]["exit_code"] for record in failed] == [4]


def assert_ran(result, out):
    assert (result.returncode, result.stdout, result.stderr) == (0, out, "")


class TestJob:
    @needs_kubectl
    def test_the_config_map_holds_the_file(self, script, zipapp, tmp_path):
        command = blocks("A Job in an air-gapped cluster", "bash")[0].strip()
        (tmp_path / "dist").mkdir()
        shutil.copy(zipapp, tmp_path / "dist" / "kubectl-kaito")
        result = script(f"{command} --dry-run=client -o json")
        assert result.returncode == 0, result.stderr
        made = json.loads(result.stdout)
        volume = by_kind()["Job"]["spec"]["template"]["spec"]["volumes"][0]
        assert made["metadata"]["name"] == volume["configMap"]["name"]
        (encoded,) = made["binaryData"].values()
        assert list(made["binaryData"]) == ["kubectl-kaito"]
        content = base64.b64decode(encoded)
        assert content == Path(zipapp).read_bytes()
        assert len(content) < 1 << 20, "what a ConfigMap may hold"

    def test_the_manifests_belong_together(self):
        kinds = by_kind()
        assert list(kinds) == ["ServiceAccount", "Role", "RoleBinding", "Job"]
        names = {(kind["metadata"]["name"], kind["metadata"]["namespace"]) for kind in kinds.values()}
        assert names == {("kaito-smoke", "models")}
        pod = kinds["Job"]["spec"]["template"]["spec"]
        assert pod["serviceAccountName"] == kinds["RoleBinding"]["subjects"][0]["name"] == "kaito-smoke"
        assert kinds["RoleBinding"]["roleRef"]["name"] == "kaito-smoke"
        (container,) = pod["containers"]
        assert container["image"] == "python:3-slim"
        (mount,) = container["volumeMounts"]
        assert mount["name"] == pod["volumes"][0]["name"]
        assert container["command"] == ["python3", f"{mount['mountPath']}/kubectl-kaito"]

    def job(self, zipapp, folder):
        """Return the container's words for a file as the kubelet mounts it: through links, and not executable."""
        data = folder / "mount" / "..2026_11_22"
        data.mkdir(parents=True)
        shutil.copyfile(zipapp, data / "kubectl-kaito")
        (data / "kubectl-kaito").chmod(0o644)
        (folder / "mount" / "..data").symlink_to(data.name)
        (folder / "mount" / "kubectl-kaito").symlink_to("..data/kubectl-kaito")
        (container,) = by_kind()["Job"]["spec"]["template"]["spec"]["containers"]
        command, path = container["command"]
        assert command == "python3"
        mounted = path.replace(container["volumeMounts"][0]["mountPath"], str(folder / "mount"))
        return [sys.executable, mounted], container["args"]

    def rights(self, *more):
        """Return the Role's rules in the stand-in's form."""
        rules = [*by_kind()["Role"]["rules"], *more]
        return [
            (verb, resource, name)
            for rule in rules
            for verb in rule["verbs"]
            for resource in rule["resources"]
            for name in rule["resourceNames"]
        ]

    @pytest.fixture
    def models(self, cluster, tmp_path):
        """The environment of a client outside of the cluster, with a workspace in the Job's namespace."""
        cluster.add(workspace(NAME, "models"), service(NAME, "models"))
        return {"KUBECONFIG": cluster.write_kubeconfig(tmp_path / "models", namespace="models")}

    def test_the_role_is_enough_for_the_proxy(self, cluster, models, zipapp, tmp_path):
        command, args = self.job(zipapp, tmp_path)
        cluster.grant(*self.rights())
        result = run(args, None, models, command=command)
        assert (result.code, result.out) == (0, "OK\n")
        assert len(cluster.model.chats) == 1

    def test_and_no_right_is_not(self, cluster, models, zipapp, tmp_path):
        command, args = self.job(zipapp, tmp_path)
        cluster.grant()
        assert run(args, None, models, command=command).code == 3

    def test_with_the_further_rules_a_workspace_that_is_not_ready_is_explained(self, cluster, models, zipapp, tmp_path):
        command, args = self.job(zipapp, tmp_path)
        further = yaml.load(blocks("A Job in an air-gapped cluster", "yaml")[1])
        cluster.grant(*self.rights(*further))
        cluster.add(workspace(NAME, "models", ready=False))
        cluster.route(NAME, REFUSED, "models")
        result = run(args, None, models, command=command)
        assert result.code == 4
        assert "InferenceReady" in result.err

    @pytest.mark.skipif(bool(why_not()), reason=f"needs a network namespace: {why_not()}")
    def test_in_a_pod_without_any_right(self, zipapp, tmp_path):
        """The pod has DNS and the folder of its service account, and nothing else, not even a home."""
        command, args = self.job(zipapp, tmp_path)
        account = tmp_path / "serviceaccount"
        account.mkdir()
        (account / "token").write_text(Cluster.token)
        (account / "namespace").write_text("models")
        with Network(tmp_path, [f"{CLUSTER_IP}/32"], account, RESOLVER) as network, network.inside(Cluster) as cluster:
            shutil.copy(cluster.ca_file, account / "ca.crt")
            dns = network.inside(lambda: Names({f"{NAME}.models.svc.cluster.local": CLUSTER_IP}))
            served = network.inside(lambda: Server(cluster.model.handle, CLUSTER_IP, port=80))
            cluster.grant()
            pod = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": cluster.server.port, "HOME": None}
            inside = network.command[: -len(program())]
            result = run(args, None, pod, command=[*inside, *command])
            served.stop()
            dns.close()
            assert (result.code, result.out) == (0, "OK\n")
            assert cluster.model.requests[-1].headers["host"] == f"{NAME}.models.svc"
            assert not any("/proxy" in request.target for request in cluster.requests)
