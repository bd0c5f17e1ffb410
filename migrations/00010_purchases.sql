-- +goose Up

-- When everything of a job was removed from the provider; NULL while something may still be there.
ALTER TABLE persona_training_jobs ADD COLUMN cleaned_at timestamptz;

-- What an erasure must still settle at a provider. The rows of the persona are deleted first; these hold the provider's ids
-- and addresses, nothing of the person, and are deleted when the provider's side is settled.
CREATE TABLE erasure_purchases (
    id            uuid        PRIMARY KEY, -- of the purchase
    erasure_id    uuid        NOT NULL REFERENCES erasures (id),
    user_id       text        NOT NULL CHECK (user_id <> ''),
    kind          text        NOT NULL CONSTRAINT erasure_purchases_kind_check CHECK (kind IN ('training', 'picture')),
    status        text        NOT NULL, -- when the persona was erased
    attempt       integer     NOT NULL CHECK (attempt >= 0),
    request_id    text        NOT NULL DEFAULT '', -- the provider's; '' until it is known
    token_hash    bytea       UNIQUE CHECK (length(token_hash) = 32),
    endpoint      text        NOT NULL,
    dataset_url   text        NOT NULL DEFAULT '',
    placed_urls   text[]      NOT NULL DEFAULT '{}',
    weights_url   text        NOT NULL DEFAULT '',
    submitting_at timestamptz,
    created_at    timestamptz NOT NULL
);
CREATE INDEX erasure_purchases_of_erasure ON erasure_purchases (erasure_id);
CREATE INDEX erasure_purchases_of_user ON erasure_purchases (user_id);

ALTER TABLE erasure_purchases ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON erasure_purchases USING (user_id = acting_user()) WITH CHECK (user_id = acting_user());
-- A webhook of a job whose persona was erased names the request that must be stopped.
CREATE POLICY by_token ON erasure_purchases FOR SELECT USING (token_hash = presented_token());
GRANT SELECT, INSERT, UPDATE, DELETE ON erasure_purchases TO persona_app;

-- One row is one intent to buy pictures: one request, made with the weights of a training. Another try after a request that may
-- have been billed is a row of its own, so that everything that may be at the provider is on record; the number of tries is
-- bounded.
CREATE TABLE picture_orders (
    id              uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    persona_id      uuid        NOT NULL,
    user_id         text        NOT NULL,
    training_job_id uuid        NOT NULL REFERENCES persona_training_jobs (id) ON DELETE CASCADE,
    key             text        NOT NULL CHECK (key <> ''), -- which pictures, among those of the job
    try             integer     NOT NULL CHECK (try BETWEEN 1 AND 3),
    status          text        NOT NULL DEFAULT 'intended'
        CONSTRAINT picture_orders_status_check CHECK (status IN ('intended', 'submitting', 'uncertain', 'refused', 'queued',
            'training', 'completed', 'failed', 'cancelled')),
    attempt         integer     NOT NULL DEFAULT 0 CHECK (attempt >= 0), -- submits that were begun
    request_id      text        NOT NULL DEFAULT '', -- the provider's; '' until it is known to be bought
    endpoint        text        NOT NULL,
    error_message   text        NOT NULL DEFAULT '',
    submitting_at   timestamptz,
    completed_at    timestamptz,
    cleaned_at      timestamptz, -- when everything of it was removed from the provider
    created_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (training_job_id, key, try),
    FOREIGN KEY (persona_id, user_id) REFERENCES personas (id, user_id) ON DELETE CASCADE,
    CONSTRAINT picture_orders_bought_check
        CHECK (request_id <> '' OR status IN ('intended', 'submitting', 'uncertain', 'refused', 'cancelled'))
);
CREATE INDEX picture_orders_of_persona ON picture_orders (persona_id);
CREATE INDEX picture_orders_of_user ON picture_orders (user_id);
CREATE UNIQUE INDEX picture_orders_bought_once ON picture_orders (endpoint, request_id) WHERE request_id <> '';

ALTER TABLE picture_orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON picture_orders USING (user_id = acting_user()) WITH CHECK (user_id = acting_user());
GRANT SELECT, INSERT, UPDATE, DELETE ON picture_orders TO persona_app;
