"""Datadog saved widgets: `/api/v2/widgets/{experience_type}[/{uuid}]`."""
