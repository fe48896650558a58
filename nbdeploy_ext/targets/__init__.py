"""Where deployments run: the Docker engine, or a process of this machine."""
