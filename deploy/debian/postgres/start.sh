#!/bin/sh
# The first time makes the database, as the public image does from the same variables; then it is the server.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  initdb --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8
  touch "$PGDATA/unfinished"
fi
if [ -e "$PGDATA/unfinished" ]; then # also after a start that was cut short
  grep -q '^host all all all' "$PGDATA/pg_hba.conf" || echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
  echo "CREATE DATABASE \"$POSTGRES_DB\"" | postgres --single postgres >/dev/null
  rm "$PGDATA/unfinished"
fi
exec postgres -c "listen_addresses=*" "$@"
