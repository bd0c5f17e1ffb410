package temporal

import "go.temporal.io/server/common/persistence/sql/sqlplugin"

// scrubbing removes rows that name an execution that was deleted. Temporal keeps the timers of a deleted workflow until
// they fire, the retention timer for three days, and its task queue rows until enough of them have piled up. The
// checkpoint empties the write-ahead log, which holds copies of pages from before a deletion.
//
// Temporal writes an execution and its timers in one transaction, so a timer without an execution is an orphan. Its row
// holds a protobuf whose field 3 is the run id as text: the bytes 1a 24, then 36 characters.
var scrubbing = []string{
	deleteOrphans + "timer_tasks" + withoutExecution,
	deleteOrphans + "tasks" + withoutExecution,
	deleteOrphans + "tasks_v2" + withoutExecution,
	"PRAGMA wal_checkpoint(TRUNCATE)",
}

const (
	deleteOrphans    = "DELETE FROM "
	withoutExecution = ` WHERE instr(data, x'1a24') > 0
		AND unhex(replace(CAST(substr(data, instr(data, x'1a24') + 2, 36) AS TEXT), '-', ''))
			NOT IN (SELECT run_id FROM executions)`
)

// scrub uses the server's only connection, so the file is never locked by another. What fails is repeated next time.
func scrub(database sqlplugin.AdminDB) {
	for _, statement := range scrubbing {
		_ = database.Exec(statement)
	}
}
