#!/bin/sh
# Runs once, when the database of compose.database.yaml is made: a user for helamem who owns its database and nothing
# else, since row-level security does not hold for superusers. The superuser can log in from inside the container only.
set -eu
psql --username "$POSTGRES_USER" --set ON_ERROR_STOP=1 \
  --set superuser="$POSTGRES_USER" --set password="$(cat /run/secrets/database-password)" <<'SQL'
CREATE ROLE helamem LOGIN PASSWORD :'password';
CREATE DATABASE memories OWNER helamem;
ALTER ROLE :"superuser" PASSWORD NULL;
\connect memories
CREATE EXTENSION vector;
SQL
