-- +goose Up

-- What an entry is about when it may be written only once: an id, or an id and a number. Entries that may repeat have none. The
-- hash of an entry covers its subject.
ALTER TABLE audit_log ADD COLUMN subject text CHECK (subject <> '');

-- An activity that is run again writes no second entry.
CREATE UNIQUE INDEX audit_log_once ON audit_log (user_id, action, subject) WHERE subject IS NOT NULL;
