"""What the Kubernetes API server asks of a client: kubeconfig, credentials, requests."""
