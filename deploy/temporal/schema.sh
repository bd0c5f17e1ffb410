#!/bin/sh
# Brings both databases of Temporal to the schema of this version; running it again is safe. The tool reads host, user
# and password from SQL_*.
set -eu

for name in temporal visibility; do
  case $name in
    temporal) database=temporal ;;
    visibility) database=temporal_visibility ;;
  esac
  temporal-sql-tool --db "$database" create
  temporal-sql-tool --db "$database" setup-schema -v 0.0
  temporal-sql-tool --db "$database" update-schema --schema-name "postgresql/v12/$name"
done
