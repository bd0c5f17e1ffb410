-- +goose Up

-- Who acts in a transaction. The app sets one of these for the length of one transaction; the policies of every table that
-- holds a person's data look only here. Unset reads as NULL, which equals nothing: without an acting user there are no rows.

-- The user whose rows are open.
CREATE FUNCTION acting_user() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
RETURN NULLIF(current_setting('persona.user', true), '');

-- SHA-256 (hex) of the token of a provider's webhook: opens the one job it was made for.
CREATE FUNCTION presented_token() RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE
RETURN decode(NULLIF(current_setting('persona.job_token', true), ''), 'hex');

-- Id of the erasure that a worker carries out: opens that one erasure, which says whose it is.
CREATE FUNCTION opened_erasure() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
RETURN NULLIF(current_setting('persona.erasure', true), '')::uuid;

-- A duty that is nobody's request: 'relay' hands on the outbox, 'verifier' reads the audit log.
CREATE FUNCTION acting_duty() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
RETURN NULLIF(current_setting('persona.duty', true), '');

-- Before PostgreSQL 15 anybody could create things here.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO persona_app;
GRANT SELECT ON goose_db_version TO persona_app;
