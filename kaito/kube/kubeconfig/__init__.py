"""Kubeconfig files, as kubectl reads and uses them: flags, environment and files become a `Target`.

`files` reads and merges the files (client-go's tools/clientcmd/loader.go), with `schema` to check the types of their
fields; `decode` turns the entries into the values of `model`; `resolve` chooses context, cluster and user and applies
kubectl's flags (client_config.go); `rules` refuses what client-go refuses (validation.go); `pod` is the service account
of a pod; `wording` puts names from these files into messages.
"""
