"""SpaceONE custom widgets: `POST /dashboard/v1/custom-widget/{verb}`."""
