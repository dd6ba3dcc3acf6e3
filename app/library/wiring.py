"""Make the parts of the widget library of what the settings say."""

from typing import Final

from app.library.azure_devops import dialect as azure
from app.library.azure_devops.dashboard_store import Dashboards
from app.library.azure_devops.widget_store import DashboardWidgets
from app.library.core.store import Store
from app.library.core.tokens import Tokens
from app.library.datadog import api as datadog_api
from app.library.datadog.store import SavedWidgets
from app.library.http.context import Library
from app.library.http.rate_limit import Limiter
from app.library.spaceone import api as spaceone_api
from app.library.spaceone.store import CustomWidgets
from app.settings import Settings

DIALECTS: Final = (datadog_api.DIALECT, spaceone_api.DIALECT, azure.DIALECT)


def build_library(settings: Settings) -> Library:
    """Make the library; raises StoreUnavailable where its database does not answer."""
    store = Store(settings.database_url)
    store.prepare()
    return Library(
        settings=settings,
        store=store,
        tokens=Tokens(store, settings.signing_secrets),
        limiter=Limiter(
            settings.library_requests_per_minute, settings.cache_url, settings.ca_bundle
        ),
        dialects=DIALECTS,
        saved_widgets=SavedWidgets(store),
        custom_widgets=CustomWidgets(store),
        dashboards=Dashboards(store),
        dashboard_widgets=DashboardWidgets(store),
    )
