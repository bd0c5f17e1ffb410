-- +goose Up

-- Every table below carries user_id besides persona_id, so that its policy is one comparison; the foreign key over both
-- columns keeps them true (foreign keys are checked without row-level security, so it also refuses a row that hangs on
-- somebody else's persona). The lists of states are those of package internal/persona; a test compares them.

CREATE TABLE personas (
    id                    uuid         PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id               text         NOT NULL CHECK (user_id <> ''),
    name                  varchar(100) NOT NULL, -- display name
    trigger_word          varchar(50)  NOT NULL UNIQUE, -- unique over all users
    status                varchar(20)  NOT NULL DEFAULT 'pending'
        CONSTRAINT personas_status_check CHECK (status IN ('pending', 'training', 'validating', 'ready', 'failed', 'erasing')),
    model_ref             text, -- where the weights of the active version are
    version               integer      NOT NULL DEFAULT 1 CHECK (version >= 1), -- the active one, or 1 before any is
    quality_score         float        CHECK (quality_score BETWEEN 0 AND 1), -- of the active version
    training_started_at   timestamptz,
    training_completed_at timestamptz,
    created_at            timestamptz  NOT NULL DEFAULT now(),
    updated_at            timestamptz  NOT NULL DEFAULT now(),
    UNIQUE (id, user_id)
);
CREATE INDEX personas_of_user ON personas (user_id, created_at DESC, id);

CREATE TABLE persona_images (
    id            uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    persona_id    uuid        NOT NULL,
    user_id       text        NOT NULL,
    position      integer     NOT NULL CHECK (position >= 0), -- in the request, from 0
    url           text        NOT NULL, -- where it was fetched from; empty when it was uploaded
    storage_path  text,
    sha256        bytea       CHECK (length(sha256) = 32),
    bytes         bigint      NOT NULL DEFAULT 0 CHECK (bytes >= 0),
    width         integer     NOT NULL DEFAULT 0 CHECK (width >= 0),
    height        integer     NOT NULL DEFAULT 0 CHECK (height >= 0),
    format        text        NOT NULL DEFAULT '' CHECK (format IN ('', 'jpeg', 'png')),
    quality_score float       CHECK (quality_score BETWEEN 0 AND 100), -- overall score of the photo
    is_primary    boolean     NOT NULL DEFAULT false,
    is_used       boolean     NOT NULL DEFAULT false, -- in the newest choice of training photos
    face_detected boolean,
    metadata      jsonb, -- persona.PhotoReport: dimensions, bounds of the face, scores, findings
    measures_path text, -- the encrypted measures of the photo
    prepared      jsonb       NOT NULL DEFAULT '[]', -- paths of the encrypted prepared pictures, the crop first
    created_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (persona_id, position),
    FOREIGN KEY (persona_id, user_id) REFERENCES personas (id, user_id) ON DELETE CASCADE
);

CREATE TABLE persona_versions (
    persona_id        uuid        NOT NULL,
    user_id           text        NOT NULL,
    number            integer     NOT NULL CHECK (number >= 1),
    status            text        NOT NULL DEFAULT 'training'
        CONSTRAINT persona_versions_status_check CHECK (status IN ('training', 'active', 'superseded', 'failed', 'cancelled')),
    stage             text        NOT NULL DEFAULT 'collecting'
        CONSTRAINT persona_versions_stage_check CHECK (stage IN
            ('collecting', 'preprocessing', 'uploading', 'queued', 'training', 'validating', 'deploying', 'done')),
    progress          integer     NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 100),
    remaining_seconds integer     CHECK (remaining_seconds >= 0),
    queue_position    integer     CHECK (queue_position >= 0),
    tier              text        NOT NULL
        CONSTRAINT persona_versions_tier_check CHECK (tier IN ('basic', 'standard', 'premium')),
    config            jsonb       NOT NULL, -- persona.TrainingConfig
    photos_used       integer     NOT NULL DEFAULT 0 CHECK (photos_used >= 0),
    checks            jsonb, -- persona.CheckScores
    strength          float       CHECK (strength BETWEEN 0 AND 1), -- the best blend strength
    sweep             jsonb       NOT NULL DEFAULT '[]',
    samples           jsonb       NOT NULL DEFAULT '[]',
    model_ref         text,
    model_sha256      text,
    model_bytes       bigint      NOT NULL DEFAULT 0 CHECK (model_bytes >= 0),
    training_seconds  integer     CHECK (training_seconds >= 0),
    failure           jsonb, -- code, sentence, and what is wrong with each photo
    created_at        timestamptz NOT NULL DEFAULT now(),
    started_at        timestamptz,
    completed_at      timestamptz,
    PRIMARY KEY (persona_id, number),
    FOREIGN KEY (persona_id, user_id) REFERENCES personas (id, user_id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX persona_versions_one_active ON persona_versions (persona_id) WHERE status = 'active';

-- One row is one intent to buy one training: committed before anything is sent, and only one for each version.
CREATE TABLE persona_training_jobs (
    id            uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    persona_id    uuid        NOT NULL,
    user_id       text        NOT NULL,
    version       integer     NOT NULL,
    job_id        text        NOT NULL DEFAULT '', -- the provider's id; empty until it is known to be bought
    status        varchar(20) NOT NULL DEFAULT 'intended'
        CONSTRAINT persona_training_jobs_status_check CHECK (status IN ('intended', 'submitting', 'uncertain', 'refused',
            'queued', 'training', 'completed', 'failed', 'cancelled')),
    attempt       integer     NOT NULL DEFAULT 0 CHECK (attempt >= 0), -- submits that were really begun
    token_hash    bytea       UNIQUE CHECK (length(token_hash) = 32), -- SHA-256 of the token in our webhook's address
    endpoint      text        NOT NULL,
    dataset_url   text        NOT NULL DEFAULT '', -- what is sent; it never changes once it is known
    -- Every address where training pictures were placed for this job, so that none of them is forgotten when it is cleaned.
    placed_urls   text[]      NOT NULL DEFAULT '{}' CHECK ('' <> ALL (placed_urls)),
    weights_url   text        NOT NULL DEFAULT '',
    config_url    text        NOT NULL DEFAULT '',
    progress      integer     NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 100),
    error_message text        NOT NULL DEFAULT '',
    config        jsonb       NOT NULL, -- persona.TrainingConfig
    submitting_at timestamptz,
    started_at    timestamptz,
    completed_at  timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (persona_id, version),
    FOREIGN KEY (persona_id, user_id) REFERENCES personas (id, user_id) ON DELETE CASCADE,
    FOREIGN KEY (persona_id, version) REFERENCES persona_versions (persona_id, number) ON DELETE CASCADE,
    -- What was bought has the provider's id, or nobody could ever ask for it again. An uncertain one can be given up without.
    CONSTRAINT persona_training_jobs_bought_check
        CHECK (job_id <> '' OR status IN ('intended', 'submitting', 'uncertain', 'refused', 'cancelled'))
);
CREATE UNIQUE INDEX persona_training_jobs_bought_once ON persona_training_jobs (endpoint, job_id) WHERE job_id <> '';

-- What a person signed, and the facts of the request in which it was signed. The newest row of a persona holds.
CREATE TABLE persona_consents (
    id                 uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    persona_id         uuid        NOT NULL,
    user_id            text        NOT NULL,
    agreed_to_terms    boolean     NOT NULL,
    facial_recognition boolean     NOT NULL,
    ai_training        boolean     NOT NULL,
    likeness_usage     boolean     NOT NULL,
    data_retention     boolean     NOT NULL,
    no_commercial_use  boolean     NOT NULL,
    no_third_party     boolean     NOT NULL,
    time_limit_days    integer     NOT NULL CHECK (time_limit_days >= 0), -- 0 is no limit
    signed_at          timestamptz NOT NULL,
    ip_address         text        NOT NULL,
    user_agent         text        NOT NULL,
    created_at         timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (persona_id, user_id) REFERENCES personas (id, user_id) ON DELETE CASCADE
);
CREATE INDEX persona_consents_of_persona ON persona_consents (persona_id, created_at DESC);

-- The key of each persona's blobs, wrapped by the keeper. Without the row its blobs are noise, in every backup too.
CREATE TABLE data_keys (
    persona_id uuid        PRIMARY KEY,
    user_id    text        NOT NULL,
    wrapped    bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (persona_id, user_id) REFERENCES personas (id, user_id) ON DELETE CASCADE
);

ALTER TABLE personas              ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE persona_images        ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE persona_versions      ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE persona_training_jobs ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE persona_consents      ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE data_keys             ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY own ON personas              USING (user_id = acting_user()) WITH CHECK (user_id = acting_user());
CREATE POLICY own ON persona_images        USING (user_id = acting_user()) WITH CHECK (user_id = acting_user());
CREATE POLICY own ON persona_versions      USING (user_id = acting_user()) WITH CHECK (user_id = acting_user());
CREATE POLICY own ON persona_training_jobs USING (user_id = acting_user()) WITH CHECK (user_id = acting_user());
CREATE POLICY own ON persona_consents      USING (user_id = acting_user()) WITH CHECK (user_id = acting_user());
CREATE POLICY own ON data_keys             USING (user_id = acting_user()) WITH CHECK (user_id = acting_user());

-- A webhook knows no user: its token opens the one job it was made for, to be read.
CREATE POLICY by_token ON persona_training_jobs FOR SELECT USING (token_hash = presented_token());

GRANT SELECT, INSERT, UPDATE, DELETE ON personas, persona_images, persona_versions, persona_training_jobs, persona_consents,
    data_keys TO persona_app;
