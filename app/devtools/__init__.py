"""Tools for those who build widgets; nothing here is needed to answer the host.

preview/          `/preview`, in the local mode: a card, its limits, its trace; the editor
doctor.py         `placard doctor`: probes a deployed service as the host would
recorder.py       `placard record`: a test case of a live answer
terminal_card.py  a card in the terminal, for `placard render`
signed_calls.py   requests that are signed as the host signs them
"""
