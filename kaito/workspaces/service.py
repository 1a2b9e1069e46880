"""Where a workspace's Service (v1 Service, as data) can be reached directly. Pure.

A Service that the user may not read is `{}` here: it is taken to be as KAITO makes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kaito.json_fields import items, part, text
from kaito.net.url import Url


def http_port(service: Mapping[str, Any]) -> int:
    """Return the port on which the model answers: the one named http, else the only TCP port, else 80.

    KAITO names it http and gives it the number 80 (pkg/workspace/manifests). A Service made by hand may differ.
    """
    tcp = [
        (text(port, "name"), port["port"])
        for port in items(part(service, "spec"), "ports")
        if port.get("protocol", "TCP") == "TCP" and isinstance(port.get("port"), int)
    ]
    for name, number in tcp:
        if name == "http":
            return int(number)
    return int(tcp[0][1]) if len(tcp) == 1 else 80


def is_load_balancer(service: Mapping[str, Any]) -> bool:
    """Return whether the Service is of type LoadBalancer, with or without an address."""
    return text(part(service, "spec"), "type") == "LoadBalancer"


def cluster_urls(service: Mapping[str, Any], name: str, namespace: str) -> list[Url]:
    """Return the URLs for the cluster's own pods: the Service's name, then its cluster IP if it has one.

    A pod's search list completes the name, whatever the cluster's domain.
    """
    port = http_port(service)
    urls = [Url("http", f"{name}.{namespace}.svc", port, "")]
    address = text(part(service, "spec"), "clusterIP")
    if address not in ("", "None"):
        urls.append(Url("http", address, port, ""))
    return urls


def balancer_urls(service: Mapping[str, Any]) -> list[Url]:
    """Return the URLs of a LoadBalancer, none without an address."""
    if not is_load_balancer(service):
        return []
    port = http_port(service)
    ingress = items(part(part(service, "status"), "loadBalancer"), "ingress")
    addresses = [text(entry, "ip") or text(entry, "hostname") for entry in ingress]
    return [Url("http", address, port, "") for address in addresses if address]
