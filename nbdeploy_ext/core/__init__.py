"""Plain functions over frozen values: a notebook goes in, a bundle comes out."""
