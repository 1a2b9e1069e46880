"""A long stream through the whole program: its speed, and the memory it takes.

Speed: 200,000 events from the program's start to its end, against LOOP, which reads, parses and writes the same answer
and does nothing else; and on a terminal, with Markdown, against `--render raw`. Memory: the growth of the peak from
2,000 to 2,000,000 events, beyond 2 MiB, as a multiple of the answer's size. The server is a process of its own
(`python3 -m tests.benchmarks.stream EVENTS BLOCK`) and sends bytes that it made in advance: each event in an HTTP chunk
of its own, as vLLM's events come through the API server.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time

from tests.cluster import Terminal, kubeconfig
from tests.cluster.objects import service, workspace
from tests.cluster.process import ROOT, environment, program

from .measure import Row, mebibytes, paired, usage

EVENTS = 200_000
FEW, MANY = 2_000, 2_000_000
MOST_TIME = 1.2
MOST_RENDERING = 3.0
MOST_MEMORY = 2.5
SLACK = 2 << 20

NAME = "phi-3-5-mini"
QUESTION = b"Tell a story\n"
BLOCK = 1_000  # events that the server sends at a time; counts are multiples of it
WORDS = ("Once", " upon", " a", " time", " a", " cluster", " had", " one", " node", ".\n")

LOOP = """
import http.client, json, sys
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
connection.request("POST", sys.argv[2], "{}", {"Content-Type": "application/json"})
for line in connection.getresponse():
    if line.startswith(b"data: ") and not line.startswith(b"data: [DONE]"):
        for choice in json.loads(line[6:])["choices"]:
            sys.stdout.write(choice["delta"].get("content") or "")
            sys.stdout.flush()
print()
"""


def event(delta, reason=None):
    """Return one event in its chunk, as vLLM writes it."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason, "token_ids": None}
    frame = {"id": "chatcmpl-bbc73fd62d62d367", "object": "chat.completion.chunk", "created": 1795381901}
    data = {**frame, "model": "phi-3.5-mini-instruct", "choices": [choice]}
    return chunk(f"data: {json.dumps(data, separators=(',', ':'))}\n\n".encode())


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def serve(count, size):
    """Print the port, then serve one workspace, whose model answers with `count` words, sent `size` at a time."""
    block = b"".join(event({"content": WORDS[number % len(WORDS)]}) for number in range(size))
    start = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    end = event({}, "stop") + chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"
    objects = {b"/workspaces/": workspace(NAME), b"/services/": service(NAME)}

    def talk(connection):
        stream = connection.makefile("rb")
        while line := stream.readline():
            length = 0
            while (header := stream.readline()) != b"\r\n":
                if header.lower().startswith(b"content-length:"):
                    length = int(header.partition(b":")[2])
            stream.read(length)
            if line.startswith(b"POST"):
                connection.sendall(start)
                for _ in range(count // size):
                    connection.sendall(block)
                connection.sendall(end)
                continue
            body = json.dumps(next(value for path, value in objects.items() if path in line)).encode()
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
            connection.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            threading.Thread(target=talk, args=(listener.accept()[0],), daemon=True).start()


class Rig:
    """A server of `count` events, and the two clients. State: the server's process."""

    def __init__(self, count, folder, block=BLOCK):
        command = [sys.executable, "-m", "tests.benchmarks.stream", str(count), str(block)]
        self.server = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
        port = int(self.server.stdout.readline())
        document = kubeconfig.document({"server": f"http://127.0.0.1:{port}"}, {})
        path = kubeconfig.write(folder, f"config-{count}", document)
        self.program = [*program(), "chat", "--workspace-name", NAME, "--kubeconfig", path]
        self.loop = [sys.executable, "-c", LOOP, str(port), "/v1/chat/completions"]
        self.size = count // len(WORDS) * sum(map(len, WORDS)) + 1
        self.environment = environment(folder)
        self.folder = folder

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with self.server:
            self.server.kill()

    def seconds(self, command):
        """Run a client and return its wall time. Raise RuntimeError for a wrong answer."""
        began = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=self.environment
        )
        with process:
            process.stdin.write(QUESTION)
            process.stdin.close()
            size = 0
            while data := os.read(process.stdout.fileno(), 1 << 16):
                size += len(data)
        took = time.perf_counter() - began
        if process.returncode or size != self.size:
            raise RuntimeError(f"{command}: status {process.returncode}, {size:,} of {self.size:,} bytes")
        return took

    def seconds_on_terminal(self, *flags):
        """Run the program on a terminal, with the question as a flag, and return its wall time."""
        began = time.perf_counter()
        words = [*self.program[1:], "-q", "-m", "Tell a story", *flags]
        with Terminal(words, command=self.program[:1], home=self.folder, env={"TERM": "xterm-256color"}) as screen:
            if screen.wait(120):
                raise RuntimeError(f"{words}: {screen.text[-1000:]}")
        return time.perf_counter() - began


def rows(folder, rounds):
    """Return the rows for speed and memory."""
    with Rig(EVENTS, folder) as rig:
        (loop, whole), ratios = paired((lambda: rig.seconds(rig.loop), lambda: rig.seconds(rig.program)), rounds)
        on_terminal = (lambda: rig.seconds_on_terminal("--render", "raw"), rig.seconds_on_terminal)
        (raw, rendered), rendering = paired(on_terminal, rounds)
    peaks, sizes = [], []
    for count in (FEW, MANY):
        with Rig(count, folder) as rig:
            peaks.append(usage(rig.program, rig.environment, QUESTION).peak)
            sizes.append(rig.size)
    growth = max(0, peaks[1] - peaks[0] - SLACK) / sizes[1]
    reference = f"ten lines of http.client and json: {EVENTS / loop:,.0f} a second"
    return [
        Row("stream of 200,000 events", f"{EVENTS / whole:,.0f} a second", reference, ratios[1], MOST_TIME),
        Row(
            "the same stream on a terminal, with Markdown",
            f"{EVENTS / rendered:,.0f} a second",
            f"the program with --render raw: {EVENTS / raw:,.0f} a second",
            rendering[1],
            MOST_RENDERING,
        ),
        Row(
            "memory of an answer of 2,000,000 events",
            f"{mebibytes(peaks[1] - peaks[0])} more",
            f"the answer itself, beyond 2 MiB: {mebibytes(sizes[1])}",
            growth,
            MOST_MEMORY,
        ),
    ]


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]))
