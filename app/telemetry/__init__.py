"""What operators and developers learn of a request: log lines, metrics, and the trace."""
