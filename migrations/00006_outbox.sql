-- +goose Up

-- What must happen after a commit although the process may die: written with the change, handed on by the relay. It holds no
-- person's data, ids and numbers only; it is closed to everybody but the user who writes and the relay all the same.
-- An erasure is named by its own id, so that this row does not carry the id of what is erased.
CREATE TABLE outbox (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind       text        NOT NULL CHECK (kind IN ('train-persona', 'erase-persona', 'erase-user', 'discard-upload', 'clean-job',
                           'expire-consent')),
    user_id    text        NOT NULL CHECK (user_id <> ''),
    persona_id uuid,
    version    integer,
    erasure_id uuid,
    job_id     uuid        REFERENCES persona_training_jobs (id) ON DELETE CASCADE,
    attempts   integer     NOT NULL DEFAULT 0,
    next_at    timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK (CASE WHEN kind IN ('erase-persona', 'erase-user') THEN erasure_id IS NOT NULL AND persona_id IS NULL
                ELSE erasure_id IS NULL AND persona_id IS NOT NULL END),
    CHECK ((kind = 'train-persona') = (version IS NOT NULL)),
    CHECK ((kind = 'clean-job') = (job_id IS NOT NULL))
);
CREATE INDEX outbox_due ON outbox (next_at);
CREATE INDEX outbox_of_persona ON outbox (persona_id);
-- Asked for twice, done once.
CREATE UNIQUE INDEX outbox_once_per_erasure ON outbox (erasure_id) WHERE erasure_id IS NOT NULL;
CREATE UNIQUE INDEX outbox_once_per_job ON outbox (job_id) WHERE job_id IS NOT NULL;

ALTER TABLE outbox ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own   ON outbox USING (user_id = acting_user()) WITH CHECK (user_id = acting_user());
CREATE POLICY relay ON outbox USING (acting_duty() = 'relay') WITH CHECK (acting_duty() = 'relay');
GRANT SELECT, INSERT, UPDATE, DELETE ON outbox TO persona_app;

-- Answers to requests that may come twice, for 24 hours. Keys are chosen by clients and may say anything, so only the
-- SHA-256 of a key is kept.
CREATE TABLE idempotency_keys (
    user_id     text        NOT NULL,
    key_hash    bytea       NOT NULL CHECK (length(key_hash) = 32),
    fingerprint text        NOT NULL,
    persona_id  uuid        NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, key_hash),
    FOREIGN KEY (persona_id, user_id) REFERENCES personas (id, user_id) ON DELETE CASCADE
);
CREATE INDEX idempotency_keys_of_persona ON idempotency_keys (persona_id);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON idempotency_keys USING (user_id = acting_user()) WITH CHECK (user_id = acting_user());
-- The relay sweeps out what has expired, and sees nothing else.
CREATE POLICY expired ON idempotency_keys
    USING (acting_duty() = 'relay' AND created_at < now() - interval '24 hours') WITH CHECK (false);
GRANT SELECT, INSERT, DELETE ON idempotency_keys TO persona_app;

-- What earlier trainings took, for the estimate of the time left. Nobody's data: numbers only, so it is open.
CREATE TABLE training_durations (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    endpoint   text        NOT NULL,
    steps      integer     NOT NULL CHECK (steps >= 0),
    photos     integer     NOT NULL CHECK (photos >= 0),
    seconds    integer     NOT NULL CHECK (seconds >= 0),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX training_durations_newest ON training_durations (endpoint, id DESC);
GRANT SELECT, INSERT ON training_durations TO persona_app;
