"""The API server: credentials, RBAC, objects, and the service proxy with the model behind it."""

from __future__ import annotations

import base64
import copy
import functools
import json
import os
import re
import threading
import time
import urllib.parse
import uuid
from typing import NamedTuple

from . import kubeconfig, review, status
from .model import Model
from .replies import Step
from .server import POLL, Headers, Requests, Server, server_context
from .upstream import Refused

DATA = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "data", "cluster")
VERSION = {"major": "1", "minor": "36", "gitVersion": "v1.36.0", "gitCommit": "0" * 40, "gitTreeState": "clean"}
VERSION.update(buildDate="2026-04-22T00:00:00Z", goVersion="go1.26.0", compiler="gc", platform="linux/amd64")

# What the service proxy finds behind a Service instead of a model.
NO_OBJECT = Step("NO_OBJECT")  # no Endpoints object: 404, though the Service exists
NO_ENDPOINTS = Step("NO_ENDPOINTS")  # nothing ready: 503
REFUSED = Step("REFUSED")  # a pod that is still loading: 503

POD_ADDRESS = "10.244.0.2"
MODEL_PORT = 5000  # where KAITO's pods listen
VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


class Kind(NamedTuple):
    """A kind of object: its API group ("" is the core), plural name, kind, and whether it lives in a namespace."""

    group: str
    plural: str
    kind: str
    namespaced: bool = True
    short: tuple = ()


KINDS = {
    kind.plural: kind
    for kind in (
        Kind("kaito.sh", "workspaces", "Workspace", short=("wk",)),
        Kind("kaito.sh", "inferencesets", "InferenceSet", short=("is",)),
        Kind("", "services", "Service", short=("svc",)),
        Kind("", "pods", "Pod", short=("po",)),
        Kind("", "endpoints", "Endpoints", short=("ep",)),
        Kind("", "events", "Event", short=("ev",)),
        Kind("", "namespaces", "Namespace", namespaced=False, short=("ns",)),
    )
}


class Rule(NamedTuple):
    """What a user may do: "*" is any. `resource` is as in a Role ("services/proxy"), `name` a resourceName."""

    verb: str
    resource: str
    name: str = "*"

    def matches(self, verb, resource, name):
        """Say whether it covers the request."""
        return all(own in ("*", asked) for own, asked in zip(self, (verb, resource, name)))


class Target(NamedTuple):
    """What a request's path means. `rest`: the path behind a service proxy."""

    group: str
    version: str
    resource: str
    namespace: str
    name: str
    rest: str = ""


class Cluster:
    """A cluster on loopback: start it with `with Cluster() as cluster:`, fill it with `add`.

    `certificate` names the server's certificate in tests/data/cluster (server, bare-server, leaf, expired,
    elsewhere), `tls=False` speaks plain HTTP, `prefix` is a path in front of everything, as Rancher has.
    `versions` are the served versions of kaito.sh. `requests` is every request, `model.requests` those of the model.
    """

    token = "stand-in-token-4f1d9c0b7a"
    username = "basic-user"
    password = "p@ss: word #1"

    def __init__(self, *, model=None, host="127.0.0.1", tls=True, certificate="server", prefix="", versions=None):
        self.model = Model() if model is None else model
        self.requests = Requests()
        self.tokens = {self.token: "token-user"}
        self.passwords = {self.username: self.password}
        self.versions = ("v1beta1", "v1alpha1") if versions is None else tuple(versions)
        self.backends = {}
        self._prefix = prefix
        self._objects = {}
        self._version = 1
        self._events = []
        self._rules = {}
        self._denials = []
        self._answers = []
        self._lock = threading.Lock()
        self._changed = threading.Condition()
        self.ca_file = data("bare-ca.crt" if certificate == "bare-server" else "leaf.crt")
        if certificate not in ("bare-server", "leaf"):
            self.ca_file = data("ca.crt")
        self.server = Server(self._handle, host, _context(certificate) if tls else None)
        self.url = self.server.url + prefix
        self._tls = tls

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Stop at once; waits for nothing."""
        self.server.stop()

    @property
    def connections(self):
        """Every connection that was accepted."""
        return self.server.connections

    # ── What a test sets up ──────────────────────────────────────────────────────────────────────────────────

    def add(self, *objects):
        """Add or replace objects; their namespaces come to be. A Service has the model behind it (see `route`)."""
        for made in objects:
            kind = next(kind for kind in KINDS.values() if kind.kind == made["kind"])
            key = kind.plural, made["metadata"].get("namespace", ""), made["metadata"]["name"]
            with self._changed:
                self._change("MODIFIED" if key in self._objects else "ADDED", key, made)
                self._objects[key] = made

    def remove(self, plural, name, namespace="default"):
        """Take an object away."""
        with self._changed:
            key = plural, namespace, name
            self._change("DELETED", key, self._objects.pop(key))

    def _change(self, event, key, made):
        """Give an object its new version and tell those who watch."""
        self._version += 1
        made["metadata"]["resourceVersion"] = str(self._version)
        self._events.append((self._version, event, key, copy.deepcopy(made)))
        self._changed.notify_all()

    def route(self, name, backend, namespace="default"):
        """Put another model, an Upstream, or NO_OBJECT, NO_ENDPOINTS or REFUSED behind a Service."""
        self.backends[namespace, name] = backend

    def grant(self, *rules, user="*"):
        """Let the user do this and nothing else: (verb, resource) or (verb, resource, name) each."""
        self._rules[user] = [Rule(*rule) for rule in rules]

    def deny(self, verb, resource, name="*", user="*"):
        """Forbid one thing."""
        self._denials.append((user, Rule(verb, resource, name)))

    def on(self, path, answer, times=None):
        """Answer requests whose target contains `path` with a Refusal or a Raw, before anything is checked.

        `times`: how many of them; None is all.
        """
        self._answers.append([path, answer, times])

    def hang_up(self):
        """Close every open connection, as a server does that restarts."""
        self.server.hang_up()

    def write_kubeconfig(
        self, folder, user="token", namespace=None, *, cluster=None, credentials=None, filename="config"
    ):
        """Write a kubeconfig as kubectl does and return its path.

        `user`: token, token-file, basic, certificate (as data), certificate-files, stranger (a certificate of
        another cluster's) or none. `cluster` and `credentials` change or (None) leave out single fields.
        """
        folder = str(folder)
        os.makedirs(folder, exist_ok=True)
        fields = {"certificate-authority-data": _base64(self.ca_file)} if self._tls else {}
        made = kubeconfig.document(
            self.url,
            {**fields, **(cluster or {})},
            {**self._user(user, folder), **(credentials or {})},
            namespace,
        )
        path = os.path.join(folder, filename)
        with open(path, "w", encoding="utf-8", opener=functools.partial(os.open, mode=0o600)) as file:
            file.write(kubeconfig.dump(made))
        return path

    def _user(self, user, folder):
        if user == "token":
            return {"token": self.token}
        if user == "token-file":
            path = os.path.join(folder, "token")
            with open(path, "w", encoding="utf-8") as file:
                file.write(self.token + "\n")
            return {"tokenFile": path}
        if user == "basic":
            return {"username": self.username, "password": self.password}
        if user == "certificate-files":
            return {"client-certificate": data("client.crt"), "client-key": data("client.key")}
        if user in ("certificate", "stranger"):
            name = "client" if user == "certificate" else "stranger-client"
            pem = {"client-certificate-data": f"{name}.crt", "client-key-data": f"{name}.key"}
            return {field: _base64(data(file)) for field, file in pem.items()}
        if user == "none":
            return {}
        raise ValueError(f"no such kind of user: {user}")

    # ── How a request is answered ────────────────────────────────────────────────────────────────────────────

    def _handle(self, exchange):
        request = exchange.request
        self.requests.append(request)
        scripted = self._scripted(request.target)
        if scripted is not None:
            scripted.answer(exchange)
            return
        if not request.path.startswith(self._prefix + "/"):
            _not_served(exchange)
            return
        if not self._authenticate(request):
            _respond(exchange, status.unauthorized())
            return
        words = request.path[len(self._prefix) + 1 :].split("/")
        target = _target(words)
        if target is None:
            self._respond_discovery(exchange, "/".join(words))
            return
        verb = _verb(request, target)
        if not self.allowed(request.user, verb, target.resource, target.name):
            refusal = status.forbidden(
                request.user, verb, target.resource, name=target.name, group=target.group, namespace=target.namespace
            )
            _respond(exchange, refusal)
        elif target.resource == "services/proxy":
            self._proxy(exchange, target)
        else:
            self._respond_objects(exchange, verb, target)

    def _scripted(self, target):
        with self._lock:
            for entry in self._answers:
                path, answer, times = entry
                if path in target and times != 0:
                    entry[2] = None if times is None else times - 1
                    return answer
        return None

    def _authenticate(self, request):
        """Find out who asks: the bearer token, else basic auth, else the certificate; then whom they act for."""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            request.user = self.tokens.get(value.strip())
        elif scheme.lower() == "basic":
            name, _, password = base64.b64decode(value).decode().partition(":")
            request.user = name if self.passwords.get(name) == password else None
        elif request.certificate is not None:
            subject = [entry for part in request.certificate["subject"] for entry in part]
            if (("commonName", "stand-in-ca"),) in request.certificate["issuer"]:
                request.user = next(value for key, value in subject if key == "commonName")
                request.groups = tuple(value for key, value in subject if key == "organizationName")
        elif not self._tls:
            request.user = "system:unsecured"  # kubectl sends no credentials over plain HTTP
        if request.user is None:
            return False
        for name, value in request.headers.pairs:
            if name.lower().startswith("impersonate-"):
                request.impersonated.setdefault(name.lower(), []).append(value)
        if "impersonate-user" in request.impersonated:
            request.user = request.impersonated["impersonate-user"][0]
            request.groups = tuple(request.impersonated.get("impersonate-group", ()))
        return True

    def allowed(self, user, verb, resource, name=""):
        """Say whether RBAC lets the user."""
        for who, rule in self._denials:
            if who in ("*", user) and rule.matches(verb, resource, name):
                return False
        rules = self._rules.get(user, self._rules.get("*"))
        return rules is None or any(rule.matches(verb, resource, name) for rule in rules)

    def _respond_discovery(self, exchange, path):
        groups = [_group("kaito.sh", self.versions)] if self.versions else []
        pages = {
            "version": VERSION,
            "api": {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []},
            "apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups},
            "api/v1": _resources("", "v1"),
            **{f"apis/kaito.sh/{version}": _resources("kaito.sh", version) for version in self.versions},
        }
        if path == "apis/authorization.k8s.io/v1/selfsubjectaccessreviews" and exchange.request.method == "POST":
            _respond(exchange, self._review(exchange.request), code=201)
        elif path in pages:
            _respond(exchange, pages[path])
        else:
            _not_served(exchange)

    def _review(self, request):
        attributes = review.asked(request)
        resource = "/".join(filter(None, (attributes.get("resource"), attributes.get("subresource"))))
        allowed = self.allowed(request.user, attributes.get("verb"), resource, attributes.get("name", ""))
        return review.answer(attributes, allowed)

    def _respond_objects(self, exchange, verb, target):
        served = self.versions if target.group else ("v1",)
        kind = KINDS.get(target.resource)
        if kind is None or target.version not in served or kind.group != target.group:
            _not_served(exchange)
        elif verb not in ("get", "list", "watch"):
            kinds = {"kind": target.resource}
            message = "the server does not allow this method on the requested resource"
            _respond(exchange, status.status(405, "MethodNotAllowed", message, kinds))
        elif verb == "get":
            found = self._objects.get((kind.plural, target.namespace, target.name))
            missing = status.not_found(target.name, kind.plural, kind.group)
            _respond(exchange, missing if found is None else self._shown(found, kind, target.version))
        else:
            query = {key: values[0] for key, values in urllib.parse.parse_qs(exchange.request.query).items()}
            if verb == "watch":
                self._watch(exchange, kind, target, query)
            else:
                _respond(exchange, self._list(kind, target, query))

    def _list(self, kind, target, query):
        with self._changed:
            objects = [made for key, made in sorted(self._objects.items()) if _selected(key, made, kind, target, query)]
            meta = {"resourceVersion": str(self._version)}
        version = f"{kind.group}/{target.version}" if kind.group else target.version
        items = [self._shown(made, kind, target.version) for made in objects]
        return {"kind": f"{kind.kind}List", "apiVersion": version, "metadata": meta, "items": items}

    def _watch(self, exchange, kind, target, query):
        """Tell every change after `resourceVersion` (without one: first what there is) until the client leaves.

        A watch ends cleanly after `timeoutSeconds`.
        """
        since = int(query.get("resourceVersion") or 0)
        end = time.monotonic() + float(query.get("timeoutSeconds") or 1800)
        exchange.start(200, (*_audit(), ("Content-Type", "application/json")))
        told = 0
        if not since:
            with self._changed:
                since, told = self._version, len(self._events)
            for made in self._list(kind, target, query)["items"]:
                exchange.chunk(_line({"type": "ADDED", "object": made}))
        while time.monotonic() < end:
            with self._changed:
                self._changed.wait_for(lambda: len(self._events) > told, POLL)  # noqa: B023  (called at once)
                events, told = self._events[told:], len(self._events)
            for version, event, key, made in events:
                if version > since and _selected(key, made, kind, target, query):
                    shown = self._shown(made, kind, target.version)
                    exchange.chunk(_line({"type": event, "object": shown}))
            if exchange.gone():
                return
        exchange.end()

    @staticmethod
    def _shown(made, kind, version):
        return {**made, "apiVersion": f"{kind.group}/{version}" if kind.group else version}

    # ── The service proxy ────────────────────────────────────────────────────────────────────────────────────

    def _proxy(self, exchange, target):
        backend = self._backend(target)
        if isinstance(backend, dict):
            _respond(exchange, backend)
            return
        exchange.request = _behind_proxy(exchange.request, target.rest)
        exchange.added = _audit()
        try:
            backend.handle(exchange)
        except Refused as error:
            exchange.added = ()
            _respond(exchange, status.unavailable(f"error trying to reach service: {error}"))

    def _backend(self, target):
        """The model that answers for NAME, NAME:PORT or SCHEME:NAME:PORT; or a Status that says why none does.

        The order of the checks is that of the API server's ResourceLocation for Services.
        """
        parts = target.name.split(":")
        if len(parts) > 3 or (len(parts) == 3 and parts[0] not in ("", "http", "https")):
            return status.bad_request(f'invalid service request "{target.name}"')
        scheme, name, wanted = parts if len(parts) == 3 else ("", parts[0], parts[1] if len(parts) > 1 else "")
        found = self._objects.get(("services", target.namespace, name))
        backend = self.backends.get((target.namespace, name), self.model)
        if found is None:
            return status.not_found(name, "services")
        ports = found["spec"].get("ports", [])
        if wanted.isdigit():
            ports = [port for port in ports if port["port"] == int(wanted)]
            if not ports:
                return status.unavailable(f'no service port {wanted} found for service "{name}"')
        else:
            ports = [port for port in ports if port.get("name", "") == wanted]
        if backend is NO_OBJECT:
            return status.not_found(name, "services")
        if backend is NO_ENDPOINTS:
            return status.unavailable(f'no endpoints available for service "{name}"')
        if not ports:
            return status.unavailable(f'no endpoints available for service "{target.name}"')
        pod_port = ports[0].get("targetPort", ports[0]["port"])
        listens = pod_port == MODEL_PORT or ports[0].get("name", "http") == "http"
        if backend is REFUSED or not listens:
            where = f"dial tcp {POD_ADDRESS}:{pod_port}: connect: connection refused"
            return status.unavailable(f"error trying to reach service: {where}")
        if scheme == "https":
            words = "http: server gave HTTP response to HTTPS client"
            return status.unavailable(f"error trying to reach service: {words}")
        return backend


def _behind_proxy(seen, rest):
    """The request as the model sees it: its own path, and the headers that the proxy lets through and adds."""
    request = copy.copy(seen)
    request.path = rest
    request.target = rest + (f"?{seen.query}" if seen.query else "")
    kept = (pair for pair in seen.headers.pairs if pair[0].lower() not in ("authorization", "connection"))
    pairs = [pair for pair in kept if not pair[0].lower().startswith("impersonate-")]
    request.headers = Headers([*pairs, ("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-Uri", seen.path)])
    return request


def data(name):
    """The path of a file in tests/data/cluster."""
    return os.path.join(DATA, name)


@functools.cache
def _context(certificate):
    # Strangers get through the handshake, as with a real API server, which answers them with a 401.
    authorities = (data("ca.crt"), data("stranger-ca.crt"))
    return server_context(data(f"{certificate}.crt"), data(f"{certificate}.key"), authorities)


def _base64(path):
    with open(path, "rb") as file:
        return base64.b64encode(file.read()).decode()


def _target(words):
    """The object or list that a path names; None where it names none. `words`: the path's parts."""
    words = [urllib.parse.unquote(word) for word in words]
    if words[:2] == ["api", "v1"]:
        group, version, words = "", "v1", words[2:]
    elif words[0] == "apis" and len(words) > 3 and words[1] == "kaito.sh":
        group, version, words = words[1], words[2], words[3:]
    else:
        return None
    namespace = ""
    if len(words) > 2 and words[0] == "namespaces":
        namespace, words = words[1], words[2:]
    if not words or not words[0]:
        return None
    resource, name, *rest = [*words, ""] if len(words) == 1 else words
    if not rest:
        return Target(group, version, resource, namespace, name)
    return Target(group, version, f"{resource}/{rest[0]}", namespace, name, "/" + "/".join(rest[1:]))


def _verb(request, target):
    """The verb that RBAC sees."""
    verb = VERBS.get(request.method, request.method.lower())
    if verb != "get" or target.name:
        return verb
    return "watch" if re.search(r"(^|&)watch=(1|true)(&|$)", request.query) else "list"


def _selected(key, made, kind, target, query):
    """Say whether an object is of that kind and namespace and passes labelSelector and fieldSelector (equalities)."""
    if key[0] != kind.plural or target.namespace not in ("", key[1]):
        return False
    labels = made["metadata"].get("labels", {})
    fields = {f"metadata.{name}": value for name, value in made["metadata"].items()}
    wanted = _equalities(query.get("labelSelector", "")), _equalities(query.get("fieldSelector", ""))
    return all(have.get(name) == value for have, pairs in zip((labels, fields), wanted) for name, value in pairs)


def _equalities(selector):
    parts = (part.replace("==", "=").partition("=") for part in selector.split(",") if part)
    return [(name, value) for name, _, value in parts]


def _line(value):
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _group(name, versions):
    entries = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": entries, "preferredVersion": entries[0]}


def _resources(group, version):
    resources = []
    for kind in KINDS.values():
        if kind.group == group:
            entry = {"name": kind.plural, "singularName": kind.kind.lower(), "namespaced": kind.namespaced}
            entry.update(kind=kind.kind, verbs=["get", "list", "watch"], shortNames=list(kind.short))
            resources.append(entry)
    if not group:
        proxy = {"name": "services/proxy", "singularName": "", "namespaced": True, "kind": "ServiceProxyOptions"}
        resources.append({**proxy, "verbs": ["create", "get"]})
    name = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": resources}


def _audit():
    """The headers that the API server puts on every answer."""
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
    return (("Audit-Id", str(uuid.uuid4())), ("Cache-Control", "no-cache, private"), ("Date", date))


def _respond(exchange, body, code=None):
    """Answer with an object. Indented for curl and browsers, as the API server does; chunked above 2 KiB, as Go."""
    indented = exchange.request.headers.get("user-agent", "").startswith(("curl/", "Mozilla/", "Wget/"))
    text = json.dumps(body, indent=2) if indented else json.dumps(body, separators=(",", ":")) + "\n"
    code = code or (body.get("code", 200) if body.get("kind") == "Status" else 200)
    headers = (*_audit(), ("Content-Type", "application/json"))
    if len(text) <= 2048:
        exchange.respond(code, text, headers)
        return
    exchange.start(code, headers)
    exchange.chunk(text.encode())
    exchange.end()


def _not_served(exchange):
    """A path, or a group version, that the server does not have: plain text, no Status."""
    headers = (("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff"))
    exchange.respond(404, "404 page not found\n", (*_audit(), *headers))
