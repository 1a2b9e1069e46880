"""What `/status` reports: where the chat goes, its settings, and how the last answer went."""

from __future__ import annotations

from kaito.chat import parameters
from kaito.chat.conversation import count_of_turns
from kaito.chat.window import size_of
from kaito.errors import KaitoError
from kaito.text import excerpt
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kaito.chat.answer import Answer
    from kaito.chat.session import Session
    from kaito.model.client import Model


def rows(session: Session) -> Iterator[tuple[str, object]]:
    """Yield the lines of `/status` as (name, value). The server is asked once which models it serves."""
    target, found, _ = session.destination
    models = _models(session)
    yield "Workspace", found.workspace.name
    yield "Namespace", found.workspace.namespace
    yield "Context", target.context or "none"
    yield "Cluster", " at ".join(filter(None, (target.cluster.name, target.cluster.server)))
    yield "Model", session.model.id or "not known yet"
    others = [model.id for model in models if model.id != session.model.id]
    # A single one is the one that answers, by whatever name: the transformers runtime has two for it.
    if len(models) > 1:
        yield "Also served", ", ".join(others)
    yield "Endpoint", found.endpoint.url
    yield "Way", found.endpoint.way.name + (", encrypted" if found.endpoint.encrypted else ", NOT encrypted")
    for attempt in found.tried:
        yield "Not taken", f"{attempt.way.name} {attempt.url}: {attempt.why}"
    for name, value in parameters.rows(session.sampling):
        yield name.capitalize().replace("-tokens", " tokens"), value
    yield "System prompt", excerpt(session.conversation.system) or "none"
    yield "Conversation", _size(session, models)
    if session.answer:
        yield "Last answer", speed(session.answer)


def speed(answer: Answer) -> str:
    """Return how an answer went, in words: its tokens, how fast they came, and when the first one came."""
    words = []
    if answer.usage:
        words.append(f"{answer.usage.completion_tokens} token{'' if answer.usage.completion_tokens == 1 else 's'}")
    if answer.first_token_seconds is not None:
        streaming = answer.seconds - answer.first_token_seconds
        # The first token starts the clock for the others, so it does not count towards their speed.
        if answer.usage and answer.usage.completion_tokens > 1 and streaming > 0:
            words.append(f"{(answer.usage.completion_tokens - 1) / streaming:.1f} tokens/s")
        words.append(f"first token after {answer.first_token_seconds:.2f} s")
    words.append(f"{answer.seconds:.2f} s in all")
    return ", ".join(words)


def _models(session: Session) -> Sequence[Model]:
    try:
        return session.model.models()
    except KaitoError:
        return ()


def _size(session: Session, models: Sequence[Model]) -> str:
    """Return how long the conversation is: its turns, and its tokens and the window as far as they are known."""
    size = count_of_turns(session.conversation)
    window = session.model.window
    limit = window.size or size_of(models, session.model.id)
    if window.used:
        size += f", {window.used} of {limit} tokens" if limit else f", {window.used} tokens"
    elif limit:
        size += f", context window of {limit} tokens"
    if window.left_out:
        size += f", the {window.left_out} oldest left out"
    return size
