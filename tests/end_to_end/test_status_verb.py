"""`kubectl kaito status`: the workspaces and whether they can answer."""

from __future__ import annotations

import json
import re

import pytest

from tests.cluster import (
    Cluster,
    Raw,
    Refusal,
    condition,
    inference_set,
    pod,
    replica_of,
    service,
    waiting,
    workspace,
)
from tests.tools.watches import wait_for_watch

from . import NAME


def aged(text):
    """`text` with its ages replaced, and single spaces between its columns."""
    return re.sub(r" {2,}", "  ", re.sub(r"\b\d+[smhdy]\w*", "AGE", text))


@pytest.fixture(autouse=True)
def others(cluster):
    cluster.add(
        workspace("gemma", preset="google/gemma-3-4b-it", ready=False),
        workspace("own", preset=None, template={"spec": {}}, instance_type=""),
        workspace("tuning", tuning={"method": "qlora"}),
        workspace("llama", "models", preset="llama-3.1-8b-instruct", ready=None, adapters=("sql", "poems")),
    )


class TestTable:
    def test_of_a_namespace(self, run_kaito):
        result = run_kaito("status")
        assert (result.code, result.err) == (0, "")
        assert aged(result.out).splitlines() == [
            "NAME  MODEL  INSTANCE  READY  AGE",
            "gemma  google/gemma-3-4b-it  Standard_NC24ads_A100_v4  False  AGE",
            "own  (custom)  -  True  AGE",
            f"{NAME}  phi-3.5-mini-instruct  Standard_NC24ads_A100_v4  True  AGE",
            "tuning  (tuning)  Standard_NC24ads_A100_v4  Unknown  AGE",
        ]

    @pytest.mark.parametrize("flag", ["-A", "--all-namespaces"])
    def test_of_all_namespaces(self, run_kaito, flag):
        lines = aged(run_kaito("status", flag).out).splitlines()
        assert lines[0] == "NAMESPACE  NAME  MODEL  INSTANCE  READY  AGE"
        assert [line.split("  ")[:2] for line in lines[1:]] == [
            ["default", "gemma"],
            ["default", "own"],
            ["default", NAME],
            ["default", "tuning"],
            ["models", "llama"],
        ]

    def test_of_another_namespace(self, run_kaito):
        assert "llama-3.1-8b-instruct" in run_kaito("status", "-n", "models").out
        assert run_kaito("status", "-n", "empty") == (0, "", "No workspaces found in namespace empty.\n")

    def test_as_json(self, run_kaito):
        result = run_kaito("status", "-o", "json")
        assert [one["metadata"]["name"] for one in json.loads(result.out)["items"]] == ["gemma", "own", NAME, "tuning"]
        assert json.loads(run_kaito("status", "-o", "json", "-n", "empty").out)["items"] == []

    def test_an_old_cluster(self, run_kaito, tmp_path):
        with Cluster(versions=("v1alpha1",)) as old:
            old.add(workspace("old", version="v1alpha1"))
            result = run_kaito("status", env={"KUBECONFIG": old.write_kubeconfig(tmp_path / "old")})
        assert "old  phi-3.5-mini-instruct" in aged(result.out)


class TestOne:
    def test_in_detail(self, cluster, run_kaito):
        unschedulable = condition("PodScheduled", False, "Unschedulable", "no node has a GPU")
        cluster.add(
            pod("gemma-0", labels={"kaito.sh/workspace": "gemma"}, phase="Pending", conditions=[unschedulable]),
            pod("gemma-1", labels={"kaito.sh/workspace": "gemma"}, containers=[waiting("ErrImagePull", "no image")]),
        )
        result = run_kaito("status", "--workspace-name", "gemma")
        assert (result.code, result.err) == (0, "")
        assert aged(result.out) == (
            "Name:  gemma\n"
            "Namespace:  default\n"
            "Model:  google/gemma-3-4b-it\n"
            "Adapters:  -\n"
            "Instance:  Standard_NC24ads_A100_v4\n"
            "Ready:  False\n"
            "State:  Pending\n"
            "Age:  AGE\n"
            "\n"
            "TYPE  STATUS  REASON  AGE  MESSAGE\n"
            "ResourceReady  False  NodeClaimNotReady  AGE  nodeClaim ws1234 is not ready: InsufficientCapacity\n"
            "InferenceReady  False  WorkspaceInferencePending  AGE  workload is not ready\n"
            "\n"
            "pod gemma-0: Pending: Unschedulable: no node has a GPU\n"
            "pod gemma-1: ErrImagePull: no image\n"
        )

    def test_adapters(self, run_kaito):
        assert "Adapters:   sql, poems\n" in run_kaito("status", "--workspace-name", "llama", "-n", "models").out

    def test_as_json(self, run_kaito):
        document = json.loads(run_kaito("status", "--workspace-name", NAME, "-o", "json").out)
        assert (document["kind"], document["metadata"]["name"]) == ("Workspace", NAME)

    def test_an_inference_set_is_its_workspaces(self, cluster, run_kaito):
        cluster.add(inference_set("phi-set"), workspace("phi-set-0", labels=replica_of("phi-set")))
        lines = aged(run_kaito("status", "--workspace-name", "phi-set").out).splitlines()
        assert lines[1:] == ["phi-set-0  phi-3.5-mini-instruct  Standard_NC24ads_A100_v4  True  AGE"]

    def test_a_wrong_name(self, run_kaito):
        result = run_kaito("status", "--workspace-name", "gema")
        assert (result.code, result.out) == (4, "")
        assert result.err.startswith('error: workspace "gema" not found in namespace "default"\nthere is: gemma')

    def test_a_terminal_is_only_written_to(self, cluster, run_kaito):
        cluster.add(workspace("evil", preset="\x1b[2J\x1b]0;x\x07"))
        assert "\x1b" not in run_kaito("status").out


class TestWatch:
    def test_it_is_shown_again_at_each_change(self, cluster, start_kaito):
        process = start_kaito("status", "--watch")
        assert read_table(process)[2].startswith("own ")
        wait_for_watch(cluster)
        cluster.add(workspace("own", ready=False))
        assert process.stdout.readline() == b"\n"
        assert "False" in read_table(process)[2]

    def test_what_is_not_shown_is_no_change(self, cluster, start_kaito):
        process = start_kaito("status", "-w")
        read_table(process)
        wait_for_watch(cluster)
        cluster.add(workspace("own", preset=None, template={"spec": {}}, instance_type="", annotations={"a": "b"}))
        wait_for_watch(cluster, 2)
        cluster.add(workspace("own", ready=False))
        assert process.stdout.readline() == b"\n"
        assert "False" in read_table(process)[2]
        assert len(cluster.requests) <= 11

    def test_a_list_s_revision_alone_is_no_change(self, cluster, start_kaito):
        """It changes with every object of the cluster, and whenever a watch begins again."""
        event = b'{"type":"MODIFIED","object":{}}\n'
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(event)}\r\n\r\n"
        cluster.on("watch=true", Raw(head.encode() + event, then=None), times=1)
        process = start_kaito("status", "--watch", "-o", "json")
        wait_for_watch(cluster)
        cluster.add(service("any"))
        wait_for_watch(cluster, 2)
        cluster.add(workspace("own", ready=False))
        wait_for_watch(cluster, 3)
        process.terminate()
        assert process.communicate(timeout=10)[0].count(b'"kind": "WorkspaceList"') == 2

    def test_one(self, cluster, start_kaito):
        process = start_kaito("status", "--workspace-name", NAME, "--watch", "-o", "json")
        watch = wait_for_watch(cluster)
        assert f"watch=true&fieldSelector=metadata.name%3D{NAME}&resourceVersion=" in watch.target
        cluster.add(workspace(NAME, ready=False))
        wait_for_watch(cluster, 2)
        cluster.remove("workspaces", NAME)
        out, err = process.communicate(timeout=10)
        assert process.returncode == 4
        assert out.count(b'"kind": "Workspace"') == 2
        assert b"not found" in err

    def test_an_object_that_has_not_changed_for_long(self, cluster, start_kaito):
        """The watch starts at the list's revision, because the object's own may be too old."""
        cluster.add(service("later"), service("still-later"))
        start_kaito("status", "--workspace-name", "own", "--watch")
        revision = re.search(r"resourceVersion=(\d+)", wait_for_watch(cluster).target).group(1)
        newest = service("newest")
        cluster.add(newest)
        assert int(newest["metadata"]["resourceVersion"]) == int(revision) + 1

    def test_an_api_server_that_is_away_is_waited_for(self, cluster, start_kaito):
        process = start_kaito("status", "--watch")
        read_table(process)
        wait_for_watch(cluster)
        cluster.on("/apis/kaito.sh/", Refusal(503), times=2)
        cluster.add(workspace("own", ready=False))
        assert b" answers 503" in process.stderr.readline()
        assert process.stderr.readline() == b"trying again until it answers; Ctrl-C ends it\n"
        assert process.stdout.readline() == b"\n"
        assert "False" in read_table(process)[2]
        process.terminate()
        assert process.communicate(timeout=10) == (b"", b""), "it is reported once"

    def test_ctrl_c(self, terminal):
        screen = terminal("status", "--watch", columns=200)
        screen.expect("tuning ")
        screen.settle()
        screen.interrupt()
        assert screen.wait() == 130
        assert "Traceback" not in screen.text


def read_table(process):
    """Return the five lines of the namespace's table."""
    return [process.stdout.readline().decode() for _ in range(5)]


class TestRefusals:
    @pytest.mark.parametrize(
        ("argv", "words", "check"),
        [
            pytest.param(
                (), 'list workspaces in namespace "default"', "list workspaces.kaito.sh -n default", id="list"
            ),
            pytest.param(("-A",), "list workspaces in all namespaces", "list workspaces.kaito.sh -A", id="all"),
            pytest.param(
                ("--workspace-name", NAME),
                'get workspaces in namespace "default"',
                "get workspaces.kaito.sh -n default",
                id="one",
            ),
        ],
    )
    def test_no_right(self, cluster, run_kaito, argv, words, check):
        cluster.grant()
        result = run_kaito("status", *argv)
        assert result == (3, "", f"error: you may not {words}\ncheck with: kubectl auth can-i {check}\n")
        result = run_kaito("status", *argv, "--as", "jane doe")
        assert result.err.endswith(f"\ncheck with: kubectl auth can-i {check} --as 'jane doe'\n")

    def test_no_kaito(self, run_kaito, tmp_path):
        with Cluster(versions=()) as cluster:
            result = run_kaito("status", env={"KUBECONFIG": cluster.write_kubeconfig(tmp_path / "own")})
        assert (result.code, result.out) == (4, "")
        assert "no KAITO in the cluster" in result.err
