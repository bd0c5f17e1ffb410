package storage

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// TypicalSeconds is the median of the durations of the last 50 trainings at an endpoint; ok is false when there is none.
func (s *Store) TypicalSeconds(ctx context.Context, endpoint string) (seconds int, ok bool, err error) {
	const query = `
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY seconds)
FROM (SELECT seconds FROM training_durations WHERE endpoint = $1 ORDER BY id DESC LIMIT 50) newest`
	var median *int
	err = s.transact(ctx, pgx.TxOptions{}, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, query, endpoint).Scan(&median)
	})
	if err != nil || median == nil {
		return 0, false, err
	}
	return *median, true, nil
}

// RecordDuration stores how long a training took. The row holds no person's data.
func (s *Store) RecordDuration(ctx context.Context, endpoint string, steps, photos, seconds int) error {
	const insert = `INSERT INTO training_durations (endpoint, steps, photos, seconds) VALUES ($1, $2, $3, $4)`
	return s.transact(ctx, pgx.TxOptions{}, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, insert, endpoint, steps, photos, seconds)
		return err
	})
}
