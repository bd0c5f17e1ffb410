#!/bin/bash
# Runs once, when the cluster is empty. Neither role is a superuser: persona_owner owns the tables and may make the role
# that the app connects as, temporal may make the two databases of Temporal.
set -euo pipefail

psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  --set owner_password="$PERSONA_OWNER_PASSWORD" --set temporal_password="$TEMPORAL_DB_PASSWORD" <<'SQL'
CREATE ROLE persona_owner LOGIN CREATEROLE PASSWORD :'owner_password';
CREATE DATABASE persona OWNER persona_owner;
CREATE ROLE temporal LOGIN CREATEDB PASSWORD :'temporal_password';
SQL
