"""Where a workspace's Service (v1 Service, as data) can be reached directly. Pure.

A Service that the user may not read is `{}` here: it is taken to be as KAITO makes them.
"""

from __future__ import annotations

from kaito.json_fields import items, part, text
from kaito.kube.names import is_subdomain
from kaito.lazy_re import pattern
from kaito.net.url import Url
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# Almost every address. Others, IPv6, are left to ipaddress, whose import takes longer than reading a Service.
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = pattern(rf"{_OCTET}(?:\.{_OCTET}){{3}}")


def http_port(service: Mapping[str, Any]) -> int:
    """Return the port on which the model answers: the one named http, else the only TCP port, else 80.

    KAITO names it http and gives it the number 80 (pkg/workspace/manifests). A Service made by hand may differ.
    """
    tcp = [
        (text(port, "name"), port["port"])
        for port in items(part(service, "spec"), "ports")
        if port.get("protocol", "TCP") == "TCP" and _is_port(port.get("port"))
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
    if _is_address(address):
        urls.append(Url("http", address, port, ""))
    return urls


def balancer_urls(service: Mapping[str, Any]) -> list[Url]:
    """Return the URLs of a LoadBalancer, none without an address."""
    if not is_load_balancer(service):
        return []
    port = http_port(service)
    ingress = items(part(part(service, "status"), "loadBalancer"), "ingress")
    return [Url("http", host, port, "") for host in map(_balancer_host, ingress) if host]


def _balancer_host(entry: Mapping[str, Any]) -> str:
    """Return the address of a LoadBalancer's entry, else its host name; "" if neither is valid."""
    address, name = text(entry, "ip"), text(entry, "hostname")
    return address if _is_address(address) else name if is_subdomain(name.lower()) else ""


def _is_port(value: object) -> bool:
    # The exact type, since a bool is an int, too.
    return type(value) is int and 1 <= value <= 65535


def _is_address(text: str) -> bool:
    """Return whether `text` is an IP address, without a zone."""
    if ":" not in text:
        return _IPV4.fullmatch(text) is not None
    if "%" in text:
        return False
    from ipaddress import IPv6Address

    try:
        return IPv6Address(text) is not None
    except ValueError:
        return False
