"""The dialect of Azure DevOps' dashboards and their widgets.

dialect.py          its addresses, its token, its envelope; what the library mounts
operations.py       how an operation is declared: addresses that ignore case, versions in headers
dashboards_api.py   the operations of dashboards
widgets_api.py      the operations of widgets
projects_api.py     the GUID and the name of a project
types_api.py        the types of widgets
locations.py        where the resources are: the first request of the official clients
reach.py            the places that a token reaches
addresses.py        the addresses, read and written
formats.py          versions of the API, and the options of an answer
versions.py         versions of what is written (eTags)
schemas.py          bodies; drafts.py makes what the stores take of them
answers.py          answers; answer_schemas.py describes them
envelope.py         errors
examples.py         an example of each operation, for the description
records.py          dashboards and widgets as the stores take and return them
names.py            the names of projects and teams, by their GUIDs
samples.py          what the local mode has saved from the start
statements.py       the SQL that both stores are made of
rows.py             a row of the database → a record; how many bytes a list may have
dashboard_store.py  one transaction an operation on dashboards
widget_store.py     one transaction an operation on widgets
archive.py          whole dashboards, out of the store and into another
transfer.py         export and import, as lines of JSON
"""
