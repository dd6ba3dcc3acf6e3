"""Tools for those who build widgets; nothing here is needed to answer the host.

preview/          `/preview`, in the local mode: a card, its limits, its trace; the editor
doctor/           `placard doctor`: examines a deployed service as the host would meet it
recorder.py       `placard record`: a test case of a live answer
terminal_card.py  a card in the terminal, for `placard render`
local_provider.py the local mode's own provider, at which made-up people sign in
local_sign_in.py  mounts that provider
relative_times.py times as people say them
signed_calls.py   requests that are signed as the host signs them
"""
