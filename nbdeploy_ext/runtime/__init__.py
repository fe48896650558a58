"""What runs inside every image: it imports the notebook's marked cells and serves them."""
