"""What `/status` says: where the chat goes, with what, and how it went."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kaito.chat import parameters
from kaito.chat.session import Answer, Session
from kaito.chat.window import size_of
from kaito.errors import KaitoError
from kaito.model.client import Model
from kaito.text import excerpt


def rows(session: Session) -> Iterator[tuple[str, object]]:
    """The lines of `/status` as (name, value); asks the server once which models it serves."""
    target, found, conversation = session.target, session.found, session.conversation
    models = _models(session)
    yield "Workspace", found.workspace.name
    yield "Namespace", found.workspace.namespace
    yield "Context", target.context or "none"
    yield "Cluster", " at ".join(filter(None, (target.cluster.name, target.cluster.server)))
    yield "Model", session.served or "not known yet"
    others = [model.id for model in models if model.id != session.served]
    if others:
        yield "Also served", ", ".join(others)
    yield "Endpoint", found.endpoint.url
    yield "Way", found.endpoint.way.name + (", encrypted" if found.endpoint.encrypted else ", NOT encrypted")
    for attempt in found.tried:
        yield "Not taken", f"{attempt.way.name} {attempt.url}: {attempt.why}"
    for name, value in parameters.rows(session.sampling):
        yield name.capitalize().replace("-tokens", " tokens"), value
    yield "System prompt", excerpt(conversation.system) or "none"
    yield "Conversation", _size(session, models)
    if session.answer:
        yield "Last answer", speed(session.answer)


def speed(answer: Answer) -> str:
    """How an answer went: its tokens, how fast they came, and when the first one did."""
    words = []
    if answer.usage:
        words.append(f"{answer.usage.completion_tokens} token{'' if answer.usage.completion_tokens == 1 else 's'}")
    if answer.first_token_seconds is not None:
        streaming = answer.seconds - answer.first_token_seconds
        # The first token is there when the clock of the others starts.
        if answer.usage and answer.usage.completion_tokens > 1 and streaming > 0:
            words.append(f"{(answer.usage.completion_tokens - 1) / streaming:.1f} tokens/s")
        words.append(f"first token after {answer.first_token_seconds:.2f} s")
    words.append(f"{answer.seconds:.2f} s in all")
    return ", ".join(words)


def _models(session: Session) -> Sequence[Model]:
    try:
        return session.models()
    except KaitoError:
        return ()


def _size(session: Session, models: Sequence[Model]) -> str:
    count = len(session.conversation.turns)
    size = f"{count} turn{'' if count == 1 else 's'}"
    window = session.window.size or size_of(models, session.served)
    used = session.window.used
    if used:
        size += f", {used} of {window} tokens" if window else f", {used} tokens"
    elif window:
        size += f", context window of {window} tokens"
    if session.window.left_out:
        size += f", the {session.window.left_out} oldest left out"
    return size
