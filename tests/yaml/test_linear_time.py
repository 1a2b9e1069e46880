"""Reading takes time that is linear in the length of the text, whatever the text."""

from __future__ import annotations

import gc
import time
from statistics import median

import pytest

from kaito.yaml import composer
from kaito.yaml.load import YamlError, decode, load
from tests.kube.kubeconfig import big_file


def seconds(read, text):
    """Return the processor time of `read(text)`, without collections of what the whole test run holds."""
    gc.disable()
    start = time.process_time()
    try:
        read(text)
    except YamlError:
        pass
    finally:
        gc.enable()
    return time.process_time() - start


def grows_linearly(small, large, factor=2.2, read=load):
    """Return whether twice the text takes at most `factor` times as long.

    Both are measured in turn, so that a busy machine slows both; their medians are compared, which a lucky run does
    not move; and measuring goes on while the answer is in doubt.
    """
    small_times, large_times = [], []
    for run in range(40):
        small_times.append(seconds(read, small))
        large_times.append(seconds(read, large))
        if run >= 4 and median(large_times) <= factor * median(small_times) + 0.002:
            return True
    return False


def test_two_thousand_contexts_take_twice_the_time_of_one_thousand():
    small, large = (big_file.text(contexts).encode() for contexts in (1000, 2000))
    assert 5_000_000 < len(small) < 6_000_000
    assert len(load(small)["contexts"]) == 1000
    assert grows_linearly(small, large)


def test_contexts_take_linear_time_without_the_fast_path_too():
    small, large = (big_file.text(contexts).encode() for contexts in (100, 200))
    assert grows_linearly(small, large, read=lambda source: composer.document(decode(source)))


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda n: "[" * n, id="open lists"),
        pytest.param(lambda n: "[" + "[], " * n + "]", id="flow lists"),
        pytest.param(lambda n: "[" + "a, " * n + "]", id="a long flow list"),
        pytest.param(lambda n: "[" + "a,\n" * n + "]", id="a flow list over lines"),
        pytest.param(lambda n: "{" + "".join(f"a{i}: b, " for i in range(n)) + "}", id="a long flow mapping"),
        pytest.param(lambda n: "- " * n, id="open items"),
        pytest.param(lambda n: "a:\n" + "".join(f"- &x{i} b\n- *x{i}\n" for i in range(n)), id="anchors and aliases"),
        pytest.param(lambda n: "a: &x {b: c}\nd:\n" + "- {<<: *x}\n" * n, id="merges"),
        pytest.param(
            lambda n: "&x {" + "".join(f"a{i}: b, " for i in range(n // 9)) + "<<: {" + "a: b, " * n + "}}",
            id="a wide merge",
        ),
        pytest.param(lambda n: 'a: "' + "b " * n + '"', id="a long double-quoted value"),
        pytest.param(lambda n: 'a: "' + "\\n" * n + '"', id="escapes"),
        pytest.param(lambda n: 'a: "' + "b\n" * n + '"', id="a double-quoted value over lines"),
        pytest.param(lambda n: "a: '" + "''" * n + "'", id="a single-quoted value"),
        pytest.param(lambda n: "a: '" + "\n" * n + "'", id="line breaks in quotes"),
        pytest.param(lambda n: "a: " + "b " * n, id="a long plain value"),
        pytest.param(lambda n: "a: b\n" + " c\n" * n, id="a plain value over lines"),
        pytest.param(lambda n: "a: " + ":b" * n, id="colons"),
        pytest.param(lambda n: "a: |\n" + " b\n" * n, id="a long literal"),
        pytest.param(lambda n: "a: >\n" + " b\n\n" * n, id="a long folded value"),
        pytest.param(lambda n: "a: |\n" + "\n" * n, id="a literal of line breaks"),
        pytest.param(lambda n: "a: |\n" + " " * n + "\n b\n", id="a literal after a long blank line"),
        pytest.param(lambda n: "\n" * n, id="line breaks"),
        pytest.param(lambda n: " \n" * n, id="blank lines"),
        pytest.param(lambda n: "# c\n" * n, id="comments"),
        pytest.param(lambda n: " " * n, id="spaces"),
        pytest.param(lambda n: "a: b" + " " * n + "\nc: d", id="trailing spaces"),
        pytest.param(lambda n: "a:" + "\t" * n + "b", id="tabs"),
        pytest.param(lambda n: "a: b\n" + " \t" * n, id="spaces and tabs"),
        pytest.param(lambda n: "a: b\n" + "  \t\n" * n, id="tabs on blank lines"),
        pytest.param(lambda n: "a: " + "1" * n, id="a long number"),
        pytest.param(lambda n: "a: 0x" + "f" * n, id="a long hexadecimal number"),
        pytest.param(lambda n: "a: 1." + "1" * n + "e1", id="a long fraction"),
        pytest.param(lambda n: "a: !" + "b" * n + " c", id="a long tag"),
        pytest.param(lambda n: "a: !" + "%41" * n + " c", id="a long escaped tag"),
        pytest.param(lambda n: "a: &" + "b" * n + " c", id="a long anchor"),
        pytest.param(lambda n: "a: !!binary " + "YWFh" * n, id="long base64"),
        pytest.param(lambda n: "%TAG !a! b\n" * n, id="directives"),
        pytest.param(lambda n: "".join(f"%TAG !a{i}! b\n" for i in range(n)) + "---\na", id="tag handles"),
        pytest.param(lambda n: "a" * n + ": b", id="a long key"),
        pytest.param(lambda n: "".join(f"a{i}:\n" for i in range(n)), id="keys without values"),
        pytest.param(lambda n: "? a\n" * n, id="explicit keys"),
        pytest.param(lambda n: "a: b\u2028" * n, id="line separators"),
        pytest.param(lambda n: "é: ü\n" * n, id="text that is not ASCII"),
    ],
)
def test_no_text_takes_more_than_linear_time(make):
    assert grows_linearly(make(2_500), make(5_000), 3)
