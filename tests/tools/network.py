"""A network namespace for a test: its addresses and names lead nowhere else, and it has a pod's files."""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

from tests.cluster.process import program

CLONE_NEWNET = 0x40000000

# Pods have a resolv.conf from the kubelet, and the folder of their service account.
SCRIPT = """\
set -e
ip link set lo up
for address in $1; do ip address add "$address" dev lo; done
run=$(readlink -f /var/run)
resolver=$(readlink -m /etc/resolv.conf)
mount -t tmpfs none "$run"
mkdir -p "$run/secrets/kubernetes.io" "$(dirname "$resolver")"
if test -n "$2"; then ln -s "$2" "$run/secrets/kubernetes.io/serviceaccount"; fi
if test -n "$3"; then
  test -e "$resolver" || : > "$resolver"
  mount --bind "$3" "$resolver"
fi
echo ready
exec cat
"""


@functools.cache
def why_not():
    """Return the reason why this machine cannot make a namespace, "" if it can."""
    missing = [name for name in ("unshare", "nsenter", "ip") if shutil.which(name) is None]
    if missing:
        return f"no {missing[0]} here"
    if os.geteuid() != 0:
        return "only root may enter a network namespace"
    tried = subprocess.run(["unshare", "-n", "-m", "ip", "link", "set", "lo", "up"], capture_output=True, text=True)
    return tried.stderr.strip() if tried.returncode else ""


class Network:
    """A network namespace. Use it in a `with` statement. State: the process that holds it.

    `addresses` are those of this machine besides loopback's. `service_account` is the folder that appears where a
    pod has it, and `resolver` the text of resolv.conf, written to `folder`.
    """

    def __init__(self, folder, addresses=(), service_account="", resolver=""):
        file = ""
        if resolver:
            file = os.path.join(folder, "resolv.conf")
            with open(file, "w", encoding="utf-8") as opened:
                opened.write(resolver)
        words = ["unshare", "-n", "-m", "sh", "-c", SCRIPT, "sh", " ".join(addresses), str(service_account), file]
        self._holder = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        if self._holder.stdout.readline() != "ready\n":
            raise RuntimeError(self._holder.communicate()[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._holder.communicate("")

    @property
    def command(self):
        """The words that start the program in the namespace."""
        return ["nsenter", "-t", str(self._holder.pid), "-n", "-m", *program()]

    def inside(self, make):
        """Call `make()` in the namespace and return its result, whose sockets stay there for all threads."""

        def enter():
            with open(f"/proc/{self._holder.pid}/ns/net", encoding="utf-8") as file:
                if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
            return make()

        # Only this thread enters the namespace, and ends there.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(enter).result()
