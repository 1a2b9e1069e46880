"""Conversations in files: what `/save` writes and `/load` reads."""

from __future__ import annotations

import os

from kaito.chat import conversation as conversations
from kaito.errors import KaitoError, UsageError, os_reason
from kaito.regular_file import NotRegularError, open_regular
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from kaito.chat.conversation import Conversation


def save(name: str, conversation: Conversation, **about: str) -> bool:
    """Write a conversation, and what `about` says of it, to a file; return whether an earlier one was replaced.

    Raises UsageError for a file that must not be replaced, KaitoError if the system refuses.
    """
    if "\0" in name:
        raise UsageError("a file's name cannot hold a NUL character")
    path = os.path.realpath(os.path.expanduser(name))
    replaces = os.path.lexists(path)
    if replaces and not _holds_conversation(path):
        raise UsageError(f"{name} exists and holds no conversation, so it is left alone", "choose another name")
    try:
        _write(path, conversations.dump(conversation, **about))
    except OSError as error:
        raise KaitoError(f"cannot write {name}: {os_reason(error)}") from None
    return replaces


def load(name: str) -> Conversation:
    """Return the conversation that a file holds. Raises KaitoError."""
    try:
        return conversations.load(_read(os.path.expanduser(name)))
    except OSError as error:
        raise KaitoError(f"cannot read {name}: {os_reason(error)}") from None
    except ValueError as error:
        raise KaitoError(f"{name} is not a conversation: {error}") from None


def unquoted(name: str) -> str:
    """Return a file's name without one pair of quotes around it, which people type as for a shell."""
    inside = name[1:-1]
    return inside if inside and name[0] == name[-1] and name[0] in "\"'" and name[0] not in inside else name


def _write(path: str, text: str) -> None:
    """Write a file completely or not at all; until then its old content stays. Raises OSError.

    A new file is the user's alone, and a replaced one keeps its mode.
    """
    # In the same folder, so that it can replace the file, and of a short name that nobody else has: no other file is
    # written to or removed, and the file's own name may be as long as the system allows.
    temporary = os.path.join(os.path.dirname(path), f".kaito-{os.urandom(8).hex()}")
    try:
        with open(temporary, "x", encoding="utf-8", errors="replace", opener=_private) as file:
            file.write(text)
        if os.path.exists(path):
            os.chmod(temporary, os.stat(path).st_mode & 0o777)
        os.replace(temporary, path)
    except BaseException as error:
        if not isinstance(error, FileExistsError) and os.path.lexists(temporary):
            os.unlink(temporary)
        raise


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _holds_conversation(path: str) -> bool:
    try:
        conversations.load(_read(path))
    except (OSError, ValueError):
        return False
    return True


def _read(path: str) -> str:
    """Return a file's text. Raises OSError, and ValueError (why) if it is not a file, or not text."""
    try:
        with open(path, "rb", opener=open_regular) as file:
            return file.read().decode()
    except NotRegularError:
        raise ValueError("it is not a file") from None
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
