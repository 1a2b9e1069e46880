"""What the model says without a script: small talk that depends on what was said before."""

from __future__ import annotations

import re

NAME = re.compile(r"\b(?:my name is|call me|i am called) ([^\W\d_][\w'-]*)", re.IGNORECASE)
ASKS_NAME = re.compile(r"\b(?:what(?:'s| is) my name|who am i|remember my name)\b", re.IGNORECASE)
ASKS_FIRST = re.compile(r"\b(?:what did i say first|my first (?:message|question|line))\b", re.IGNORECASE)
GREETING = re.compile(r"^\W*(?:hi|hello|hey|good (?:morning|evening|day))\b", re.IGNORECASE)

HELP = """I am a script, not a model: I stand in for one so that you can see the chat work. I can

1. remember what you told me: say "My name is Ada", then ask "What is my name?";
2. count the turns of our conversation;
3. tell a story, long enough to be stopped with Ctrl-C;
4. say anything after you: "Say OK"."""

RESTARTS = """Its container **ends again and again**, so the kubelet starts it again, each time after a longer \
*back-off delay*. Look at the reason first:

```bash
kubectl describe pod web-0 | grep -A5 "Last State"
kubectl logs web-0 --previous
```

| Exit code | Meaning | What to do |
|----------:|---------|------------|
| 1 | an error of the program | read its log |
| 137 | killed: `OOMKilled` | raise the memory limit |
| 143 | asked to stop | check the liveness probe |

1. **Memory**: compare `limits.memory` with what it really uses.
2. **Probes**: a slow start needs a `startupProbe`.

> A pod that is `Pending` has not been started at all.

More in [the docs](https://kubernetes.io/docs/tasks/debug/)."""

STORY = (
    "Once upon a time a cluster had one node, and the node had one GPU. Every night the pods asked who should "
    "sleep on it. The scheduler looked at their requests, looked at the node, and said: Pending. "
)


def converse(messages):
    """Return the next answer in the conversation `messages`, always the same one for the same messages."""
    said = [text(message) for message in messages if message.get("role") == "user"]
    system = next((text(message) for message in messages if message.get("role") == "system"), "")
    last = said[-1].strip() if said else ""
    name = next((found[-1] for found in map(NAME.findall, reversed(said)) if found), "")
    told = NAME.search(last)
    if ASKS_NAME.search(last):
        return f"Your name is {name}." if name else "You have not told me your name yet."
    if ASKS_FIRST.search(last):
        return f"The first thing you said was: {said[0].strip()}"
    if told:
        return f"Nice to meet you, {told.group(1)}. I will remember your name."
    if match := re.match(r"(?:please )?(?:say|repeat)\W+(.+)", last, re.IGNORECASE | re.DOTALL):
        return match.group(1).strip("\"'“” ")
    if re.search(r"\bhow many\b.*\b(?:turns|messages|questions)\b", last, re.IGNORECASE):
        return f"This is turn {len(said)} of our conversation."
    if re.search(r"\bstory\b", last, re.IGNORECASE):
        return STORY * 8 + "And so it waits there still."
    if re.search(r"\bpod\b.*\brestart", last, re.IGNORECASE):
        return RESTARTS
    if re.search(r"\bsystem prompt\b", last, re.IGNORECASE):
        return f"My system prompt says: {system}" if system else "I was given no system prompt."
    if re.search(r"\b(?:help|what can you do|who are you|what are you)\b", last, re.IGNORECASE):
        return HELP
    if GREETING.search(last):
        return f"Hello{', ' + name if name else ''}! I am the stand-in for a model. Ask me what I can do."
    return f"You said: {last}\nThat was turn {len(said)}. Ask me what I can do."


def text(message):
    """Return a message's content as text: a string, or the text parts of a list."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content if isinstance(part, dict))
