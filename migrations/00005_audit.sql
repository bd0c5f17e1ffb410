-- +goose Up

-- Who did what to whose data. One chain per user: hash covers the entry and the hash before it. Details are json, not jsonb,
-- because the hash covers their text, which jsonb would rewrite.
CREATE TABLE audit_log (
    user_id    text        NOT NULL CHECK (user_id <> ''),
    seq        bigint      NOT NULL CHECK (seq >= 1),
    at         timestamptz NOT NULL,
    action     text        NOT NULL CHECK (action <> ''),
    persona_id uuid,
    detail     json        NOT NULL,
    hash       bytea       NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (user_id, seq)
);

-- The end of each chain. Its row is the lock that puts the entries of one user in order, and it shows when the newest entries
-- were taken away, which a chain alone cannot.
CREATE TABLE audit_heads (
    user_id text   PRIMARY KEY CHECK (user_id <> ''),
    seq     bigint NOT NULL CHECK (seq >= 0),
    hash    bytea  NOT NULL
);

-- +goose StatementBegin
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
-- +goose StatementEnd

-- By statement, so that it refuses even where row-level security shows no row; always, so that replication settings do not
-- turn it off.
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE audit_log ENABLE ALWAYS TRIGGER append_only;
CREATE TRIGGER heads_stay BEFORE DELETE OR TRUNCATE ON audit_heads
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE audit_heads ENABLE ALWAYS TRIGGER heads_stay;

ALTER TABLE audit_log   ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_heads ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY own ON audit_log   USING (user_id = acting_user()) WITH CHECK (user_id = acting_user());
CREATE POLICY own ON audit_heads USING (user_id = acting_user()) WITH CHECK (user_id = acting_user());

-- The verifier reads every chain and can write none.
CREATE POLICY verify ON audit_log   FOR SELECT USING (acting_duty() = 'verifier');
CREATE POLICY verify ON audit_heads FOR SELECT USING (acting_duty() = 'verifier');

GRANT SELECT, INSERT ON audit_log TO persona_app;
GRANT SELECT, INSERT, UPDATE ON audit_heads TO persona_app;
