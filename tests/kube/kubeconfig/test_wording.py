"""Names from a kubeconfig in messages."""

from __future__ import annotations

from kaito.kube.kubeconfig.files import read_config
from kaito.kube.kubeconfig.model import Overrides
from tests.kube.kubeconfig import big_file
from tests.kube.kubeconfig.cases import config
from tests.kube.kubeconfig.helpers import refusal


def test_of_many_names_the_nearest_are_shown(write):
    path = write(big_file.text(100))
    wanted = read_config(path, {}).current_context
    error = refusal(Overrides(kubeconfig=path, context=wanted + "9"), {})
    assert error.hint.startswith(f"100 contexts are available, such as {wanted}, ")
    assert len(error.hint) < 300


def test_of_many_names_the_first_are_shown_if_none_is_near(write):
    error = refusal(Overrides(kubeconfig=write(big_file.text(100)), context="?"), {})
    assert error.hint.count("arn:aws:eks") == 10


def test_many_names_follow_what_to_do(write):
    text = big_file.text(100).replace("current-context:", "ignored:")
    hint = refusal(Overrides(kubeconfig=write(text)), {}).hint
    assert hint.startswith("give --context; 100 contexts are available, such as arn:aws:eks")


def test_control_characters_in_a_name_do_not_reach_the_terminal(write):
    path = write(config(**{"current-context": "it\x1b[31m\n"}))
    assert '"it?[31m?"' in refusal(Overrides(kubeconfig=path), {}).message
