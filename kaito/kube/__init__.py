"""Kubernetes as client-go knows it: kubeconfig, credentials, and requests to the API server."""
