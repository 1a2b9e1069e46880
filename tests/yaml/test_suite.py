"""The public YAML test suite: where the reader and the suite agree, and why where they do not.

The suite is for YAML 1.2. The reader is for what kubectl reads: libyaml's YAML 1.1, with some of YAML 1.2 and some
leniency. So each disagreement has its reason. On all cases, also those without a verdict of the suite, the reader
accepts and refuses what kubectl does, whose answers test_oracle.py records.
"""

from __future__ import annotations

import json

from kaito.yaml import load as yaml
from tests.yaml.data import SUITE, recorded
from tests.yaml.kubectl_values import same

JUDGED = {case["id"]: case for case in SUITE if "fail" in case or "json" in case}
NO_VERDICT = [case["id"] for case in SUITE if case["id"] not in JUDGED]

# Reason -> the cases.
REASONS = {
    "only the first document is read, and the error is after it": ("3HFZ 4H7K 9HCY BS4K EB22 KS4U QLJ7 RHX7"),
    "a %YAML directive must say 1.1": "27NA BEC7 DK95-7 RTP8 W4TN",
    "unknown directives are refused": "2LFX 6LVF",
    "a tab is refused where a token could begin a line or follow an indicator": (
        "6BCT 6CA3 96NN-0 A2M4 DK95-0 DK95-3 DK95-4 Q5MG R4YG Y79Y-1 Y79Y-10"
    ),
    "a tab may indent the further lines of a quoted scalar or of flow style": "DK95-1 Y79Y-3",
    "in flow style ':' and '?' are indicators wherever a token begins, whatever follows": (
        "58MP 5T43 652Z DBG4 HM87-0 HM87-1 JR7V WZ62"
    ),
    "a key without '?' ends, ':' included, on the line where it begins, in flow style too": (
        "4MUZ-0 4MUZ-2 5MUD 9SA2 K3WX NJ66 UT92 VJP3-1"
    ),
    "a comment needs no space before it where a token may begin": "9JBA CVW2 MUS6-0 SU5Z X4QW",
    "quoted scalars and flow style may continue left of their parent": "9C9N QB6E",
    "an anchor's name consists of letters, digits, '-' and '_'; what follows is not part of it": "8XYN W5VH Y2GN",
    "the escapes are those of YAML 1.1, and \\'": "3UYS HRE5",
    "scalars have YAML 1.1's meaning: y is a boolean, !!binary is decoded": "565N C4HZ",
    "a block scalar is indented by one space at least": "DK3J FP8R",
    "'...' without a document before it is refused": "HWV9 QT73",
    "a tag may contain a comma, and ends at a blank": "U99R",
    "'-' in flow style is plain if no blank follows it": "G5U8 YJV2",
    "a collection cannot be a key: its anchor is not the key's": "2SXE",
    "a block scalar is indented as far as its widest leading blank line": "S98Z",
    "the last line of a literal has no line break unless one is written": "L24T-1",
}
DISAGREEMENTS = {name: reason for reason, names in REASONS.items() for name in names.split()}


def read(text):
    """("value", it) or ("refused", None)."""
    try:
        return "value", yaml.load(text.encode())
    except yaml.YamlError:
        return "refused", None


def agrees(case):
    verdict, value = read(case["yaml"])
    if "fail" in case:
        return verdict == "refused"
    # The JSON of several documents is one text; that of no document is empty.
    documents = case["json"].strip()
    first = json.JSONDecoder().raw_decode(documents)[0] if documents else None
    return verdict == "value" and same(value, first)


def test_the_suite_is_all_there():
    assert len(SUITE) == 402
    assert DISAGREEMENTS.keys() <= JUDGED.keys()


def test_every_disagreement_with_the_suite_has_its_reason(record_property, capsys):
    disagreeing = {name for name, case in JUDGED.items() if not agrees(case)}
    agreed = len(JUDGED) - len(disagreeing)
    record_property("agreement", f"{agreed} of {len(JUDGED)}")
    with capsys.disabled():
        print(f"\nYAML test suite: agree on {agreed} of {len(JUDGED)}, differ on {len(disagreeing)} for known reasons;")
        print(f"    {len(NO_VERDICT)} cases have no JSON to compare with")
    assert disagreeing == DISAGREEMENTS.keys()


def test_kubectl_accepts_what_we_accept_and_refuses_what_we_refuse():
    assert {case["id"]: read(case["yaml"])[0] == "value" for case in SUITE} == recorded("suite")
