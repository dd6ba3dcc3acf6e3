"""GitHub: issues and pull requests, commits, runs of Actions, and repositories.

issues.py        issues and pull requests
commits.py       commits
runs.py          runs of Actions
repositories.py  repositories
api.py           what its pages share: hosts, tokens, the API's address, the measure of a change
"""

from app.connectors.github.commits import GitHubCommit
from app.connectors.github.issues import GitHub
from app.connectors.github.repositories import GitHubRepository
from app.connectors.github.runs import GitHubRun

__all__ = ["GitHub", "GitHubCommit", "GitHubRepository", "GitHubRun"]
