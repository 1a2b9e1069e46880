"""The API server: it authenticates, serves objects, and forwards to the model through the service proxy."""

from __future__ import annotations

import json
import threading
import time
import urllib.parse
import uuid
from typing import NamedTuple

from . import discovery, kubeconfig, pki, proxy, review, status
from .model import Model
from .rights import ANONYMOUS, USERS, Rights, authenticate
from .server import POLL, ClientGone, Requests, Server
from .store import KINDS, Selection, Store, equalities
from .upstream import Refused

VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
INDENTED = ("curl/", "Mozilla/", "Wget/")  # the API server indents JSON for these user agents


class Target(NamedTuple):
    """What a request's path means. `name` "" is the whole list, `rest` the path after a service proxy's."""

    group: str
    version: str
    resource: str
    namespace: str
    name: str
    rest: str = ""


class Cluster:
    """A cluster on loopback: start it with `with Cluster() as cluster:` and fill it with `add`.

    `certificate` names the server's certificate in tests/data/cluster (server, bare-server, leaf, expired,
    elsewhere), `tls=False` speaks plain HTTP, `prefix` is a path before all others, as Rancher has.
    `versions` are the served versions of kaito.sh. `requests` holds every request, `model.requests` those to the model.
    `anonymous`: let requests without credentials pass as those of system:anonymous.
    `tokens` (token → user) and `passwords` (user → password) are accepted; tests may change them.
    """

    token = "stand-in-token-4f1d9c0b7a"
    username = "basic-user"
    password = "p@ss: word #1"

    def __init__(
        self,
        *,
        model=None,
        host="127.0.0.1",
        tls=True,
        certificate="server",
        prefix="",
        versions=("v1beta1", "v1alpha1"),
    ):
        self.model = Model() if model is None else model
        self.requests = Requests()
        self.tokens = {self.token: "token-user"}
        self.passwords = {self.username: self.password}
        self.versions = tuple(versions)
        self.anonymous = False
        self.ca_file = pki.authority(certificate)
        self._tls = tls
        self._prefix = prefix
        self._store = Store()
        self._rights = Rights()
        self._backends = {}
        self._answers = []
        self._lock = threading.Lock()
        self.server = Server(self._handle, host, pki.context(certificate) if tls else None)
        self.url = self.server.url + prefix

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Stop at once, and wait for nothing."""
        self.server.stop()

    @property
    def connections(self):
        """All connections that were accepted."""
        return self.server.connections

    # For tests.

    def add(self, *objects):
        """Add or replace objects. A Service leads to the model (see `route`)."""
        for made in objects:
            self._store.add(made)

    def remove(self, plural, name, namespace="default"):
        """Remove an object. Example: `remove("workspaces", "phi")`."""
        self._store.remove(plural, name, namespace)

    def get(self, plural, name, namespace="default"):
        """Return an object as it is now, or None."""
        return self._store.get(plural, namespace, name)

    def route(self, name, backend, namespace="default"):
        """Let a Service lead to another model, an Upstream, or NO_OBJECT, NO_ENDPOINTS or REFUSED."""
        self._backends[namespace, name] = backend

    def grant(self, *rules, user="*"):
        """Let the user do this and nothing else. A rule is (verb, resource) or (verb, resource, name)."""
        self._rights.grant(user, rules)

    def deny(self, verb, resource, name="*", user="*"):
        """Forbid one thing, whatever was granted."""
        self._rights.deny(user, (verb, resource, name))

    def act_as(self, name):
        """Give every user the rights that USERS (rights.py) has under `name`, instead of those granted before."""
        if USERS[name] is None:
            self._rights.clear()
        else:
            self._rights.grant("*", USERS[name])

    def on(self, path, answer, times=None):
        """Answer requests whose target contains `path` with a Refusal or a Raw, before any check.

        `times` is the number of requests; None is all of them.
        """
        self._answers.append([path, answer, times])

    def hang_up(self):
        """Close every open connection, as a server that restarts does."""
        self.server.hang_up()

    def write_kubeconfig(self, folder, user="token", namespace=None, *, filename="config", **changes):
        """Write a kubeconfig as kubectl does and return its path.

        `user`: token, token-file, basic, certificate (as data), certificate-files, stranger (a certificate of
        another cluster) or none. `cluster={…}` and `credentials={…}` change single fields; None leaves a field out.
        """
        authority = {"certificate-authority-data": pki.as_data(self.ca_file)} if self._tls else {}
        fields = {"server": self.url, **authority, **changes.pop("cluster", {})}
        credentials = {**self._credentials(user, folder), **changes.pop("credentials", {})}
        return kubeconfig.write(folder, filename, kubeconfig.document(fields, credentials, namespace, **changes))

    def _credentials(self, user, folder):
        if user == "token":
            return {"token": self.token}
        if user == "token-file":
            return {"tokenFile": kubeconfig.write(folder, "token", self.token + "\n")}
        if user == "basic":
            return {"username": self.username, "password": self.password}
        if user == "none":
            return {}
        name = {"certificate": "client", "certificate-files": "client", "stranger": "stranger-client"}[user]
        pem = {"client-certificate": pki.data(f"{name}.crt"), "client-key": pki.data(f"{name}.key")}
        if user == "certificate-files":
            return pem
        return {f"{field}-data": pki.as_data(path) for field, path in pem.items()}

    # For requests.

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
        authenticate(request, self.tokens, self.passwords)
        if request.user is None and not self._tls and "authorization" not in request.headers:
            request.user = "system:unsecured"  # kubectl sends no credentials over plain HTTP
        if (
            request.user is None
            and self.anonymous
            and not request.certificate
            and "authorization" not in request.headers
        ):
            request.user = ANONYMOUS
        if request.user is None:
            _respond(exchange, status.unauthorized())
            return
        words = request.path[len(self._prefix) + 1 :].split("/")
        target = _target(words)
        if target is None:
            self._respond_page(exchange, "/".join(words))
            return
        verb = _verb(request, target)
        if not self._rights.allow(request.user, verb, target.resource, target.name):
            where = {"name": target.name, "group": target.group, "namespace": target.namespace}
            _respond(exchange, status.forbidden(request.user, verb, target.resource, **where))
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

    def _respond_page(self, exchange, path):
        request = exchange.request
        if path == review.PATH and request.method == "POST":
            attributes = review.resource_attributes(request)
            allowed = self._rights.allow(request.user, *review.right(attributes))
            _respond(exchange, review.answer(attributes, allowed), code=201)
            return
        page = discovery.page(path, self.versions)
        verb = VERBS.get(request.method, request.method.lower())
        if not self._rights.allow(request.user, verb, f"/{path}"):
            _respond(exchange, status.forbidden_path(request.user, verb, f"/{path}"))
        elif page is None:
            _not_served(exchange)
        else:
            _respond(exchange, page)

    def _respond_objects(self, exchange, verb, target):
        kind = KINDS.get(target.resource)
        served = target.version in (self.versions if target.group else ("v1",))
        if kind is None or not served or kind.group != target.group or not kind.served(target.version):
            _not_served(exchange)
        elif verb == "get":
            found = self._store.get(kind.plural, target.namespace, target.name)
            missing = status.not_found(target.name, kind.plural, kind.group)
            _respond(exchange, missing if found is None else _shown(found, target))
        elif verb == "list":
            self._list(exchange, kind, target)
        elif verb == "watch":
            self._watch(exchange, target)
        else:
            message = "the server does not allow this method on the requested resource"
            _respond(exchange, status.status(405, "MethodNotAllowed", message))

    def _list(self, exchange, kind, target):
        found, version = self._store.list(_selection(exchange.request, target))
        made = {"kind": f"{kind.kind}List", "apiVersion": discovery.group_version(target.group, target.version)}
        made.update(metadata={"resourceVersion": str(version)}, items=[_shown(each, target) for each in found])
        _respond(exchange, made)

    def _watch(self, exchange, target):
        """Send every change after `resourceVersion` until the client leaves; without one, first every object.

        A watch ends cleanly after `timeoutSeconds`.
        """
        query = _query(exchange.request)
        selection = _selection(exchange.request, target)
        since = int(query.get("resourceVersion") or 0)
        end = time.monotonic() + float(query.get("timeoutSeconds") or 1800)
        exchange.start(200, (*_audit(), ("Content-Type", "application/json")))
        if not since:
            found, since = self._store.list(selection)
            for made in found:
                exchange.chunk(_watch_event("ADDED", _shown(made, target)))
        while time.monotonic() < end and not exchange.gone():
            changes, since = self._store.changes(selection, since, POLL)
            for change in changes:
                exchange.chunk(_watch_event(change.event, _shown(change.made, target)))
        exchange.end()

    def _proxy(self, exchange, target):
        try:
            name = proxy.identifier(target.name).name
            service = self._store.get("services", target.namespace, name)
            backend = self._backends.get((target.namespace, name), self.model)
            model = proxy.reach(target.name, service, backend)
        except proxy.Unreachable as error:
            _respond(exchange, error.status)
            return
        exchange.request = proxy.forwarded(exchange.request, target.rest)
        exchange.added = _audit()
        try:
            model.handle(exchange)
        except Refused as error:
            exchange.added = ()
            _respond(exchange, proxy.no_answer(error))
        except ClientGone:
            if not exchange.abandoned or exchange.status is not None:
                raise
            exchange.added = ()
            _respond(exchange, proxy.no_answer("EOF"))


def _target(words):
    """Return the object or list that a path names, None if it names none. `words` are the path's parts."""
    words = [urllib.parse.unquote(word) for word in words]
    if words[:2] == ["api", "v1"]:
        group, version, words = "", "v1", words[2:]
    elif words[:2] == ["apis", "kaito.sh"] and len(words) > 3:
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
    """Return the verb that RBAC checks."""
    verb = VERBS.get(request.method, request.method.lower())
    if verb != "get" or target.name:
        return verb
    return "watch" if _query(request).get("watch") in ("1", "true") else "list"


def _query(request):
    return {name: values[0] for name, values in urllib.parse.parse_qs(request.query).items()}


def _selection(request, target):
    query = _query(request)
    selectors = equalities(query.get("labelSelector", "")), equalities(query.get("fieldSelector", ""))
    return Selection(target.resource, target.namespace, *selectors)


def _shown(made, target):
    """Return an object in the version that was asked for."""
    return {**made, "apiVersion": discovery.group_version(target.group, target.version)}


def _watch_event(event, made):
    return json.dumps({"type": event, "object": made}, separators=(",", ":")).encode() + b"\n"


def _audit():
    """Return the headers that the API server adds to every answer."""
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
    return (("Audit-Id", str(uuid.uuid4())), ("Cache-Control", "no-cache, private"), ("Date", date))


def _respond(exchange, body, code=None):
    """Answer with an object; a Status has its own code. Above 2 KiB it is chunked, as by Go's server."""
    if exchange.request.headers.get("user-agent", "").startswith(INDENTED):
        text = json.dumps(body, indent=2)
    else:
        text = json.dumps(body, separators=(",", ":")) + "\n"
    code = code or (body["code"] if body.get("kind") == "Status" else 200)
    headers = (*_audit(), ("Content-Type", "application/json"))
    if len(text) <= 2048:
        exchange.respond(code, text, headers)
        return
    exchange.start(code, headers)
    exchange.chunk(text.encode())
    exchange.end()


def _not_served(exchange):
    """Answer for a path, or a group version, that does not exist: with plain text, not with a Status."""
    headers = (("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff"))
    exchange.respond(404, "404 page not found\n", (*_audit(), *headers))
