-- +goose Up

-- What was asked to be erased and how far that is. It outlives what it erases, so it hangs on nothing; it holds ids, numbers
-- and times only.
CREATE TABLE erasures (
    id           uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id      text        NOT NULL CHECK (user_id <> ''),
    persona_id   uuid, -- NULL is everything the user has
    parent_id    uuid        REFERENCES erasures (id), -- the erasure of the whole user that this one is part of
    status       text        NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'completed')),
    steps        jsonb       NOT NULL DEFAULT '[]', -- name, count and time of each step that is done
    certificate  jsonb,
    requested_at timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz,
    CHECK ((status = 'completed') = (completed_at IS NOT NULL))
);
CREATE UNIQUE INDEX erasures_once_per_persona ON erasures (persona_id) WHERE persona_id IS NOT NULL;
CREATE UNIQUE INDEX erasures_one_of_user ON erasures (user_id) WHERE persona_id IS NULL AND status = 'running';
CREATE INDEX erasures_of_user ON erasures (user_id);
CREATE INDEX erasures_of_parent ON erasures (parent_id) WHERE parent_id IS NOT NULL;

ALTER TABLE erasures ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY own ON erasures USING (user_id = acting_user()) WITH CHECK (user_id = acting_user());

-- A worker knows the erasure's id and nothing else; from this one row it learns whose it is.
CREATE POLICY by_id ON erasures FOR SELECT USING (id = opened_erasure());

-- No DELETE: the record of an erasure stays.
GRANT SELECT, INSERT, UPDATE ON erasures TO persona_app;
