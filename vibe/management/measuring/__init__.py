"""Measuring: a list of requests through the product and through the bare model, and what came of it, in figures.

suite (what is asked) → product and bare (one request made) → results (kept, a line each) → table (rates with their
intervals). taped: the model clients that hold a limit, record cassettes and play them. docs/making.md says how to read
a table, and that replies written by hand test the harness and no model.
"""
