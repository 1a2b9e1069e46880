"""Flags by pflag's rules, as its README and kubectl show them; the grammar of values is that of Go's strconv."""

from __future__ import annotations

import math
import subprocess

import pytest

from kaito.errors import UsageError
from kaito.flags import DURATION, SWITCH, TEXT, TEXTS, Flag, choice, describe, number, parse, split_verb, whole_number
from tests.kube.oracle import KUBECTL, needs_kubectl

# A number that needs more than 64 bits.
HUGE = "9" * 30

FLAGS = (
    Flag("namespace", TEXT, "", "Namespace", short="n"),
    Flag("help", SWITCH, False, "Help", short="h", bare="true"),
    Flag("quiet", SWITCH, False, "Quiet", short="q", bare="true"),
    Flag("temperature", number(0.0, 2.0), 0.7, "Temperature"),
    Flag("max-tokens", whole_number(1), 1024, "Tokens"),
    Flag("wait", DURATION, 0.0, "Wait", bare="30m"),
    Flag("as-group", TEXTS, (), "Group", many=True),
    Flag("output", choice("text", "json"), "text", "Output", short="o"),
)


@pytest.mark.parametrize(
    ("argv", "name", "value"),
    [
        pytest.param(["--namespace", "ns"], "namespace", "ns", id="the next word"),
        pytest.param(["--namespace=ns"], "namespace", "ns", id="after ="),
        pytest.param(["--namespace="], "namespace", "", id="empty after ="),
        pytest.param(["--namespace", ""], "namespace", "", id="an empty word"),
        pytest.param(["--namespace=a=b"], "namespace", "a=b", id="only the first = counts"),
        pytest.param(["-n", "ns"], "namespace", "ns", id="short, the next word"),
        pytest.param(["-nns"], "namespace", "ns", id="short, glued"),
        pytest.param(["-n=ns"], "namespace", "ns", id="short, after ="),
        pytest.param(["--namespace", "-why?"], "namespace", "-why?", id="a value may begin with a dash"),
        pytest.param(["-n", "--help"], "namespace", "--help", id="even if it is a flag's name"),
        pytest.param(["--namespace", "--"], "namespace", "--", id="even if it is --"),
        pytest.param(["-n", "a", "--namespace", "b"], "namespace", "b", id="the last one counts"),
        pytest.param(["-qn", "x"], "namespace", "x", id="the last of combined switches"),
        pytest.param(["-qnx"], "quiet", True, id="combined switches"),
        pytest.param(["-h"], "help", True, id="a switch"),
        pytest.param(["--help=false"], "help", False, id="a switch turned off"),
        pytest.param(["--help", "false"], "help", True, id="a switch does not take the next word"),
        pytest.param(["--help=T"], "help", True, id="Go's T is true"),
        pytest.param(["--temperature", "-0"], "temperature", 0.0, id="minus zero is zero"),
        pytest.param(["--temperature", "2"], "temperature", 2.0, id="the bound itself"),
        pytest.param(["--temperature", ".5"], "temperature", 0.5, id="no digit before the point"),
        pytest.param(["--temperature", "1e-1"], "temperature", 0.1, id="an exponent"),
        pytest.param(["--max-tokens", "0x10"], "max-tokens", 16, id="hexadecimal"),
        pytest.param(["--max-tokens", "010"], "max-tokens", 8, id="octal, as in Go"),
        pytest.param(["--max-tokens", "+5"], "max-tokens", 5, id="a plus sign"),
        pytest.param(["--wait"], "wait", 1800.0, id="an optional value left out"),
        pytest.param(["--wait=90s"], "wait", 90.0, id="an optional value after ="),
        pytest.param(["--wait", "90s"], "wait", 1800.0, id="an optional value is never the next word"),
        pytest.param(["--wait=1h1.5m100ms"], "wait", 3690.1, id="a duration of several parts"),
        pytest.param(["--wait=0"], "wait", 0.0, id="a duration without a unit is in seconds"),
        pytest.param(["--wait="], "wait", 0.0, id="an empty duration is the default"),
        pytest.param(["--wait=5s", "--wait="], "wait", 0.0, id="also after another one"),
        pytest.param(["--as-group", "a", "--as-group=b,c"], "as-group", ("a", "b,c"), id="repeated"),
        pytest.param(["-ojson"], "output", "json", id="a choice"),
        pytest.param([], "temperature", 0.7, id="the default"),
    ],
)
def test_values(argv, name, value):
    values = parse(argv, FLAGS)
    found = {
        "namespace": values.text,
        "output": values.text,
        "help": values.switch,
        "quiet": values.switch,
        "temperature": values.real,
        "wait": values.real,
        "max-tokens": values.integer,
        "as-group": values.texts,
    }[name](name)
    assert found == value
    assert type(found) is type(value)
    if value == 0.0 and isinstance(value, float):
        assert math.copysign(1, found) == 1, "a server would see -0.0"


# What `kubectl --request-timeout` accepts, with the seconds that it makes of it; None: the default.
DURATIONS = [
    ("5", 5.0),
    ("+5", 5.0),
    ("", None),
    ("+5s", 5.0),
    ("1.5s", 1.5),
    ("1h1m", 3660.0),
    (".5s", 0.5),
    ("1.s", 1.0),
    ("0", 0.0),
    ("-0", 0.0),
    ("+0", 0.0),
    ("-0s", 0.0),
    ("00", 0.0),
    ("007", 7.0),
    ("5us", 5e-6),
    ("5µs", 5e-6),
    ("5μs", 5e-6),
    ("0.000000000000000000001s", 0.0),
    ("9223372036", 9223372036.0),
    ("2562047h47m16.854775807s", (2**63 - 1) / 1e9),
]
REFUSED_DURATIONS = [
    *("1.5", "0.5", "0.0", "1e3", "-5", "s", ".", "0x10", " 5", "5S", "1h 2m", "1d", "++5s", "5s5", "٥s", "5_0"),
    *("9223372036854775808", "2562047h47m16.854775808s", "2562048h", "9" * 5000, "9" * 5000 + "s"),
]
# kubectl takes these for no limit: a negative one, and one whose nanoseconds overflow 64 bits.
UNLIMITED_DURATIONS = ["-5s", "9223372037"]


@pytest.mark.parametrize(("text", "seconds"), DURATIONS)
def test_a_duration(text, seconds):
    assert DURATION.read(text) == seconds


@pytest.mark.parametrize("text", REFUSED_DURATIONS + UNLIMITED_DURATIONS, ids=lambda text: text[:30])
def test_what_is_no_duration(text):
    with pytest.raises(ValueError, match=r"^a duration such as 30s, 5m or 1h30m$"):
        DURATION.read(text)


@needs_kubectl
@pytest.mark.parametrize(
    "text", [*(text for text, _ in DURATIONS), *REFUSED_DURATIONS, *UNLIMITED_DURATIONS], ids=lambda text: text[:30]
)
def test_a_duration_is_accepted_or_refused_as_by_kubectl(text, tmp_path):
    """Nothing listens at port 1, so an accepted one leads to another error."""
    where = ("--kubeconfig=/dev/null", f"--cache-dir={tmp_path}", "--server=http://127.0.0.1:1")
    command = [KUBECTL, *where, f"--request-timeout={text}", "get", "--raw", "/version"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert ("Invalid timeout value" in done.stderr) == (text in REFUSED_DURATIONS)


@pytest.mark.parametrize(
    ("argv", "arguments"),
    [
        pytest.param(["a", "-n", "x", "b"], ["a", "b"], id="arguments stand between flags"),
        pytest.param(["--", "-n", "x"], ["-n", "x"], id="-- ends the flags"),
        pytest.param(["-n", "x", "--", "--"], ["--"], id="a second -- is an argument"),
        pytest.param(["-"], ["-"], id="a lone dash is an argument"),
    ],
)
def test_arguments(argv, arguments):
    assert parse(argv, FLAGS).arguments == arguments


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--temperature", "hot"], 'invalid value "hot" for --temperature: it takes a number from 0.0 to 2.0'),
        (["--temperature=nan"], 'invalid value "nan" for --temperature: it takes a number from 0.0 to 2.0'),
        (["--temperature=inf"], 'invalid value "inf" for --temperature: it takes a number from 0.0 to 2.0'),
        (["--temperature=2.1"], 'invalid value "2.1" for --temperature: it takes a number from 0.0 to 2.0'),
        (["--temperature=-0.1"], 'invalid value "-0.1" for --temperature: it takes a number from 0.0 to 2.0'),
        (["--temperature="], 'invalid value "" for --temperature: it takes a number from 0.0 to 2.0'),
        (["--temperature=1_0"], 'invalid value "1_0" for --temperature: it takes a number from 0.0 to 2.0'),
        (["--temperature= 1"], 'invalid value " 1" for --temperature: it takes a number from 0.0 to 2.0'),
        (["--temperature=١"], 'invalid value "١" for --temperature: it takes a number from 0.0 to 2.0'),
        (["--max-tokens=0"], 'invalid value "0" for --max-tokens: it takes a whole number, 1 or more'),
        (["--max-tokens=1.5"], 'invalid value "1.5" for --max-tokens: it takes a whole number, 1 or more'),
        (["--max-tokens=09"], 'invalid value "09" for --max-tokens: it takes a whole number, 1 or more'),
        (["--max-tokens", HUGE], f'invalid value "{HUGE}" for --max-tokens: it takes a whole number, 1 or more'),
        (["--help=yes"], 'invalid value "yes" for --help: it takes true or false'),
        (["--wait=soon"], 'invalid value "soon" for --wait: it takes a duration such as 30s, 5m or 1h30m'),
        (["--wait=-5s"], 'invalid value "-5s" for --wait: it takes a duration such as 30s, 5m or 1h30m'),
        (["-oxml"], 'invalid value "xml" for -o: it takes one of text, json'),
        (["--namespace"], "flag --namespace needs a value (string)"),
        (["-n"], "flag -n needs a value (string)"),
        (["--temp", "1"], "unknown flag: --temp"),
        (["--temprature", "1"], "unknown flag: --temprature (did you mean --temperature?)"),
        (["-qx"], "unknown flag: -x in -qx"),
        (["-x"], "unknown flag: -x"),
        (["--=x"], "unknown flag: --"),
    ],
)
def test_an_error_names_the_flag_its_value_and_the_range(argv, message):
    with pytest.raises(UsageError) as refusal:
        parse(argv, FLAGS)
    assert refusal.value.message == message
    assert refusal.value.exit_code == 2


@pytest.mark.parametrize(
    ("argv", "verb", "rest"),
    [
        (["chat", "-n", "x"], "chat", ["-n", "x"]),
        (["-n", "x", "chat"], "chat", ["-n", "x"]),
        (["-nx", "chat"], "chat", ["-nx"]),
        (["-n=x", "-h", "chat"], "chat", ["-n=x", "-h"]),
        (["--unknown", "chat", "chat", "chat"], "chat", ["--unknown", "chat", "chat"]),
        (["--help", "chat"], "chat", ["--help"]),
        (["--", "chat"], "", ["--", "chat"]),
        (["-h"], "", ["-h"]),
        ([], "", []),
    ],
)
def test_the_verb_is_found_as_cobra_finds_it(argv, verb, rest):
    assert split_verb(argv, FLAGS) == (verb, rest)


def test_help_shows_names_types_and_defaults():
    assert describe(FLAGS) == [
        "  -n, --namespace string    Namespace",
        "  -h, --help                Help",
        "  -q, --quiet               Quiet",
        "      --temperature float   Temperature (default 0.7)",
        "      --max-tokens int      Tokens (default 1024)",
        "      --wait[=duration]     Wait",
        "      --as-group strings    Group",
        "  -o, --output string       Output (default text)",
    ]


def test_a_long_description_goes_on_below_its_beginning():
    """A line of help has 80 columns at most; the default stays in one piece."""
    words = "word " * 20
    assert describe([Flag("a", SWITCH, False, words, bare="true"), Flag("level", whole_number(0), 7, "x" * 54)]) == [
        "      --a           " + "word " * 11 + "word",
        "                    " + "word " * 7 + "word",
        "      --level int   " + "x" * 54,
        "                    (default 7)",
    ]
