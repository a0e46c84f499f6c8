"""Looks into files that strangers made. It is sent INTO a sealed box and runs there alone; our process never imports it.

`python3 -m inspector` beside a folder `in/` prints one JSON object, {name: facts}. It knows nothing of the product: it
has the standard library and what the python image has. Whoever reads its answer (generation/attachments.py) takes it
as hostile: a file that broke out of its parser may have written it.
"""
