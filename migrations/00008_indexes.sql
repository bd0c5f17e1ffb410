-- +goose Up

-- Row-level security compares user_id in every statement, and the erasure of a user counts and deletes rows by it. Without an index
-- each of these reads the whole table.
CREATE INDEX outbox_of_user ON outbox (user_id);
CREATE INDEX persona_images_of_user ON persona_images (user_id);
CREATE INDEX persona_versions_of_user ON persona_versions (user_id);
CREATE INDEX persona_training_jobs_of_user ON persona_training_jobs (user_id);
CREATE INDEX persona_consents_of_user ON persona_consents (user_id);
CREATE INDEX data_keys_of_user ON data_keys (user_id);
CREATE INDEX links_of_user ON links (user_id);

-- Deleting a generation deletes its links.
CREATE INDEX links_of_generation ON links (generation_id);
