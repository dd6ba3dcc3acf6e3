"""The fixtures of the plugin, as other packages have them; this suite has some of the same name."""

from app.testing import plugin

host = plugin.host
make_host = plugin.make_host
upstream = plugin.upstream
