"""The public YAML test suite: where the reader and the suite agree, and why where they do not.

The suite is for YAML 1.2, the reader for what kubectl reads: libyaml's YAML 1.1, with some of YAML 1.2 and some
leniency. So each disagreement has its reason, and kubectl itself is asked whether it is on the reader's side.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kaito.kube import yaml
from tests.kube.yaml_kubectl import accepts, needs_kubectl, same

CASES = json.loads((Path(__file__).parent.parent / "data" / "yaml" / "suite" / "cases.json").read_text())
JUDGED = {case["id"]: case for case in CASES if "fail" in case or "json" in case}
NO_VERDICT = [case["id"] for case in CASES if case["id"] not in JUDGED]

FIRST = "only the first document is read, and it is over before what is wrong"
VERSION = "a %YAML directive must say 1.1"
RESERVED = "unknown directives are refused"
TABS = "a tab may not stand where a token could begin a line or follow an indicator"
NOT_TABS = "a tab may indent the further lines of a quoted or flow scalar"
COLON = "in flow style ':' and '?' are indicators wherever a token begins, whatever follows"
ONE_LINE = "a key without '?' ends, ':' included, on the line where it begins, in flow style too"
COMMENT = "a comment needs no space before it where a token may begin"
INDENT = "flow style and quoted scalars may go on left of their parent"
ANCHOR = "an anchor's name is letters, digits, '-' and '_'; what follows is not part of it"
ESCAPE = "the escapes are YAML 1.1's, and \\'"
MEANING = "scalars have YAML 1.1's meaning: y is a boolean, !!binary is decoded"
ZERO = "a block scalar is indented by one space at least"
END_ONLY = "'...' with no document before it is refused"
TAG = "a tag may hold a comma, and ends at a blank"
DASH = "'-' in flow style is plain if no blank follows it"
KEY = "a collection cannot be a key, and an alias as a key needs a space before its ':'"
WIDEST = "a block scalar is indented as its widest leading blank line"
LAST_LINE = "the last line of a literal has no line break unless one is there"

DISAGREEMENTS = {
    **dict.fromkeys(("3HFZ 4H7K 9HCY BS4K EB22 KS4U QLJ7 RHX7").split(), FIRST),
    **dict.fromkeys("27NA BEC7 DK95-7 RTP8 W4TN".split(), VERSION),
    **dict.fromkeys("2LFX 6LVF".split(), RESERVED),
    **dict.fromkeys("6BCT 6CA3 96NN-0 A2M4 DK95-0 DK95-3 DK95-4 Q5MG R4YG Y79Y-1 Y79Y-10".split(), TABS),
    **dict.fromkeys("DK95-1 Y79Y-3".split(), NOT_TABS),
    **dict.fromkeys("58MP 5T43 652Z DBG4 HM87-0 HM87-1 JR7V WZ62".split(), COLON),
    **dict.fromkeys("4MUZ-0 4MUZ-2 5MUD 9SA2 K3WX NJ66 UT92 VJP3-1".split(), ONE_LINE),
    **dict.fromkeys("9JBA CVW2 MUS6-0 SU5Z X4QW".split(), COMMENT),
    **dict.fromkeys("9C9N QB6E".split(), INDENT),
    **dict.fromkeys("8XYN W5VH Y2GN".split(), ANCHOR),
    **dict.fromkeys("3UYS HRE5".split(), ESCAPE),
    **dict.fromkeys("565N C4HZ".split(), MEANING),
    **dict.fromkeys("DK3J FP8R".split(), ZERO),
    **dict.fromkeys("HWV9 QT73".split(), END_ONLY),
    "U99R": TAG,
    **dict.fromkeys("G5U8 YJV2".split(), DASH),
    "2SXE": KEY,
    "S98Z": WIDEST,
    "L24T-1": LAST_LINE,
}


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
    # The JSON of several documents stands in a row; of none there is nothing.
    documents = case["json"].strip()
    first = json.JSONDecoder().raw_decode(documents)[0] if documents else None
    return verdict == "value" and same(value, first)


def test_the_suite_is_all_there():
    assert len(CASES) == 402
    assert DISAGREEMENTS.keys() <= JUDGED.keys()


def test_every_disagreement_with_the_suite_has_its_reason(record_property, capsys):
    disagreeing = {name for name, case in JUDGED.items() if not agrees(case)}
    agreed = len(JUDGED) - len(disagreeing)
    record_property("agreement", f"{agreed} of {len(JUDGED)}")
    with capsys.disabled():
        print(f"\nYAML test suite: agree on {agreed} of {len(JUDGED)}; {len(disagreeing)} differ, each with its reason;")
        print(f"    {len(NO_VERDICT)} cases have no JSON to compare with")
    assert disagreeing == DISAGREEMENTS.keys()


@pytest.mark.parametrize("name", NO_VERDICT)
def test_cases_without_a_verdict_end_in_a_value_or_an_error(name):
    read(next(case["yaml"] for case in CASES if case["id"] == name))


@needs_kubectl
def test_kubectl_is_on_our_side_wherever_the_suite_is_not(tmp_path):
    asked = [*DISAGREEMENTS, *NO_VERDICT]
    texts = {case["id"]: case["yaml"] for case in CASES}
    assert {name: accepts(texts[name].encode(), tmp_path) for name in asked} == {
        name: read(texts[name])[0] == "value" for name in asked
    }
