"""The Go types that kubectl decodes a kubeconfig into (tools/clientcmd/api/v1/types.go), as checks. Pure.

A check takes a value and returns what is wrong with it, starting with the path to it, or "". null is valid everywhere:
it leaves the field at Go's zero value. Fields that the types do not name are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from kaito.kube.kubeconfig.wording import quoted, shown

_Check = Callable[[Any], str]

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def problem_in(document: object) -> str:
    """Return what is wrong with the content of a kubeconfig, to be put after the file's name, or "".

    The text names the field and never holds its value, which can be a secret.
    """
    if not isinstance(document, dict):
        return f" contains {_kind_of(document)} instead of the fields of a kubeconfig"
    problem = _check_version(document) or _CONFIG(document)
    return f": {problem[1:]}" if problem.startswith(".") else problem


def _check_version(document: Mapping[str, Any]) -> str:
    """Check apiVersion and kind. Both may be absent; the names of these two fields match in any case."""
    for name, allowed in (("apiVersion", ("", "v1", "/v1")), ("kind", ("", "Config"))):
        value: object = ""
        for key in sorted(document):
            if key.casefold() == name.casefold():
                value = value if document[key] is None else document[key]
        if not isinstance(value, str):
            return f": {name}: {_kind_of(value)} where a string belongs"
        if value not in allowed:
            return f": {name} is {quoted(value)}, not {quoted(allowed[1])}"
    return ""


def _kind_of(value: object) -> str:
    """Name the kind of a value."""
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "a map" if isinstance(value, dict) else "a list"


def _string(value: Any) -> str:
    if value is None or type(value) is str:
        return ""
    quotes = " (put it in quotes)" if isinstance(value, (bool, int, float)) else ""
    return f": {_kind_of(value)} where a string belongs{quotes}"


def _boolean(value: Any) -> str:
    if value is None or type(value) is bool:
        return ""
    return f": {_kind_of(value)} where true or false belongs"


def _base64(value: Any) -> str:
    """Check base64 as Go reads it: standard alphabet, padded, line ends anywhere; or a list of bytes."""
    if type(value) is str:
        try:
            rest = value.encode("ascii").translate(None, _BASE64)
            if b"\n" in rest or b"\r" in rest:
                value = value.replace("\r", "").replace("\n", "")
                rest = rest.translate(None, b"\r\n")
        except UnicodeEncodeError:
            rest = b"?"
        padded = rest in (b"", b"=", b"==") and value.endswith(rest.decode()) and len(value) % 4 == 0
        return "" if padded else ": not valid base64"
    if value is None or (isinstance(value, list) and all(map(_is_byte, value))):
        return ""
    return f": {_kind_of(value)} where base64 text belongs"


def _is_byte(value: object) -> bool:
    return value is None or (type(value) in (int, float) and value in range(256))


def _anything(value: Any) -> str:
    return ""


def _list_of(check: _Check) -> _Check:
    def check_list(value: Any) -> str:
        if value is None:
            return ""
        if type(value) is not list:
            return f": {_kind_of(value)} where a list belongs"
        for index, item in enumerate(value):
            problem = check(item)
            if problem:
                name = item.get("name") if isinstance(item, dict) else None
                return f"[{quoted(name) if isinstance(name, str) else index}]{problem}"
        return ""

    return check_list


def _map_of(check: _Check) -> _Check:
    def check_map(value: Any) -> str:
        if value is None:
            return ""
        if type(value) is not dict:
            return f": {_kind_of(value)} where a map belongs"
        for key, item in value.items():
            problem = check(item)
            if problem:
                return f".{shown(key)}{problem}"
        return ""

    return check_map


def _struct(fields: Mapping[str, _Check]) -> _Check:
    get = fields.get

    def check_struct(value: Any) -> str:
        if value is None:
            return ""
        if type(value) is not dict:
            return f": {_kind_of(value)} where a map belongs"
        for key, item in value.items():
            check = get(key)
            if check is not None:
                problem = check(item)
                if problem:
                    return f".{key}{problem}"
        return ""

    return check_struct


def _extensions(value: Any) -> str:
    """Check a list of named values of any kind, in which no name may have two values."""
    problem = _EXTENSION_LIST(value)
    if problem or not value:
        return problem
    filled = set()
    for item in value:
        name = (item or {}).get("name") or ""
        if name in filled:
            return f": names {quoted(name)} twice"
        if (item or {}).get("extension") is not None:
            filled.add(name)
    return ""


def _named(inner: str, fields: Mapping[str, _Check]) -> _Check:
    """Return the check of a list of {name: …, INNER: {…}}."""
    return _list_of(_struct({"name": _string, inner: _struct(fields)}))


_EXTENSION_LIST = _list_of(_struct({"name": _string, "extension": _anything}))

_CLUSTER = {
    "server": _string,
    "tls-server-name": _string,
    "insecure-skip-tls-verify": _boolean,
    "certificate-authority": _string,
    "certificate-authority-data": _base64,
    "proxy-url": _string,
    "disable-compression": _boolean,
    "extensions": _extensions,
}
_EXEC = {
    "command": _string,
    "args": _list_of(_string),
    "env": _list_of(_struct({"name": _string, "value": _string})),
    "apiVersion": _string,
    "installHint": _string,
    "provideClusterInfo": _boolean,
    "interactiveMode": _string,
}
_USER = {
    "client-certificate": _string,
    "client-certificate-data": _base64,
    "client-key": _string,
    "client-key-data": _base64,
    "token": _string,
    "tokenFile": _string,
    "as": _string,
    "as-uid": _string,
    "as-groups": _list_of(_string),
    "as-user-extra": _map_of(_list_of(_string)),
    "username": _string,
    "password": _string,
    "auth-provider": _struct({"name": _string, "config": _map_of(_string)}),
    "exec": _struct(_EXEC),
    "extensions": _extensions,
}
_CONTEXT = {"cluster": _string, "user": _string, "namespace": _string, "extensions": _extensions}
_CONFIG = _struct(
    {
        "kind": _string,
        "apiVersion": _string,
        "preferences": _struct({"colors": _boolean, "extensions": _extensions}),
        "clusters": _named("cluster", _CLUSTER),
        "users": _named("user", _USER),
        "contexts": _named("context", _CONTEXT),
        "current-context": _string,
        "extensions": _extensions,
    }
)
