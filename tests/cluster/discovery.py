"""The API's discovery documents: version, groups and resources."""

from __future__ import annotations

from .store import KINDS

VERSION = {"major": "1", "minor": "36", "gitVersion": "v1.36.0", "gitCommit": "0" * 40, "gitTreeState": "clean"}
VERSION.update(buildDate="2026-04-22T00:00:00Z", goVersion="go1.26.0", compiler="gc", platform="linux/amd64")


def page(path, versions):
    """Return the discovery document at `path` (without its first slash), or None.

    `versions` are the served versions of kaito.sh.
    """
    if path == "version":
        return VERSION
    if path == "api":
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
    if path == "apis":
        groups = [_group("kaito.sh", versions)] if versions else []
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
    if path == "api/v1":
        return _resources("", "v1")
    return next((_resources("kaito.sh", served) for served in versions if path == f"apis/kaito.sh/{served}"), None)


def group_version(group, version):
    """Return the value of apiVersion."""
    return f"{group}/{version}" if group else version


def _group(name, versions):
    entries = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": entries, "preferredVersion": entries[0]}


def _resources(group, version):
    resources = []
    for kind in KINDS.values():
        if kind.group == group and kind.served(version):
            entry = {"name": kind.plural, "singularName": kind.kind.lower(), "namespaced": kind.namespaced}
            entry.update(kind=kind.kind, verbs=["get", "list", "watch"], shortNames=list(kind.short))
            resources.append(entry)
    if not group:
        proxy = {"name": "services/proxy", "singularName": "", "namespaced": True, "kind": "ServiceProxyOptions"}
        resources.append({**proxy, "verbs": ["create", "get"]})
    made = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version(group, version)}
    return {**made, "resources": resources}
