"""A kubeconfig of many contexts with embedded certificates, as kubectl writes it, for timing.

`python -m tests.kube.kubeconfig.big_file FILE [CONTEXTS]` writes one; 1,000 contexts are 5.5 MB.
"""

from __future__ import annotations

import base64
import random
import sys
from pathlib import Path

# Bytes of DER; as PEM in base64 they are together about 5 kB a context, as an EKS, AKS or kubeadm file has them.
_AUTHORITY, _CERTIFICATE, _KEY = 920, 680, 1090


def text(contexts, seed=0):
    """Return the file's text. The current context is the last one. Names and data depend on the seed only."""
    chance = random.Random(seed)

    def pem(title, size):
        body = base64.encodebytes(chance.getrandbits(8 * size).to_bytes(size, "big")).decode()
        return base64.b64encode(f"-----BEGIN {title}-----\n{body}-----END {title}-----\n".encode()).decode()

    names = [f"arn:aws:eks:eu-west-{n % 4}:{chance.randrange(10**12):012}:cluster/team-{n}" for n in range(contexts)]
    lines = ["apiVersion: v1", "clusters:"]
    for number, name in enumerate(names):
        lines += [
            "- cluster:",
            f"    certificate-authority-data: {pem('CERTIFICATE', _AUTHORITY)}",
            f"    server: https://{number:05}.gr7.eu-west-1.eks.example.com",
            f"  name: {name}",
        ]
    lines.append("contexts:")
    for name in names:
        lines += ["- context:", f"    cluster: {name}", "    namespace: ml", f"    user: {name}", f"  name: {name}"]
    lines += [f"current-context: {names[-1]}", "kind: Config", "preferences: {}", "users:"]
    for name in names:
        lines += [
            f"- name: {name}",
            "  user:",
            f"    client-certificate-data: {pem('CERTIFICATE', _CERTIFICATE)}",
            f"    client-key-data: {pem('PRIVATE KEY', _KEY)}",
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(text(int(sys.argv[2]) if len(sys.argv) > 2 else 1000))
