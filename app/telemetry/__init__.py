"""What operators and developers learn about a request.

    logs.py     one JSON line a request, and the fields that are added to it on the way
    metrics.py  the counters and histograms for Prometheus
    trace.py    the steps of one request, recorded only on demand

The log fields and the trace belong to the current context, so that no function passes them on.
"""
