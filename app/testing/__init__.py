"""What tests import: of this project, and of packages that bring connectors of their own.

README.md       how to use it, with a package of one's own as the example
plugin.py       pytest's fixtures, which it finds by itself
contract.py     what every connector holds to: inherit its class
definitions.py  the same for a definition in TOML
host.py         a client that signs as the host does, for any component
proofs.py       proofs that hold, and proofs that do not
recordings.py   recorded cases, replayed strictly
upstream.py     a real server that answers what it is told, or fails as it is told
faults.py       the faults of networks and servers, by name; fault_server.py plays them
servers.py      what both are made of
cards.py        assertions about cards, with differences that people can read
extra.py        the packages that a service in production does not have
"""
