"""The id-token of the auth-provider oidc over time."""

from __future__ import annotations

import pytest

from kaito.errors import ClusterError
from kaito.kube.credential import LEEWAY
from kaito.kube.credentials import Credentials
from kaito.kube.oidc import IdToken
from tests.kube.oracle import id_token, oidc, target_for

NOW = 1_800_000_000.0


def test_an_id_token_shows_no_secret(tmp_path):
    target = target_for(tmp_path, oidc(id_token(exp=1)))
    assert repr(IdToken("s3cret", 1.0, target)) == "IdToken(expires=1.0)"


class TestIdToken:
    def test_is_used_until_shortly_before_it_expires(self, tmp_path):
        now = NOW
        credentials = Credentials(target_for(tmp_path, oidc(id_token(exp=NOW + 60))), now=lambda: now)
        assert credentials.current().expires == NOW + 60
        now = NOW + 60 - LEEWAY - 1
        assert credentials.current().expires == NOW + 60
        now = NOW + 60 - LEEWAY
        with pytest.raises(ClusterError, match="has expired"):
            credentials.current()

    def test_is_replaced_by_the_one_that_kubectl_has_renewed(self, tmp_path):
        now = NOW
        before = target_for(tmp_path, oidc(id_token(exp=NOW + 60)))
        credentials = Credentials(
            before, reload=lambda: target_for(tmp_path, oidc(id_token(exp=NOW + 600))), now=lambda: now
        )
        assert credentials.current().expires == NOW + 60
        now = NOW + 60
        assert credentials.current().expires == NOW + 600

    def test_is_not_replaced_by_one_for_another_cluster(self, tmp_path):
        now = NOW
        elsewhere = target_for(tmp_path, oidc(id_token(exp=NOW + 600)), server="https://elsewhere.example")
        before = target_for(tmp_path, oidc(id_token(exp=NOW + 60)))
        credentials = Credentials(before, reload=lambda: elsewhere, now=lambda: now)
        credentials.current()
        now = NOW + 60
        with pytest.raises(ClusterError, match="has expired"):
            credentials.current()
