"""`kubectl kaito status`: the workspaces and whether they can answer."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from tests.cluster import (
    Cluster,
    Raw,
    Refusal,
    condition,
    inference_set,
    pod,
    rag_engine,
    replica_of,
    service,
    waiting,
    workspace,
)
from tests.tools.watches import wait_for_watch

from . import NAME

needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl")


def aged(text):
    """`text` with its ages replaced, and single spaces between its columns."""
    return re.sub(r" {2,}", "  ", re.sub(r"\b\d+[smhdy]\w*", "AGE", text))


def performance(value):
    """Return a benchmark's result as a workspace's status has it."""
    return {"metrics": {"peakTokensPerMinute": {"value": value, "unit": "tokens/min"}}}


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
            "NAME  KIND  MODEL  INSTANCE  NODES  READY  AGE",
            "gemma  Workspace  google/gemma-3-4b-it  Standard_NC24ads_A100_v4  -  False  AGE",
            "own  Workspace  (custom)  -  -  True  AGE",
            f"{NAME}  Workspace  phi-3.5-mini-instruct  Standard_NC24ads_A100_v4  -  True  AGE",
            "tuning  Workspace  (tuning)  Standard_NC24ads_A100_v4  -  Unknown  AGE",
        ]

    @pytest.mark.parametrize("flag", ["-A", "--all-namespaces"])
    def test_of_all_namespaces(self, run_kaito, flag):
        lines = aged(run_kaito("status", flag).out).splitlines()
        assert lines[0] == "NAMESPACE  NAME  KIND  MODEL  INSTANCE  NODES  READY  AGE"
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
        assert "old  Workspace  phi-3.5-mini-instruct" in aged(result.out)


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
            "Kind:  Workspace\n"
            "Model:  google/gemma-3-4b-it\n"
            "Adapters:  -\n"
            "Runtime:  vllm\n"
            "Instance:  Standard_NC24ads_A100_v4\n"
            "Nodes:  -\n"
            "Ready:  False\n"
            "Reason:  InsufficientCapacity, nodeClaim ws1234\n"
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
        assert "Adapters:    sql, poems\n" in run_kaito("status", "--workspace-name", "llama", "-n", "models").out

    def test_as_json(self, run_kaito):
        document = json.loads(run_kaito("status", "--workspace-name", NAME, "-o", "json").out)
        assert (document["kind"], document["metadata"]["name"]) == ("Workspace", NAME)

    def test_a_wrong_name(self, run_kaito):
        result = run_kaito("status", "--workspace-name", "gema")
        assert (result.code, result.out) == (4, "")
        assert result.err.startswith('error: workspace "gema" not found in namespace "default"\nworkspaces here: gemma')

    def test_a_name_of_another_kind(self, cluster, run_kaito):
        cluster.add(rag_engine("rag"))
        result = run_kaito("status", "--workspace-name", "rag")
        assert (result.code, result.out) == (4, "")
        assert result.err.startswith('error: "rag" is a RAGEngine')

    def test_a_terminal_is_only_written_to(self, cluster, run_kaito):
        cluster.add(workspace("evil", preset="\x1b[2J\x1b]0;x\x07"))
        assert "\x1b" not in run_kaito("status").out


class TestInferenceSets:
    @pytest.fixture(autouse=True)
    def sets(self, cluster):
        """A set of two, of which one is ready, and one that is scaled to zero."""
        first, second = (workspace(f"phi-{end}", labels=replica_of("phi"), ready=end == "a") for end in "ab")
        first["status"].update(targetNodeCount=1, workerNodes=["n1"], performance=performance("183402.51"))
        second["status"].update(targetNodeCount=1)
        cluster.add(inference_set("phi", ready_replicas=1), first, second)
        cluster.add(inference_set("idle", replicas=0, ready_replicas=0))

    def test_they_are_listed_beside_workspaces(self, run_kaito):
        lines = aged(run_kaito("status").out).splitlines()
        assert lines[2] == "idle  InferenceSet  phi-3.5-mini-instruct  -  -  0/0  AGE"
        assert lines[4] == "phi  InferenceSet  phi-3.5-mini-instruct  -  1/2  1/2  AGE"

    def test_wide(self, run_kaito):
        lines = aged(run_kaito("status", "-o", "wide").out).splitlines()
        assert lines[0].endswith("  READY  AGE  RUNTIME  ROLE  TOKENS/MIN  REPLICAS")
        assert lines[4].endswith("  1/2  1/2  AGE  vllm  -  -  2")
        assert lines[6].endswith("  1/1  True  AGE  vllm  -  183402  -")

    def test_names(self, run_kaito):
        names = run_kaito("status", "-o", "name").out.splitlines()
        assert names[1:3] == ["inferenceset.kaito.sh/idle", "workspace.kaito.sh/own"]
        assert run_kaito("status", "--workspace-name", "phi", "-o", "name").out == "inferenceset.kaito.sh/phi\n"

    def test_as_json(self, run_kaito):
        document = json.loads(run_kaito("status", "-o", "json").out)
        assert {**document, "items": []} == {
            "apiVersion": "v1",
            "kind": "List",
            "metadata": {"resourceVersion": ""},
            "items": [],
        }
        kinds = {(one["apiVersion"], one["kind"], one["metadata"]["name"]) for one in document["items"]}
        assert {("kaito.sh/v1beta1", "Workspace", NAME), ("kaito.sh/v1beta1", "InferenceSet", "phi")} < kinds
        assert json.loads(run_kaito("status", "--workspace-name", "phi", "-o", "json").out)["kind"] == "InferenceSet"

    @needs_kubectl
    def test_names_and_json_are_kubectl_s(self, run_kaito):
        """But for the order: kubectl's is by kind."""

        def kubectl(output):
            return run_kaito("get", "workspaces,inferencesets", "-o", output, command=["kubectl"]).out

        assert sorted(run_kaito("status", "-o", "name").out.splitlines()) == sorted(kubectl("name").splitlines())
        assert json.loads(run_kaito("status", "-o", "json").out) == json.loads(kubectl("json"))

    def test_in_detail(self, cluster, run_kaito):
        cluster.add(pod("phi-b-0", labels={"kaito.sh/workspace": "phi-b"}, containers=[waiting("ErrImagePull")]))
        result = run_kaito("status", "--workspace-name", "phi")
        assert (result.code, result.err) == (0, "")
        assert aged(result.out) == (
            "Name:  phi\n"
            "Namespace:  default\n"
            "Kind:  InferenceSet\n"
            "Model:  phi-3.5-mini-instruct\n"
            "Runtime:  vllm\n"
            "Instance:  -\n"
            "Nodes:  1/2\n"
            "Ready:  1/2\n"
            "Age:  AGE\n"
            "\n"
            "NAME  KIND  MODEL  INSTANCE  NODES  READY  AGE\n"
            "phi-a  Workspace  phi-3.5-mini-instruct  Standard_NC24ads_A100_v4  1/1  True  AGE\n"
            "phi-b  Workspace  phi-3.5-mini-instruct  Standard_NC24ads_A100_v4  0/1  False  AGE\n"
            "\n"
            "workspace phi-b: InsufficientCapacity, nodeClaim ws1234\n"
            "pod phi-b-0: ErrImagePull\n"
        )

    def test_one_that_is_scaled_to_zero(self, run_kaito):
        out = run_kaito("status", "--workspace-name", "idle").out
        assert "Ready:       0/0\n" in out
        assert out.endswith("\n\nit is scaled to zero: kubectl scale inferenceset/idle --replicas=1 -n default\n")

    def test_the_kind_chooses_between_two_of_a_name(self, cluster, run_kaito):
        cluster.add(workspace("phi"))
        for word, kind in (("phi", "Workspace"), ("isets/phi", "InferenceSet"), ("workspace/phi", "Workspace")):
            assert f"Kind:        {kind}\n" in run_kaito("status", "--workspace-name", word).out

    def test_a_change_is_shown(self, cluster, start_kaito):
        process = start_kaito("status", "--watch", "-o", "name")
        wait_for_watch(cluster, 2)
        cluster.remove("inferencesets", "idle")
        wait_for_watch(cluster, 4)
        process.terminate()
        assert process.communicate(timeout=10)[0].count(b"inferenceset.kaito.sh/") == 3

    @pytest.mark.parametrize(
        "changed",
        [
            pytest.param(inference_set("phi", replicas=3), id="of the set"),
            pytest.param(workspace("phi-b", labels=replica_of("phi")), id="of a workspace of it"),
        ],
    )
    def test_in_detail_a_change_is_shown(self, cluster, start_kaito, changed):
        process = start_kaito("status", "--workspace-name", "phi", "--watch")
        wait_for_watch(cluster, 2)
        cluster.add(changed)
        wait_for_watch(cluster, 4)
        process.terminate()
        assert process.communicate(timeout=10)[0].count(b"Kind:        InferenceSet") == 2


class TestDeletion:
    def test_it_is_shown_whatever_the_conditions_say(self, cluster, run_kaito):
        leaving = workspace("leaving")
        leaving["metadata"]["deletionTimestamp"] = "2026-11-24T23:50:00Z"
        cluster.add(leaving)
        assert "leaving  Workspace  phi-3.5-mini-instruct  Standard_NC24ads_A100_v4  -  Deleting  AGE" in aged(
            run_kaito("status").out
        )
        detail = aged(run_kaito("status", "--workspace-name", "leaving").out)
        assert "Ready:  Deleting since 2026-11-24T23:50:00Z (AGE)\n" in detail


class TestWatch:
    def test_it_is_shown_again_at_each_change(self, cluster, start_kaito):
        process = start_kaito("status", "--watch")
        assert read_table(process)[2].startswith("own ")
        wait_for_watch(cluster, 2)
        cluster.add(workspace("own", ready=False))
        assert process.stdout.readline() == b"\n"
        assert "False" in read_table(process)[2]

    def test_what_is_not_shown_is_no_change(self, cluster, start_kaito):
        process = start_kaito("status", "-w")
        read_table(process)
        wait_for_watch(cluster, 2)
        cluster.add(workspace("own", preset=None, template={"spec": {}}, instance_type="", annotations={"a": "b"}))
        wait_for_watch(cluster, 4)
        cluster.add(workspace("own", ready=False))
        assert process.stdout.readline() == b"\n"
        assert "False" in read_table(process)[2]
        assert len(cluster.requests) <= 14, "the first lists of both kinds, and lists and watches of three rounds"

    def test_a_list_s_revision_alone_is_no_change(self, cluster, start_kaito):
        """It changes with every object of the cluster, and whenever a watch begins again."""
        event = b'{"type":"MODIFIED","object":{}}\n'
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(event)}\r\n\r\n"
        cluster.on("/workspaces?watch=true", Raw(head.encode() + event, then=None), times=1)
        process = start_kaito("status", "--watch", "-o", "json")
        wait_for_watch(cluster, 2)
        cluster.add(service("any"))
        wait_for_watch(cluster, 4)
        cluster.add(workspace("own", ready=False))
        wait_for_watch(cluster, 6)
        process.terminate()
        assert process.communicate(timeout=10)[0].count(b'"kind": "List"') == 2

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
        wait_for_watch(cluster, 2)
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

    @pytest.mark.parametrize(
        ("kind", "shown", "note"),
        [
            pytest.param("workspaces", "phi-set  InferenceSet", "Workspaces are not shown", id="workspaces"),
            pytest.param("inferencesets", "own  Workspace", "InferenceSets are not shown", id="sets"),
        ],
    )
    def test_no_right_for_one_kind(self, cluster, run_kaito, kind, shown, note):
        cluster.add(inference_set("phi-set"))
        cluster.deny("list", kind)
        result = run_kaito("status")
        assert result.code == 0
        assert shown in aged(result.out)
        assert result.err == f"{note}: you may not list {kind}.kaito.sh -n default\n"

    def test_no_right_for_a_set_s_workspaces(self, cluster, run_kaito):
        cluster.add(inference_set("phi-set"))
        cluster.deny("list", "workspaces")
        result = run_kaito("status", "--workspace-name", "phi-set")
        assert "Ready:       2/2\n" in result.out
        assert result.err.startswith("Workspaces are not shown: you may not list workspaces.kaito.sh")

    def test_a_set_for_a_user_who_may_not_read_workspaces(self, cluster, run_kaito):
        cluster.add(inference_set("phi-set"))
        cluster.grant(("get", "inferencesets"))
        assert "Ready:       2/2\n" in run_kaito("status", "--workspace-name", "phi-set").out
        assert run_kaito("status", "--workspace-name", "phi").err.startswith("error: you may not get workspaces")
        assert run_kaito("status", "--workspace-name", "is/phi").code == 4

    def test_a_kaito_without_inference_sets(self, cluster, run_kaito):
        page = "404 page not found"
        cluster.on("/inferencesets", Refusal(404, page))
        result = run_kaito("status")
        assert "own  Workspace" in aged(result.out)
        assert result.err == "InferenceSets are not shown: this cluster's KAITO does not serve them\n"

    def test_no_kaito(self, run_kaito, tmp_path):
        with Cluster(versions=()) as cluster:
            result = run_kaito("status", env={"KUBECONFIG": cluster.write_kubeconfig(tmp_path / "own")})
        assert (result.code, result.out) == (4, "")
        assert "no KAITO in the cluster" in result.err
