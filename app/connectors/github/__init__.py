"""GitHub: issues and pull requests, commits, runs of Actions, and repositories."""

from app.connectors.github.commits import GitHubCommit
from app.connectors.github.issues import GitHub
from app.connectors.github.repositories import GitHubRepository
from app.connectors.github.runs import GitHubRun

__all__ = ["GitHub", "GitHubCommit", "GitHubRepository", "GitHubRun"]
