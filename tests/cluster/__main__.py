"""python3 -m tests.cluster: a chat on a stand-in cluster. See `--help`."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

from .api import Cluster
from .life import play
from .model import Model
from .objects import service, workspace
from .phases import LIFE
from .process import program
from .upstream import Upstream
from .workload import Workload

USAGE = """python3 -m tests.cluster [--workspace NAME] [--upstream URL] [-- CHAT-FLAGS…]
       python3 -m tests.cluster [--workspace NAME] [--upstream URL] --serve
       python3 -m tests.cluster [--workspace NAME] --life [--life-seconds N]"""
DESCRIPTION = "Start a stand-in cluster on loopback and open a chat on it. Your own kubeconfig is not touched."
PACE = 0.03  # seconds between two words of the scripted model


def arguments(argv):
    """Return the parsed command line, and the words after "--", which are the chat's."""
    own, chat = (argv[: argv.index("--")], argv[argv.index("--") + 1 :]) if "--" in argv else (argv, [])
    parser = argparse.ArgumentParser(prog="python3 -m tests.cluster", usage=USAGE, description=DESCRIPTION)
    parser.add_argument("--serve", action="store_true", help="print the kubeconfig's path and wait until interrupted")
    parser.add_argument("--upstream", metavar="URL", help="an OpenAI-compatible server instead of the scripted model")
    parser.add_argument("--workspace", metavar="NAME", default="phi-3-5-mini", help="default: phi-3-5-mini")
    life = "as --serve, with a workspace that starts: print each of its phases to stderr as it begins"
    parser.add_argument("--life", action="store_true", help=life)
    parser.add_argument("--life-seconds", metavar="N", type=float, default=60.0, help="how long the start takes: 60")
    options = parser.parse_args(own)
    if (options.serve or options.life) and chat:
        parser.error(f"--{'serve' if options.serve else 'life'} opens no chat to pass flags to")
    if options.life and options.upstream:
        parser.error("--life plays the start of the scripted model, not of --upstream")
    return options, chat


def upstream(url):
    """Return the server at `url` and the name of the model it serves (None if it does not say)."""
    try:
        model = Upstream(url)
    except ValueError as error:
        sys.exit(f"error: --upstream: {error}")
    try:
        return model, model.name()
    except (OSError, ValueError) as error:
        print(f"{url} did not name its model ({error}); going on without", file=sys.stderr)
        return model, None


def main(argv):
    """Run the cluster and return the exit code."""
    options, chat = arguments(argv)
    if options.upstream:
        model, name = upstream(options.upstream)
        served = f"its model is {name or 'unknown'}, at {options.upstream}"
    else:
        model = Model(pace=PACE)
        name = model.name
        served = "its model is a script"
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    folder = tempfile.mkdtemp(prefix="stand-in-cluster-")
    try:
        with Cluster(model=model) as cluster:
            path = cluster.write_kubeconfig(folder)
            if options.life:
                play(Workload(cluster, options.workspace, LIFE[0], preset=name, model=model), options.life_seconds)
                return serve(path)
            cluster.add(workspace(options.workspace, preset=name), service(options.workspace))
            if options.serve:
                return serve(path)
            print(f"A stand-in cluster runs at {cluster.url}; {served}.", file=sys.stderr)
            print("Leave with /quit.\n", file=sys.stderr, flush=True)
            return open_chat([*program(), "chat", "--kubeconfig", path, "--workspace-name", options.workspace, *chat])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def serve(path):
    """Print the path of the kubeconfig and wait for Ctrl-C or SIGTERM."""
    print(path, flush=True)
    try:
        # Not one endless wait: Python would handle a signal that comes right before it only after it.
        while not threading.Event().wait(1):
            pass
    except KeyboardInterrupt:
        return 130
    return 0


def open_chat(command):
    """Hand the terminal over to the chat and return its exit code."""
    # Ctrl-C is the chat's business. A handler, unlike SIG_IGN, is not inherited by the chat.
    signal.signal(signal.SIGINT, lambda *_: None)
    try:
        code = subprocess.call(command, env=os.environ)
    except OSError as error:
        sys.exit(f"error: cannot start {command[1]}: {error.strerror}")
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
