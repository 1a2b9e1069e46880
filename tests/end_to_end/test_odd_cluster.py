"""An API server that sends what no API server sends: values of the wrong kind, and documents made to be large."""

from __future__ import annotations

import json
import sys

import pytest

from tests.cluster import Refusal, inference_set, pod, replica_of, service, workspace
from tests.cluster.process import program

from . import NAME, SERVICE_PATH, UNMEASURED, WORKSPACE_PATH

LIST = "/namespaces/default/workspaces"
GET = ("get-endpoint", "--workspace-name", NAME)
STATUS = ("status", "--workspace-name", NAME)
TITLE = "w\x1b]0;pwned\x07"

# The child's peak, in MB, as the last line of stderr.
MEASURE = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
sys.stderr.write(f"{peak // (1 << 20 if sys.platform == 'darwin' else 1 << 10)}")
sys.exit(code)
"""


@pytest.fixture
def measured(run_kaito):
    """Run the program and measure it: measured("status") -> (Result, its peak in MB)."""

    def run_it(*argv):
        result = run_kaito(*argv, command=[sys.executable, "-c", MEASURE, *program()])
        assert "Traceback" not in result.err and "internal error" not in result.err
        err, newline, peak = result.err.rpartition("\n")
        return result._replace(err=err + newline), int(peak)

    return run_it


def altered(made, **metadata):
    made["metadata"].update(metadata)
    return made


@pytest.mark.parametrize("argv", [GET, STATUS, (*GET, "--format", "json"), ("chat", *GET[1:], "-m", "Hi")])
@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("name", "victim", "victim"),
        ("name", TITLE, "w\ufffd]0;pwned\ufffd"),
        ("namespace", "kube-system", "kube-system"),
    ],
)
def test_another_object_than_the_one_that_was_asked_for(cluster, run_kaito, argv, field, value, shown):
    cluster.on(WORKSPACE_PATH, Refusal(200, altered(workspace(NAME), **{field: value})))
    result = run_kaito(*argv)
    words = f'the API server sent another object for workspaces "{NAME}": its metadata.{field} is "{shown}"'
    assert (result.code, result.out, result.err) == (3, "", f"error: {words}\n")


def test_another_service(cluster, run_kaito):
    cluster.on(SERVICE_PATH, Refusal(200, service("victim")))
    result = run_kaito(*GET)
    assert (result.code, result.out) == (3, "")
    assert f'another object for services "{NAME}": its metadata.name is "victim"' in result.err


def test_a_document_without_names_is_that_of_the_name_asked_for(cluster, run_kaito):
    cluster.on(WORKSPACE_PATH, Refusal(200, {"kind": "Workspace", "inference": {"preset": {"name": "phi-4"}}}))
    assert run_kaito(*GET) == (0, f"{cluster.url}{SERVICE_PATH}:80/proxy\n", "")
    lines = run_kaito(*STATUS).out.splitlines()
    assert lines[:2] + lines[3:4] == [f"Name:        {NAME}", "Namespace:   default", "Model:       phi-4"]


def test_a_replica_without_a_name_is_not_chosen(cluster, run_kaito):
    cluster.add(inference_set("set"), service("set-0"))
    wrong = altered(workspace("x", labels=replica_of("set")), name="a/../b c")
    other = altered(workspace("y", labels=replica_of("set")), namespace="kube-system")
    cluster.on("labelSelector", Refusal(200, {"items": [wrong, other, workspace("set-0")]}))
    result = run_kaito("get-endpoint", "--workspace-name", "set")
    assert (result.code, result.out) == (0, f"{cluster.url}/api/v1/namespaces/default/services/set-0:80/proxy\n")


def test_what_cannot_be_a_name_is_in_no_table_and_no_hint(cluster, run_kaito):
    items = [altered(workspace("x"), name=TITLE), altered(workspace("phi"), namespace="x; reboot"), workspace("good")]
    cluster.on("/workspaces", Refusal(200, {"items": items}))
    assert [line.split()[0] for line in run_kaito("status").out.splitlines()] == ["NAME", "phi", "good"]


def test_a_hint_names_no_namespace_that_cannot_be(cluster, run_kaito):
    items = [altered(workspace("gone"), namespace="x; reboot"), altered(workspace("x"), name="$(reboot)")]
    cluster.on("/v1beta1/workspaces", Refusal(200, {"items": items}))
    result = run_kaito("status", "--workspace-name", "gone")
    assert (result.code, "reboot" in result.err) == (4, False)


@pytest.mark.parametrize(
    "code",
    [
        *("1e5", "true", "[[1]]", json.dumps(TITLE)),
        pytest.param("9" * 300, id="300 digits"),
        pytest.param(json.dumps("x" * 2_000_000), id="2 MB"),
    ],
)
def test_an_exit_code_that_is_not_one(cluster, run_kaito, code):
    ended = {
        "containerStatuses": [{"restartCount": 2, "lastState": {"terminated": {"exitCode": 7, "reason": "Error"}}}]
    }
    made = {**pod(f"{NAME}-0"), "status": {"phase": "Running", **ended}}
    text = json.dumps({"items": [made]}).replace('"exitCode": 7', f'"exitCode": {code}')
    cluster.on("/pods", Refusal(200, text))
    out = run_kaito(*STATUS).out
    assert out.endswith(f"pod {NAME}-0: it ended with Error; restarted 2 times\n")


@pytest.mark.parametrize(
    "value",
    [
        *("1e999", "NaN", "-Infinity"),
        pytest.param("9" * 5000, id="5000 digits"),
        *(pytest.param("[" * deep + "]" * deep, id=f"{deep} levels") for deep in (950, 1100, 1400)),
    ],
)
def test_json_is_json_or_an_error(cluster, run_kaito, value):
    cluster.on(LIST, Refusal(200, f'{{"items":[],"x":{value}}}'))
    result = run_kaito("status", "-o", "json")
    assert (result.code, result.out) == (3, "")
    assert result.err.startswith(f"error: the answer of {cluster.url} cannot be used: it ")


def test_a_model_s_odd_ids(cluster, run_kaito):
    cluster.add(workspace(NAME, preset=None, template={"spec": {}}))
    cluster.model.on("/v1/models", Refusal(200, {"data": [{"id": TITLE}, {"id": "x" * 1_000_000}, {"id": "phi"}]}))
    result = run_kaito("chat", "--workspace-name", NAME, "-m", "Hi")
    assert result.err == f"Connected to workspace: {NAME} (model: phi)\n"


@UNMEASURED
class TestMemory:
    """The peak of the process, which is about 17 MB for a small cluster."""

    @pytest.mark.parametrize("part", ["[],", "{},", '{"a":{}},', '{"metadata":{"name":"a"}},', '"ab",'])
    def test_a_document_of_small_parts(self, cluster, measured, part):
        cluster.on(LIST, Refusal(200, '{"items":[' + part * ((60 << 20) // len(part)) + "0]}"))
        result, peak = measured("status")
        assert (result.code, result.out, peak < 200) == (3, "", True), peak
        assert result.err.endswith("cannot be used: it would take more than 192 MiB of memory\n")

    def test_one_large_field_among_many_workspaces(self, cluster, measured):
        items = [workspace(f"w{number}") for number in range(800)]
        items[7]["inference"]["preset"]["name"] = "x" * (1 << 20)
        cluster.on(LIST, Refusal(200, {"items": items}))
        result, peak = measured("status")
        assert (result.code, len(result.out.splitlines()), peak < 40) == (0, 801, True), peak
        assert max(map(len, result.out.splitlines())) < 400

    @pytest.mark.parametrize("argv", [("status",), ("status", "-o", "json")])
    def test_large_fields_in_every_workspace(self, cluster, measured, argv):
        items = [workspace(f"w{number}", preset="x" * (1 << 20)) for number in range(60)]
        cluster.on(LIST, Refusal(200, {"items": items}))
        result, peak = measured(*argv)
        assert (result.code, peak < 200) == (0, True), peak
        if len(argv) > 1:
            assert json.loads(result.out)["items"] == items

    def test_a_wide_character_in_a_large_answer(self, cluster, measured):
        cluster.on(LIST, Refusal(200, json.dumps({"x": "x" * (60 << 20) + "😀"}, ensure_ascii=False)))
        result, peak = measured("status")
        assert (result.code, "is too large" in result.err, peak < 300) == (3, True, True), peak
