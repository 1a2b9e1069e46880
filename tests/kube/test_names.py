"""What Kubernetes objects can be called."""

from __future__ import annotations

import pytest

from kaito.errors import ClusterError
from kaito.kube.names import in_url, is_label, is_subdomain


@pytest.mark.parametrize(
    ("text", "label", "subdomain"),
    [
        *((text, True, True) for text in ("a", "0", "phi-3-5-mini", "x" * 63)),
        *((text, False, True) for text in ("phi-3.5-mini", "a.b", "x" * 64, "x" * 253)),
        *((text, False, False) for text in ("", "-a", "a-", ".", "..", "a..b", "a.-b", "A", "a_b", "x" * 254)),
        *((text, False, False) for text in ("a b", "a/b", "a%20b", "a?", "a\n", "é", "٣", "w\x1b]0;pwned\x07")),
    ],
)
def test_names(text, label, subdomain):
    assert (is_label(text), is_subdomain(text)) == (label, subdomain)


def test_only_a_name_gets_into_a_url():
    assert in_url("phi-3.5-mini") == "phi-3.5-mini"
    with pytest.raises(ClusterError, match="cannot be the name of an object") as failure:
        in_url("../a\x1b" + "x" * 1000)
    assert failure.value.message.isprintable() and len(failure.value.message) < 200
