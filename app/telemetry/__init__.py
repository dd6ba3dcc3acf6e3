"""What operators and developers learn about a request.

    logs.py       one JSON line a request, and the fields that are added to it on the way
    metrics.py    the counters, histograms and gauges for Prometheus
    processes.py  among these, what a process takes; and those that have ended
    trace.py      the steps of one request, recorded only on demand
    spans.py      the same for OpenTelemetry; loaded only where PLACARD_TRACES is on

The log fields and the trace belong to the current context, so that no function passes them on.
"""
