"""The options that the verbs make of their flags."""

from __future__ import annotations

import pytest

from kaito import cli
from kaito.commands import chat, get_endpoint, status
from kaito.commands.kubectl_flags import KUBECTL_FLAGS, read_kubectl_flags
from kaito.errors import UsageError
from kaito.flags import TEXT, parse

NAME = ("--workspace-name", "phi")


def options(verb, *argv):
    """Return the options of a verb's module for a command line."""
    return verb.read_options(parse(argv, (*verb.FLAGS, *cli.ROOT_FLAGS)))


@pytest.mark.parametrize("name", cli.VERBS)
def test_a_verb_is_loaded_by_its_name(name):
    verb = cli.load(name)
    assert verb.name == name
    assert verb.usage.partition(" ")[0] == name
    assert verb.summary and verb.description and f"kubectl kaito {name}" in verb.examples


def test_an_unknown_verb_cannot_be_loaded():
    with pytest.raises(KeyError):
        cli.load("nonsense")


class TestChat:
    def test_defaults(self):
        found = options(chat, *NAME)
        assert found.workspace == ("phi", "")
        assert options(chat).workspace == ("", ""), "to be chosen"
        assert found.sampling == (0.7, 1024, 0.9, None, ())
        assert not found.max_tokens_chosen
        assert (found.messages, found.file, found.wait, found.model, found.via) == ((), None, None, "", "auto")
        assert (found.reasoning, found.history, found.stats, found.quiet) == (True, True, False, False)
        assert (found.retry_timeout, found.kubectl.request_timeout) == (60.0, 300.0)

    @pytest.mark.parametrize(
        ("argv", "field", "value"),
        [
            pytest.param(["-m", "a", "-m", "b"], "messages", ("a", "b"), id="several messages"),
            pytest.param(["-m", ""], "messages", ("",), id="an empty message"),
            pytest.param(["-f", ""], "file", "", id="an empty file name"),
            pytest.param(["--wait"], "wait", 1800.0, id="wait without a value"),
            pytest.param(["--wait=0"], "wait", 0.0, id="wait for no time at all"),
            pytest.param(["--max-tokens", "1024"], "max_tokens_chosen", True, id="the default, but chosen"),
            pytest.param(["--no-reasoning"], "reasoning", False, id="no reasoning"),
            pytest.param(["--no-history"], "history", False, id="no history"),
            pytest.param(["--expect", "a", "--expect", "b"], "expected", ("a", "b"), id="several expectations"),
        ],
    )
    def test_what_is_given(self, argv, field, value):
        assert options(chat, *NAME, *argv)._asdict()[field] == value

    def test_sampling(self):
        argv = ("--temperature", "0", "--max-tokens", "5", "--top-p", "1", "--seed", "0", "--stop", "x", "--stop", "y")
        assert options(chat, *NAME, *argv).sampling == (0.0, 5, 1.0, 0, ("x", "y"))

    def test_messages_and_a_file_exclude_each_other(self):
        with pytest.raises(UsageError, match="--message and --file exclude each other"):
            options(chat, *NAME, "-m", "a", "-f", "b")


def test_status():
    assert options(status)[:4] == (None, False, False, "table")
    assert options(status, "-A", "-w", "-o", "json")[:4] == (None, True, True, "json")
    assert options(status, *NAME)[:4] == (("phi", ""), False, False, "table")
    assert options(status, "--workspace-name", "isets/phi").wanted == ("phi", "inferencesets")


def test_get_endpoint():
    assert options(get_endpoint, *NAME)[:2] == (("phi", ""), False)
    assert options(get_endpoint, *NAME, "--format", "json")[:2] == (("phi", ""), True)


class TestKubectl:
    @pytest.mark.parametrize("name", ["namespace", *(flag.name for flag in KUBECTL_FLAGS if flag.kind is TEXT)])
    def test_a_text_becomes_the_override_of_its_name(self, name):
        found = read_kubectl_flags(parse([f"--{name}=value"], cli.ROOT_FLAGS)).overrides
        field = {"as": "as_user"}.get(name, name.replace("-", "_"))
        assert {key: value for key, value in found._asdict().items() if value} == {field: "value"}

    def test_the_other_flags(self):
        argv = ["--insecure-skip-tls-verify", "--as-group=a", "--as-group=b", "--request-timeout=5s", "-v", "6"]
        found = read_kubectl_flags(parse(argv, cli.ROOT_FLAGS))
        assert (found.overrides.insecure_skip_tls_verify, found.overrides.as_groups) == (True, ("a", "b"))
        assert (found.request_timeout, found.verbosity) == (5.0, 6)
