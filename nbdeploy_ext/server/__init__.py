"""The part that runs in the Jupyter server: routes, jobs, events."""
