#!/bin/sh
# /usr/local/sbin/placard: a command of Placard with the service's own settings, as its user.
set -eu
set -a
. /etc/placard/placard.env
set +a
cd /var/lib/placard
exec runuser --user placard -- /opt/placard/bin/placard "$@"
