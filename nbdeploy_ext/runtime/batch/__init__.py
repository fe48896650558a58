"""Runs an endpoint over a table, in bounded memory, so that a stopped run goes on."""
