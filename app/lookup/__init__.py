"""Lookup: from what a person types to a resource that is attached to a task.

lookup.py    attach and typeahead, as the host's addresses want them
typed.py     what a typed text may mean: a pasted address, or a short form
search.py    which systems are searched, and one search
samples.py   offline: the bundled samples
together.py  many calls at once, within one time
kept.py      what was found, and what was attached lately, in the cache's backend
answers.py   the answers, checked before they go out
"""
