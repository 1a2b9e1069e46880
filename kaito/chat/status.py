"""What `/status` says: where the chat goes, with what, and how it went."""

from __future__ import annotations

from collections.abc import Iterator

from kaito.chat import parameters
from kaito.chat.session import Answer, Session
from kaito.errors import KaitoError


def rows(session: Session) -> Iterator[tuple[str, object]]:
    """The lines of `/status` as (name, value); asks the server once which models it serves."""
    target, found, conversation = session.target, session.found, session.conversation
    yield "Workspace", found.workspace.name
    yield "Namespace", found.workspace.namespace
    yield "Context", target.context or "none"
    yield "Cluster", target.cluster.server
    yield "Model", session.served or "not known yet"
    others = _others(session)
    if others:
        yield "Also served", ", ".join(others)
    yield "Endpoint", found.endpoint.url
    yield "Way", found.endpoint.kind + (", encrypted" if found.endpoint.encrypted else ", NOT encrypted")
    for attempt in found.tried:
        yield "Not taken", f"{attempt.kind} {attempt.url}: {attempt.why}"
    for name, value in parameters.rows(session.sampling):
        yield name.capitalize().replace("-tokens", " tokens"), value
    yield "System prompt", conversation.system or "none"
    yield "Conversation", _size(session)
    if session.answer:
        yield "Last answer", speed(session.answer)


def speed(answer: Answer) -> str:
    """How an answer went: its tokens, how fast they came, and when the first one did."""
    words = []
    if answer.usage:
        words.append(f"{answer.usage.completion_tokens} tokens")
    if answer.first_token_seconds is not None:
        streaming = answer.seconds - answer.first_token_seconds
        # The first token is there when the clock of the others starts.
        if answer.usage and answer.usage.completion_tokens > 1 and streaming > 0:
            words.append(f"{(answer.usage.completion_tokens - 1) / streaming:.1f} tokens/s")
        words.append(f"first token after {answer.first_token_seconds:.2f} s")
    words.append(f"{answer.seconds:.2f} s in all")
    return ", ".join(words)


def _others(session: Session) -> list[str]:
    try:
        return [model.id for model in session.models() if model.id != session.served]
    except KaitoError:
        return []


def _size(session: Session) -> str:
    count = len(session.conversation.turns)
    size = f"{count} turn{'' if count == 1 else 's'}"
    used = session.window.used
    if used:
        size += f", {used} tokens" + (f" of {session.window.size}" if session.window.size else "")
    if session.window.left_out:
        size += f", the {session.window.left_out} oldest left out"
    return size
