-- +goose Up

-- What the photos of a version tell together: counts and advice, nothing of any picture. Versions whose photos were chosen
-- before it was kept have none.
ALTER TABLE persona_versions ADD COLUMN photo_set jsonb; -- persona.SetReport
