"""How fast a stream passes through the whole program, and how much memory it takes. By hand:

    python3 -m tests.benchmarks.stream [--rounds N]

Time: 200,000 events, from the program's start to its end, against LOOP, which reads, parses and writes the same
answer and nothing more: at most 1.2 times its time. Both run in turn, and the best of the rounds counts, so that
whatever else the machine does weighs on both. Memory: from 2,000 to 2,000,000 events the peak may grow by 2.5
times the answer's bytes and 2 MiB. The server is a process of its own and sends bytes that are made beforehand:
each event in an HTTP chunk of its own, as vLLM's come through the API server.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time

from tests.cluster import kubeconfig
from tests.cluster.objects import service, workspace
from tests.cluster.process import environment, program

EVENTS = 200_000
FEW, MANY = 2_000, 2_000_000
MOST_TIME = 1.2
MOST_MEMORY = 2.5
SLACK = 2 << 20

NAME = "phi-3-5-mini"
BLOCK = 1_000  # events that are made and sent at a time; all counts are multiples of it
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
    """One event in its chunk, as vLLM writes it."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason, "token_ids": None}
    frame = {"id": "chatcmpl-bbc73fd62d62d367", "object": "chat.completion.chunk", "created": 1795381901}
    data = {**frame, "model": "phi-3.5-mini-instruct", "choices": [choice]}
    return chunk(f"data: {json.dumps(data, separators=(',', ':'))}\n\n".encode())


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def serve(count):
    """Print the port, then answer as an API server with one workspace whose model says `count` words."""
    block = b"".join(event({"content": WORDS[number % len(WORDS)]}) for number in range(BLOCK))
    start = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    end = event({}, "stop") + chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"
    objects = {b"/workspaces/": workspace(NAME), b"/services/": service(NAME)}

    def talk(connection):
        stream = connection.makefile("rb")
        while line := stream.readline():
            size = 0
            while (header := stream.readline()) != b"\r\n":
                if header.lower().startswith(b"content-length:"):
                    size = int(header.partition(b":")[2])
            stream.read(size)
            if line.startswith(b"POST"):
                connection.sendall(start)
                for _ in range(count // BLOCK):
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
    """A server of `count` events and the two clients. State: the server's process."""

    def __init__(self, count, folder):
        command = [sys.executable, "-m", "tests.benchmarks.stream", "--serve", str(count)]
        self.server = subprocess.Popen(command, stdout=subprocess.PIPE)
        port = int(self.server.stdout.readline())
        document = kubeconfig.document({"server": f"http://127.0.0.1:{port}"}, {})
        path = kubeconfig.write(folder, f"config-{count}", document)
        self.program = [*program(), "chat", "--workspace-name", NAME, "--kubeconfig", path]
        self.loop = [sys.executable, "-c", LOOP, str(port), "/v1/chat/completions"]
        self.size = count // len(WORDS) * sum(map(len, WORDS)) + 1
        self.environment = environment(folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with self.server:
            self.server.kill()

    def measure(self, command):
        """Run a client; returns (seconds, peak memory in bytes). Raises RuntimeError for a wrong answer."""
        reading, writing = os.pipe()
        began = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=writing, env=self.environment)
        os.close(writing)
        process.stdin.write(b"Tell a story\n")
        process.stdin.close()
        size = 0
        while data := os.read(reading, 1 << 16):
            size += len(data)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        os.close(reading)
        process.returncode = status
        if status or size != self.size:
            raise RuntimeError(f"{command}: status {status}, {size:,} of {self.size:,} bytes")
        return seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def compare_time(folder, rounds):
    """Print and judge the time."""
    with Rig(EVENTS, folder) as rig:
        runs = [(rig.measure(rig.loop)[0], rig.measure(rig.program)[0]) for _ in range(rounds)]
    loop, whole = (min(times) for times in zip(*runs))
    print(f"{EVENTS:,} events     seconds   events/s")
    for name, seconds in (("http.client loop", loop), ("whole program", whole)):
        print(f"{name:<18}{seconds:>8.2f}{EVENTS / seconds:>11,.0f}")
    return verdict("time", whole / loop, MOST_TIME)


def compare_memory(folder):
    """Print and judge the peak memory."""
    print(f"\n{'events':<18}{'answer':>12}{'peak':>12}")
    peaks, sizes = [], []
    for count in (FEW, MANY):
        with Rig(count, folder) as rig:
            peaks.append(rig.measure(rig.program)[1])
            sizes.append(rig.size)
        print(f"{count:<18,}{sizes[-1] / (1 << 20):>8.2f} MiB{peaks[-1] / (1 << 20):>8.2f} MiB")
    return verdict("growth above 2 MiB", max(0, peaks[1] - peaks[0] - SLACK) / sizes[1], MOST_MEMORY)


def verdict(what, ratio, most):
    print(f"{what}: {ratio:.2f} of at most {most} times: {'fine' if ratio <= most else 'TOO MUCH'}")
    return ratio <= most


def main(argv):
    """Run it all and return the exit code: 1 where a bound is passed."""
    parser = argparse.ArgumentParser(prog="python3 -m tests.benchmarks.stream", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="how often the time is taken (default 5)")
    parser.add_argument("--serve", type=int, metavar="EVENTS", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.serve:
        serve(options.serve)
    with tempfile.TemporaryDirectory() as folder:
        results = [compare_time(folder, options.rounds), compare_memory(folder)]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
