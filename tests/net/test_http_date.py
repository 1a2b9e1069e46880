"""The dates of HTTP headers, in the three forms that RFC 9110 names."""

from __future__ import annotations

import pytest

from kaito.net.http_date import read_date

MOMENT = 784111777.0


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Sun, 06 Nov 1994 08:49:37 GMT", id="IMF-fixdate"),
        pytest.param("Sunday, 06-Nov-94 08:49:37 GMT", id="RFC 850"),
        pytest.param("Sun Nov  6 08:49:37 1994", id="asctime"),
        pytest.param("sun, 6 NOV 1994 08:49:37 GMT", id="any case, one digit"),
    ],
)
def test_a_date(text):
    assert read_date(text) == MOMENT


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "5", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 PST", "Sun, 06 Nov 1994 GMT"),
        *("Sun, 06 Foo 1994 08:49:37 GMT", "Sun, x6 Nov 1994 08:49:37 GMT", "Wed, 21 Oct 99999 07:28:00 GMT"),
        *("Sun, 06 Nov 1994 08:49 GMT", "Sun, 06 Nov 19940 08:49:37 GMT", "Sun, 06 Nov 1994 0x8:49:37 GMT"),
    ],
)
def test_anything_else_is_not_a_date(text):
    assert read_date(text) is None
