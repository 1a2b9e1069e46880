"""What --workspace-name names: an object of KAITO's, by its name or by KIND/NAME, as kubectl writes it. Pure."""

from __future__ import annotations

from kaito.kube.names import is_subdomain
from kaito.values import NamedTuple

WORKSPACES, INFERENCE_SETS = "workspaces", "inferencesets"

# The plural by each word for a kind that kubectl takes: singular, plural and short names (api/v1beta1's markers).
_KINDS = {
    **dict.fromkeys(("workspace", "workspaces", "wk", "wks"), WORKSPACES),
    **dict.fromkeys(("inferenceset", "inferencesets", "is", "isets"), INFERENCE_SETS),
}


class Reference(NamedTuple):
    """An object's name. `kind`: its plural, "" if the user names none: then a Workspace comes before a set."""

    name: str
    kind: str = ""

    @property
    def word(self) -> str:
        """The kind in a message; "workspace" if the user names none."""
        return "InferenceSet" if self.kind == INFERENCE_SETS else "workspace"

    def may_be(self, kind: str) -> bool:
        """Return whether the user may mean an object of this kind (a plural)."""
        return self.kind in ("", kind)


def read_reference(word: str) -> Reference | None:
    """Read NAME or KIND/NAME; None for what cannot be either. KIND may carry its group (`workspaces.kaito.sh`)."""
    before, slash, name = word.rpartition("/")
    kind = _KINDS.get(before.lower().partition(".")[0], "")
    if (slash and not kind) or not is_subdomain(name):
        return None
    return Reference(name, kind)
