-- +goose Up

-- A picture made with a persona. The prompt is what a person wrote, so it is kept as an encrypted blob like the picture.
CREATE TABLE generations (
    id             uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    persona_id     uuid        NOT NULL,
    user_id        text        NOT NULL,
    version        integer     NOT NULL,
    status         text        NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'running', 'completed', 'failed')),
    prompt_path    text        NOT NULL,
    platform       text        NOT NULL DEFAULT '',
    blend_strength float       NOT NULL CHECK (blend_strength BETWEEN 0 AND 1),
    seed           bigint,
    width          integer     CHECK (width > 0),
    height         integer     CHECK (height > 0),
    request_id     text        NOT NULL DEFAULT '', -- the provider's id; empty until it is known to be bought
    image_path     text,
    content_type   text,
    failure        jsonb,
    created_at     timestamptz NOT NULL DEFAULT now(),
    started_at     timestamptz,
    completed_at   timestamptz,
    UNIQUE (id, persona_id, user_id),
    FOREIGN KEY (persona_id, user_id) REFERENCES personas (id, user_id) ON DELETE CASCADE,
    FOREIGN KEY (persona_id, version) REFERENCES persona_versions (persona_id, number) ON DELETE CASCADE
);
CREATE INDEX generations_of_user ON generations (user_id, created_at DESC);
CREATE INDEX generations_of_persona ON generations (persona_id);

-- An address under which one generated picture can be fetched for a while without signing in.
CREATE TABLE links (
    id            uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    persona_id    uuid        NOT NULL,
    user_id       text        NOT NULL,
    generation_id uuid        NOT NULL,
    token_hash    bytea       NOT NULL UNIQUE CHECK (length(token_hash) = 32), -- SHA-256 of the token in the address
    expires_at    timestamptz NOT NULL,
    revoked_at    timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (persona_id, user_id) REFERENCES personas (id, user_id) ON DELETE CASCADE,
    FOREIGN KEY (generation_id, persona_id, user_id) REFERENCES generations (id, persona_id, user_id) ON DELETE CASCADE
);
CREATE INDEX links_of_persona ON links (persona_id);

ALTER TABLE generations ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE links       ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY own ON generations USING (user_id = acting_user()) WITH CHECK (user_id = acting_user());
CREATE POLICY own ON links       USING (user_id = acting_user()) WITH CHECK (user_id = acting_user());

GRANT SELECT, INSERT, UPDATE, DELETE ON generations, links TO persona_app;
