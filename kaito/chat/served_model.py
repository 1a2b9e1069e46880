"""The model that answers a chat: its id, what its server lists, and its context window."""

from __future__ import annotations

from kaito.chat.window import Window
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kaito.model.client import ChatModel, Model


class ServedModel:
    """The model that answers. State: its id, its window, and the server's list once it is known.

    `id`: "" while it is not known; `name` is its first value. `listed`: the server's models, if an earlier request has
    already listed them.
    """

    def __init__(self, client: ChatModel, name: str = "", listed: Sequence[Model] = ()) -> None:
        self.client = client
        self.id = name
        self._listed = list(listed)
        self.window = Window(client, self.models)

    def models(self) -> list[Model]:
        """Return what the server serves; it is asked once. Raises KaitoError."""
        if not self._listed:
            self._listed = self.client.models()
        return self._listed

    def choose(self, name: str) -> None:
        """Ask the model of the id `name` from now on."""
        self.client.choose(name)
        self.id = name
        self.window = Window(self.client, self.models)
