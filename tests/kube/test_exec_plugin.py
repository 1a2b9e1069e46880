from __future__ import annotations

import json
import os
import pty
import select
import shutil
import signal
import subprocess

import pytest

from kaito.errors import ClusterError
from kaito.kube.credential import NEVER
from kaito.kube.exec_plugin import Issued, parse, run
from kaito.net.tls import Certificate
from tests.kube.oracle import (
    DATA,
    RecordingServer,
    ask_as_kubectl,
    encoded,
    exec_credential,
    load,
    needs_kubectl,
    plugin,
    session,
    target_for,
    write_kubeconfig,
    write_program,
)

V1 = "client.authentication.k8s.io/v1"
TOKEN = {"token": "t0ken"}
CERTIFICATE, KEY = (DATA / "alice.crt").read_text(), (DATA / "alice.key").read_text()
OTHER_KEY = (DATA / "bob.key").read_text()


def until(text):
    return exec_credential({"token": "t0ken", "expirationTimestamp": text})


# What plugins print and kubectl accepts, with the Unix time of the expiry (`date -u -d … +%s`).
TAKEN = [
    pytest.param(exec_credential(TOKEN), NEVER, id="a token"),
    pytest.param("\ufeff \n" + exec_credential(TOKEN) + "\n", NEVER, id="a byte order mark and white space"),
    pytest.param(exec_credential(TOKEN, kind=None), NEVER, id="kind null"),
    pytest.param(json.dumps({"apiVersion": V1, "status": TOKEN}), NEVER, id="no kind"),
    pytest.param(exec_credential(TOKEN, spec={}, metadata={"a": 1}), NEVER, id="unknown fields"),
    pytest.param(f"apiVersion: {V1}\nkind: ExecCredential\nstatus:\n  token: t0ken\n", NEVER, id="YAML"),
    pytest.param(until(None), NEVER, id="until null"),
    pytest.param(until("0001-01-01T00:00:00Z"), NEVER, id="until Go's zero time"),
    pytest.param(until("2101-02-03T04:05:06Z"), 4136846706, id="until a time in UTC"),
    pytest.param(until("2101-02-03T04:05:06.123456789Z"), 4136846706, id="until a time with nanoseconds"),
    pytest.param(until("2101-02-03T04:05:06+05:30"), 4136826906, id="until a time east of UTC"),
    pytest.param(until("2101-02-03T04:05:06-08:00"), 4136875506, id="until a time west of UTC"),
    pytest.param(until("2001-02-03T04:05:06Z"), 981173106, id="until a time in the past"),
]

REFUSED = [
    pytest.param("", "something other than", id="nothing"),
    pytest.param("please log in", "something other than", id="words"),
    pytest.param("[1]", "something other than", id="a list"),
    pytest.param("{", "neither JSON nor YAML", id="half a document"),
    pytest.param(exec_credential(TOKEN) + "x", "neither JSON nor YAML", id="words after it"),
    pytest.param(exec_credential(TOKEN) * 2, "neither JSON nor YAML", id="two documents"),
    pytest.param(exec_credential({"token": "t", "x": float("nan")}), "neither JSON nor YAML", id="NaN"),
    pytest.param(exec_credential(TOKEN, kind="Pod"), "something other than", id="another kind"),
    pytest.param(exec_credential(TOKEN, "v1beta1"), f"is configured for apiVersion {V1} but prints", id="v1beta1"),
    pytest.param(
        exec_credential(TOKEN, apiVersion=None), "but prints an unknown apiVersion or none", id="no apiVersion"
    ),
    pytest.param(json.dumps({"apiVersion": V1, "kind": "ExecCredential"}), "without a status", id="no status"),
    pytest.param(exec_credential([]), "without a status", id="a status that is a list"),
    pytest.param(exec_credential({}), "neither a token nor a certificate", id="an empty status"),
    pytest.param(exec_credential({"Token": "t"}), "neither a token nor a certificate", id="Token with a capital"),
    pytest.param(exec_credential({"token": 7}), "a token that is not a string", id="a token that is a number"),
    pytest.param(exec_credential({"token": "t", "clientCertificateData": CERTIFICATE}), "only one of", id="no key"),
    pytest.param(exec_credential({"clientCertificateData": "x", "clientKeyData": "y"}), "not PEM", id="no PEM"),
    pytest.param(until("tomorrow"), "not an RFC 3339 time", id="until tomorrow"),
    pytest.param(until(""), "not an RFC 3339 time", id='until ""'),
    pytest.param(until(4136846706), "that is not a string", id="until a number"),
    pytest.param(until("2101-02-03T04:05:06"), "not an RFC 3339 time", id="until a time without a zone"),
    pytest.param(until("2101-02-03 04:05:06Z"), "not an RFC 3339 time", id="until a time with a space"),
    pytest.param(until("2101-02-03t04:05:06z"), "not an RFC 3339 time", id="until a time in lower case"),
    pytest.param(until("2101-02-30T04:05:06Z"), "not an RFC 3339 time", id="until February 30th"),
    pytest.param(until("2101-02-03T04:05:06+0530"), "not an RFC 3339 time", id="until a zone without a colon"),
]


@pytest.fixture(scope="module")
def server():
    server = RecordingServer("https")
    yield server
    server.close()


def run_plugin(directory, text, **fields):
    """Run a shell script as the plugin of a user, without a terminal."""
    target = target_for(directory, plugin(write_program(directory / "plugin", text), **fields))
    return run(target.user, target.cluster, terminal=False)


def refusal(directory, text, **fields):
    with pytest.raises(ClusterError) as caught:
        run_plugin(directory, text, **fields)
    return caught.value


class TestWhatItPrints:
    @pytest.mark.parametrize(("output", "expires"), TAKEN)
    def test_is_read(self, output, expires):
        assert parse(output.encode(), V1) == Issued("t0ken", None, expires)

    @pytest.mark.parametrize(("output", "reason"), REFUSED)
    def test_is_refused(self, output, reason):
        with pytest.raises(ValueError, match=reason):
            parse(output.encode(), V1)

    def test_may_be_a_certificate_alone(self):
        status = {"clientCertificateData": CERTIFICATE, "clientKeyData": KEY}
        certificate = Certificate(
            data=CERTIFICATE.encode(),
            key_data=KEY.encode(),
            data_name="clientCertificateData",
            key_data_name="clientKeyData",
        )
        assert parse(exec_credential(status).encode(), V1) == Issued("", certificate, NEVER)

    @pytest.mark.parametrize(
        ("certificate", "key", "reason"),
        [
            pytest.param(
                CERTIFICATE,
                OTHER_KEY,
                "clientKeyData is not the key of the certificate in clientCertificateData",
                id="not a pair",
            ),
            pytest.param(KEY, KEY, "clientCertificateData holds no PEM certificate", id="two keys"),
            pytest.param(CERTIFICATE, CERTIFICATE, "clientKeyData holds no PEM private key", id="two certificates"),
            pytest.param(
                CERTIFICATE.replace("M", "N"),
                KEY,
                "the client certificate clientCertificateData or its key clientKeyData cannot be used: ",
                id="damaged",
            ),
        ],
    )
    @pytest.mark.parametrize("ask", ["we", pytest.param("kubectl", marks=needs_kubectl)])
    def test_may_not_be_a_certificate_that_cannot_be_used(self, certificate, key, reason, ask, server, tmp_path):
        """The plugin is at fault, and not the kubeconfig's client-certificate-data, which does not exist."""
        output = exec_credential({"clientCertificateData": certificate, "clientKeyData": key})
        (tmp_path / "output").write_text(output)
        command = write_program(tmp_path / "plugin", f"#!/bin/sh\ncat {tmp_path}/output\n")
        config = write_kubeconfig(tmp_path / "config", plugin(command), server.url)
        if ask == "kubectl":
            assert "failed parsing client" in ask_as_kubectl(config).stderr
            return
        target = load(config)
        with pytest.raises(ClusterError) as caught:
            run(target.user, target.cluster, terminal=False)
        problem = f"gives a client certificate that cannot be used: {reason}"
        assert caught.value.message.startswith(f'the exec plugin "{command}" of user "alice" {problem}')
        assert caught.value.hint == f'user "alice" is in {config}'

    def test_may_not_be_nested_too_deeply(self):
        with pytest.raises(ValueError, match="neither JSON nor YAML"):
            parse(b'{"a":' * 100_000, V1)

    @pytest.mark.parametrize("output", [b"\xff\xfe", b"t0ken: [", b'{"token": "t0ken"'])
    def test_is_never_quoted_in_an_error(self, output):
        with pytest.raises(ValueError) as caught:
            parse(output, V1)
        assert "t0ken" not in str(caught.value)
        assert "t0ken" not in repr(Issued("t0ken", None, NEVER))

    @needs_kubectl
    @pytest.mark.parametrize(("output", "_"), TAKEN + REFUSED)
    def test_is_accepted_or_refused_as_by_kubectl(self, output, _, server, tmp_path):
        (tmp_path / "output").write_text(output)
        command = write_program(tmp_path / "plugin", f"#!/bin/sh\ncat {tmp_path}/output\n")
        config = write_kubeconfig(tmp_path / "config", plugin(command), server.url)
        answer = ask_as_kubectl(config)
        target = load(config)
        try:
            ours = bool(run(target.user, target.cluster, terminal=False))
        except ClusterError:
            ours = False
        assert ours == (answer.returncode == 0), answer.stderr


class TestWhatItReceives:
    """The plugin writes its environment to a file, which is compared with what kubectl gives it."""

    SAVE = "#!/bin/sh\nenv >{}/env\necho \"$KUBERNETES_EXEC_INFO\" >{}/info\necho '{}'\n"

    def info(self, directory):
        return json.loads((directory / "info").read_text())

    @pytest.mark.parametrize("version", ["v1", "v1beta1"])
    @pytest.mark.parametrize(
        "cluster",
        [
            pytest.param({}, id="authority file"),
            pytest.param(
                {"certificate-authority": "", "certificate-authority-data": encoded("ca.crt")}, id="authority data"
            ),
            pytest.param({"certificate-authority": "", "insecure-skip-tls-verify": True}, id="insecure"),
            pytest.param({"tls-server-name": "localhost"}, id="server name"),
            pytest.param({"proxy-url": "http://127.0.0.1:1"}, id="proxy"),
            pytest.param({"disable-compression": True}, id="no compression"),
            pytest.param({"disable-compression": False}, id="compression"),
            pytest.param(
                {
                    "extensions": [
                        {"name": "other", "extension": {"a": 1}},
                        {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "ü", "n": [1, None]}},
                    ]
                },
                id="extension",
            ),
        ],
    )
    @needs_kubectl
    def test_is_the_same_from_kubectl(self, cluster, version, server, tmp_path):
        command = write_program(
            tmp_path / "plugin", self.SAVE.format(tmp_path, tmp_path, exec_credential(TOKEN, version))
        )
        user = plugin(command, version, provideClusterInfo=True)
        config = write_kubeconfig(tmp_path / "config", user, server.url, **cluster)
        ask_as_kubectl(config)
        expected = self.info(tmp_path)
        (tmp_path / "info").unlink()
        target = load(config)
        run(target.user, target.cluster, terminal=False)
        assert self.info(tmp_path) == expected

    def test_has_no_cluster_unless_the_user_asks_for_it(self, tmp_path):
        run_plugin(tmp_path, self.SAVE.format(tmp_path, tmp_path, exec_credential(TOKEN)))
        assert self.info(tmp_path) == {"kind": "ExecCredential", "apiVersion": V1, "spec": {"interactive": False}}

    def test_adds_its_env_to_ours(self, tmp_path, monkeypatch):
        monkeypatch.setenv("OURS", "kept")
        monkeypatch.setenv("BOTH", "ours")
        env = [{"name": "BOTH", "value": "theirs"}, {"name": "EMPTY", "value": ""}]
        run_plugin(tmp_path, self.SAVE.format(tmp_path, tmp_path, exec_credential(TOKEN)), env=env)
        lines = (tmp_path / "env").read_text().splitlines()
        assert {"OURS=kept", "BOTH=theirs", "EMPTY="} <= set(lines)

    def test_an_authority_that_cannot_be_read_is_named(self, tmp_path):
        target = target_for(tmp_path, plugin("true", provideClusterInfo=True))
        cluster = target.cluster._replace(ca_file=str(tmp_path / "gone.crt"))
        with pytest.raises(ClusterError, match=r'authority .*gone\.crt of cluster "here": no such file'):
            run(target.user, cluster, terminal=False)


class TestTheProgram:
    def test_gets_its_arguments_without_a_shell(self, tmp_path):
        script = f"#!/bin/sh\nprintf '%s|' \"$@\" >{tmp_path}/args\necho '{exec_credential(TOKEN)}'\n"
        run_plugin(tmp_path, script, args=["a b", "$(id)", "", "*", ";x"])
        assert (tmp_path / "args").read_text() == "a b|$(id)||*|;x|"

    def test_is_looked_up_on_our_path_and_not_on_its_own(self, tmp_path, monkeypatch):
        for name in ("ours", "theirs"):
            (tmp_path / name).mkdir()
            write_program(tmp_path / name / "a-plugin", f"#!/bin/sh\necho '{exec_credential({'token': name})}'\n")
        monkeypatch.setenv("PATH", f"{tmp_path}/ours:{os.environ['PATH']}")
        target = target_for(
            tmp_path, plugin("a-plugin", env=[{"name": "PATH", "value": f"{tmp_path}/theirs:/usr/bin:/bin"}])
        )
        assert run(target.user, target.cluster, terminal=False).token == "ours"

    def test_is_called_by_its_name_in_the_kubeconfig(self, tmp_path, monkeypatch):
        shell = shutil.which("sh")
        assert shell
        (tmp_path / "a-plugin").symlink_to(shell)
        monkeypatch.setenv("PATH", str(tmp_path))
        script = f"echo \"$0\" >{tmp_path}/name; echo '{exec_credential(TOKEN)}'"
        target = target_for(tmp_path, plugin("a-plugin", args=["-c", script]))
        run(target.user, target.cluster, terminal=False)
        assert (tmp_path / "name").read_text() == "a-plugin\n"

    def test_may_be_written_relative_to_the_kubeconfig(self, tmp_path, monkeypatch):
        (tmp_path / "bin").mkdir()
        write_program(tmp_path / "bin" / "plugin", f"#!/bin/sh\necho '{exec_credential(TOKEN)}'\n")
        monkeypatch.chdir("/")
        target = target_for(tmp_path, plugin("./bin/plugin"))
        assert run(target.user, target.cluster, terminal=False).token == "t0ken"

    def test_is_never_taken_from_the_current_directory(self, tmp_path, monkeypatch):
        write_program(tmp_path / "a-plugin", f"#!/bin/sh\necho '{exec_credential(TOKEN)}'\n")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("PATH", f".:{os.environ['PATH']}")
        target = target_for(tmp_path, plugin("a-plugin"))
        with pytest.raises(ClusterError, match="is not on PATH"):
            run(target.user, target.cluster, terminal=False)

    def test_that_is_missing_comes_with_its_install_hint(self, tmp_path):
        hint = "Get it with:\n\tinstall \x1b[1mthis\x1b[0m\r"
        target = target_for(tmp_path, plugin("no-such-plugin", installHint=hint))
        with pytest.raises(ClusterError) as caught:
            run(target.user, target.cluster, terminal=False)
        assert caught.value.message == 'the exec plugin "no-such-plugin" of user "alice" is not on PATH'
        assert caught.value.hint == "Get it with:\n\tinstall ␛[1mthis␛[0m"

    @pytest.mark.parametrize(
        ("command", "reason"),
        [
            pytest.param("no-such-plugin", "is not on PATH", id="bare name"),
            pytest.param("/no/such/plugin", "does not exist", id="path"),
            pytest.param(str(DATA / "ca.crt"), "cannot be run: permission denied", id="not executable"),
            pytest.param(str(DATA), "cannot be run: permission denied", id="directory"),
        ],
    )
    @pytest.mark.parametrize("ask", ["we", pytest.param("kubectl", marks=needs_kubectl)])
    def test_that_cannot_be_run_is_an_error(self, command, reason, ask, tmp_path):
        config = write_kubeconfig(tmp_path / "config", plugin(command))
        if ask == "kubectl":
            assert ask_as_kubectl(config).returncode == 1
            return
        target = load(config)
        with pytest.raises(ClusterError) as caught:
            run(target.user, target.cluster, terminal=False)
        assert caught.value.message == f'the exec plugin "{command}" of user "alice" {reason}'
        assert str(config) in caught.value.hint

    def test_without_an_interpreter_line_is_not_handed_to_a_shell(self, tmp_path):
        assert "cannot be run: exec format error" in refusal(tmp_path, "echo hello\n").message

    def test_with_an_impossible_argument_is_an_error(self, tmp_path):
        assert "cannot be run: " in refusal(tmp_path, "#!/bin/sh\n", args=["a\0b"]).message

    def test_that_fails_is_named_with_its_exit_code(self, tmp_path, capfd):
        error = refusal(tmp_path, "#!/bin/sh\necho 'no session: log in' >&2\necho t0ken\nexit 3\n")
        assert error.message == f'the exec plugin "{tmp_path}/plugin" of user "alice" failed with exit code 3'
        assert error.hint == f'its own words are above; user "alice" is in {tmp_path}/config'
        assert capfd.readouterr() == ("", "no session: log in\n")

    def test_that_is_killed_is_named_with_the_signal(self, tmp_path):
        assert refusal(tmp_path, "#!/bin/sh\nkill -9 $$\n").message.endswith("was ended by SIGKILL")

    def test_that_prints_too_much_is_ended(self, tmp_path):
        script = f"#!/bin/sh\necho $$ >{tmp_path}/pid\nexec cat /dev/zero\n"
        assert refusal(tmp_path, script).message.endswith("prints more than 1 MiB")
        assert not alive(tmp_path / "pid")


def alive(pid_file):
    try:
        os.kill(int(pid_file.read_text()), 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def terminal():
    """Give the two ends of a terminal: ours, to type at and to read from, and the program's."""
    ours, theirs = pty.openpty()
    yield ours, theirs
    os.close(ours)
    os.close(theirs)


def read_until(descriptor, text):
    seen = b""
    while text not in seen:
        ready, _, _ = select.select([descriptor], [], [], 30)
        assert ready, f"{text!r} does not come after {seen!r}"
        seen += os.read(descriptor, 1024)


ASKING = f"""#!/bin/sh
printf 'code: ' >&2
read -r code || code=nobody
echo '{exec_credential({"token": "CODE"})}' | sed "s/CODE/$code/"
"""


class TestInput:
    @pytest.mark.parametrize("mode", ["Always", "IfAvailable"])
    def test_can_be_read_from_a_terminal(self, mode, tmp_path, terminal):
        command = write_program(tmp_path / "plugin", ASKING)
        config = write_kubeconfig(tmp_path / "config", plugin(command, interactiveMode=mode))
        ours, theirs = terminal
        with session(config, theirs, theirs) as program:
            read_until(ours, b"code: ")
            os.write(ours, b"s3same\n")
            output, _ = program.communicate(timeout=30)
        assert output == "(('Authorization', 'Bearer s3same'),)\n"

    def test_is_not_available_with_mode_never(self, tmp_path, terminal):
        config = write_kubeconfig(tmp_path / "config", plugin(write_program(tmp_path / "plugin", ASKING)))
        with session(config, terminal[1]) as program:
            output, _ = program.communicate(timeout=30)
        assert output == "(('Authorization', 'Bearer nobody'),)\n"

    def test_from_a_pipe_is_not_read(self, tmp_path):
        command = write_program(tmp_path / "plugin", ASKING)
        config = write_kubeconfig(tmp_path / "config", plugin(command, interactiveMode="IfAvailable"))
        with session(config, subprocess.PIPE) as program:
            output, _ = program.communicate("a question for the model\n", timeout=30)
        assert output == "(('Authorization', 'Bearer nobody'),)\n"

    @needs_kubectl
    def test_that_is_required_is_refused_in_a_pipe(self, server, tmp_path):
        command = write_program(tmp_path / "plugin", f"#!/bin/sh\ntouch {tmp_path}/ran\n{ASKING}")
        config = write_kubeconfig(tmp_path / "config", plugin(command, interactiveMode="Always"), server.url)
        with session(config, subprocess.PIPE) as program:
            output, _ = program.communicate("a question for the model\n", timeout=30)
        assert program.returncode == 3
        assert "must ask for input (interactiveMode: Always), but standard input is not a terminal" in output
        assert "standard input is not a terminal" in ask_as_kubectl(config).stderr
        assert not (tmp_path / "ran").exists()

    def test_is_announced_to_the_plugin(self, tmp_path, terminal):
        command = write_program(
            tmp_path / "plugin", f'#!/bin/sh\necho "$KUBERNETES_EXEC_INFO" >{tmp_path}/info\n{ASKING}'
        )
        config = write_kubeconfig(tmp_path / "config", plugin(command, interactiveMode="IfAvailable"))
        ours, theirs = terminal
        with session(config, theirs, theirs) as program:
            os.write(ours, b"s3same\n")
            program.communicate(timeout=30)
        assert json.loads((tmp_path / "info").read_text())["spec"] == {"interactive": True}


def interrupt(program, press):
    """Press Ctrl-C, or send a signal, until the program ends: once, unless it comes just before a system call."""
    for _ in range(10):
        press()
        try:
            program.communicate(timeout=3)
            return
        except subprocess.TimeoutExpired:
            continue


class TestCtrlC:
    # A plugin that waits, as for a browser. First it prints more than a pipe holds: it waits only once we read.
    WAITING = "#!/bin/sh\n{}\necho $$ >{}/pid\nhead -c 300000 /dev/zero\necho waiting >&2\nexec sleep 600\n"

    @pytest.mark.parametrize("mode", ["Never", "IfAvailable"])
    @pytest.mark.parametrize("ignoring", ["", "trap '' INT"], ids=["obeyed", "ignored"])
    def test_ends_a_plugin_that_waits(self, ignoring, mode, tmp_path, terminal):
        command = write_program(tmp_path / "plugin", self.WAITING.format(ignoring, tmp_path))
        config = write_kubeconfig(tmp_path / "config", plugin(command, interactiveMode=mode))
        ours, theirs = terminal
        with session(config, theirs, theirs) as program:
            read_until(ours, b"waiting")
            interrupt(program, lambda: os.write(ours, b"\x03"))
        assert program.returncode == 130
        assert not alive(tmp_path / "pid")

    def test_reaches_a_plugin_that_reads_the_terminal(self, tmp_path, terminal):
        script = f"#!/bin/sh\ntrap '' TERM\ntrap 'touch {tmp_path}/int; exit 1' INT\necho waiting >&2\nread -r code\n"
        command = write_program(tmp_path / "plugin", script)
        config = write_kubeconfig(tmp_path / "config", plugin(command, interactiveMode="Always"))
        ours, theirs = terminal
        with session(config, theirs, theirs) as program:
            read_until(ours, b"waiting")
            interrupt(program, lambda: os.write(ours, b"\x03"))
        assert program.returncode == 130
        assert (tmp_path / "int").exists()

    def test_may_reach_only_our_process(self, tmp_path):
        command = write_program(tmp_path / "plugin", self.WAITING.format("", tmp_path))
        config = write_kubeconfig(tmp_path / "config", plugin(command))
        with session(config, subprocess.DEVNULL) as program:
            assert program.stderr
            assert program.stderr.readline() == "waiting\n"
            interrupt(program, lambda: program.send_signal(signal.SIGINT))
        assert program.returncode == 130
        assert not alive(tmp_path / "pid")


@pytest.fixture
def held(tmp_path):
    """Return whether a process has DIR/held, a named pipe, open for writing, and keeps it open for some seconds.

    Those that are killed need a moment to end.
    """
    os.mkfifo(tmp_path / "held")
    reader = os.open(tmp_path / "held", os.O_RDONLY | os.O_NONBLOCK)

    def is_held(seconds=10.0):
        try:
            return not select.select([reader], [], [], seconds)[0] or os.read(reader, 1) != b""
        except BlockingIOError:
            return True

    yield is_held
    os.close(reader)


class TestWhatItHasStarted:
    # A plugin with a child that ignores SIGTERM; both hold DIR/held.
    SCRIPT = "#!/bin/sh\nexec 9>{0}/held\n(trap '' TERM; sleep 600; sleep 600) &\n{1}\n"

    def start(self, directory, end, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, **fields):
        command = write_program(directory / "plugin", self.SCRIPT.format(directory, end))
        return session(write_kubeconfig(directory / "config", plugin(command, **fields)), stdin, stderr)

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
    @pytest.mark.parametrize("end", ["echo waiting >&2; exec sleep 600", "echo waiting >&2"], ids=["waits", "is gone"])
    def test_ends_with_us(self, number, end, tmp_path, held):
        with self.start(tmp_path, end) as program:
            assert program.stderr.readline() == "waiting\n"
            interrupt(program, lambda: program.send_signal(number))
        assert program.returncode == (130 if number == signal.SIGINT else -number)
        assert not held()

    @pytest.mark.skipif(
        not os.path.isdir("/proc/self"), reason="only Linux tells which processes a program has started"
    )
    def test_ends_with_a_plugin_that_may_read_the_terminal(self, tmp_path, held, terminal):
        ours, theirs = terminal
        with self.start(tmp_path, "echo waiting >&2; read -r x", theirs, theirs, interactiveMode="Always") as program:
            read_until(ours, b"waiting")
            interrupt(program, lambda: program.send_signal(signal.SIGTERM))
        assert program.returncode == -signal.SIGTERM
        assert not held()

    @pytest.mark.skipif(
        not os.path.isdir("/proc/self"), reason="only Linux tells which processes a program has started"
    )
    def test_ends_even_if_it_is_started_while_the_plugin_ends(self, tmp_path, held, terminal):
        ours, theirs = terminal
        end = "trap '' HUP\n(trap 'sleep 600; :' TERM; echo waiting >&2; sleep 600; :) &\nread -r x"
        with self.start(tmp_path, end, theirs, theirs, interactiveMode="Always") as program:
            read_until(ours, b"waiting")
            interrupt(program, lambda: program.send_signal(signal.SIGTERM))
        assert program.returncode == -signal.SIGTERM
        assert not held()

    def test_stays_when_the_plugin_has_ended_by_itself(self, tmp_path, held):
        """A plugin may leave an agent behind, as with kubectl."""
        child = f"exec 9>{tmp_path}/held\nsleep 600 >/dev/null 2>&1 &\necho $! >{tmp_path}/pid"
        assert run_plugin(tmp_path, f"#!/bin/sh\n{child}\necho '{exec_credential(TOKEN)}'\n").token == "t0ken"
        assert held(0.1)
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)

    def test_a_plugin_that_may_not_read_stdin_may_ask_at_the_terminal(self, tmp_path, terminal):
        """As under kubectl: a passphrase for a key, for example."""
        command = write_program(tmp_path / "plugin", ASKING.replace("read -r code", "read -r code </dev/tty"))
        config = write_kubeconfig(tmp_path / "config", plugin(command))
        ours, theirs = terminal
        with session(config, theirs, theirs) as program:
            read_until(ours, b"code: ")
            os.write(ours, b"s3same\n")
            output, _ = program.communicate(timeout=30)
        assert output == "(('Authorization', 'Bearer s3same'),)\n"


@pytest.mark.skipif(shutil.which("aws") is None, reason="the AWS command line is not installed")
class TestAws:
    """`aws eks get-token` signs its token locally, so dummy keys suffice and no network is needed."""

    ARGS = ("--region", "us-east-1", "eks", "get-token", "--cluster-name", "demo", "--output", "json")

    def target(self, directory, **env):
        nowhere = {name: str(directory / "none") for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")}
        listed = [{"name": name, "value": value} for name, value in {**nowhere, **env}.items()]
        return target_for(directory, plugin("aws", "v1beta1", args=list(self.ARGS), env=listed))

    def test_gives_a_token_for_15_minutes(self, tmp_path):
        import time

        target = self.target(tmp_path, AWS_ACCESS_KEY_ID="AKIAIOSFODNN7EXAMPLE", AWS_SECRET_ACCESS_KEY="dummy")
        issued = run(target.user, target.cluster, terminal=False)
        assert issued.token.startswith("k8s-aws-v1.")
        assert 10 * 60 < issued.expires - time.time() < 16 * 60

    def test_shows_its_own_error_without_keys(self, tmp_path, capfd):
        target = self.target(tmp_path, AWS_EC2_METADATA_DISABLED="true")
        with pytest.raises(ClusterError, match='the exec plugin "aws" of user "alice" failed with exit code 25'):
            run(target.user, target.cluster, terminal=False)
        assert "credentials" in capfd.readouterr().err
