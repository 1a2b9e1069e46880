"""A tiny DNS server: it has the names that it is given, and says that no other name exists."""

from __future__ import annotations

import ipaddress
import socket
import struct
import threading

A, AAAA = 1, 28
NO_SUCH_NAME = 3


class Names:
    """A server over UDP at host:53. `addresses` has the address of each name, `asked` the names in questions.

    If `silent` is set, it answers no question. Tests may change `addresses` and `silent`.
    """

    def __init__(self, addresses, host="127.0.0.1"):
        self.asked = []
        self.addresses = addresses
        self.silent = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        try:
            # This wakes the thread that reads, which would otherwise keep the port.
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()

    def _serve(self):
        while True:
            try:
                question, client = self._socket.recvfrom(4096)
                if not question:
                    return
                if not self.silent:
                    self._socket.sendto(self._answer(question), client)
            except OSError:
                return

    def _answer(self, question):
        """Return the head, the question as it came, and at most one answer that refers to its name (RFC 1035, 4)."""
        labels, position = [], 12
        while question[position]:
            length = question[position]
            labels.append(question[position + 1 : position + 1 + length].decode())
            position += 1 + length
        kind = struct.unpack("!H", question[position + 1 : position + 3])[0]
        name = ".".join(labels).lower()
        self.asked.append(name)
        address = ipaddress.ip_address(self.addresses[name]) if name in self.addresses else None
        wanted = address is not None and kind == (A if address.version == 4 else AAAA)
        code = NO_SUCH_NAME if address is None else 0
        head = question[:2] + struct.pack("!HHHHH", 0x8580 | code, 1, int(wanted), 0, 0)
        asked = question[12 : position + 5]
        if not wanted:
            return head + asked
        data = address.packed
        return head + asked + struct.pack("!HHHIH", 0xC00C, kind, 1, 5, len(data)) + data
