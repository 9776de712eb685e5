#!/usr/bin/env bash
# Runs once inside the PostgreSQL container, when its data is new: makes our roles, database and extensions.
set -euo pipefail
psql --no-psqlrc --quiet --username postgres --dbname postgres \
    -v owner_password="$KONSTRUCT_OWNER_PASSWORD" \
    -v app_password="$KONSTRUCT_APP_PASSWORD" \
    -v system_password="$KONSTRUCT_SYSTEM_PASSWORD" \
    -f /bootstrap.sql
