"""What runs in the notebook's own kernel."""
