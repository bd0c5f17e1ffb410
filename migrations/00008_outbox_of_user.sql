-- +goose Up

-- The erasure of a user deletes the user's rows, and row-level security compares user_id in every statement.
CREATE INDEX outbox_of_user ON outbox (user_id);
