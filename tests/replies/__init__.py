"""Replies as real models write them, through the whole product, with the verdict that each must get.

They are written by hand and test the harness. They say nothing about how often any model does well, and no figure
from here is ever quoted as if they did.

A case is a file of cases/<kind>/ in the form of a cassette (vibe/llm/cassette.py): what is asked and what must come of
it in the head, then the replies, call by call. cases.py knows the head; programs/ holds replies that many cases begin
from (`%%%%% write from=name`, then the lines that this one has otherwise).
"""
