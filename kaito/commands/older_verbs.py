"""What does here what verbs of an older plugin of this name (v0.1, written in Go) did."""

from __future__ import annotations

_DOCS = "https://kaito-project.github.io/kaito/docs"

# The next step by the verb.
INSTEAD = {
    "deploy": f"write a Workspace manifest and run kubectl apply -f FILE: {_DOCS}/quick-start",
    "models": f"KAITO's presets: {_DOCS}/presets; what a workspace serves: /model in a chat",
    "rag": f"write a RAGEngine manifest and run kubectl apply -f FILE: {_DOCS}/rag",
    "completion": "kubectl completes this plugin, too: kubectl completion --help",
}
