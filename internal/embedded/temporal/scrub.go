package temporal

import "go.temporal.io/server/common/persistence/sql/sqlplugin"

// scrubbing removes what names an execution that is no longer there. Temporal lets the timers of a deleted workflow
// lie until they fire, the one that ends its retention for three days, and deliveries until enough have piled up; and
// the write-ahead log keeps copies of pages whose content was deleted since.
//
// An execution and its timers are written in one transaction, so a timer without execution is nobody's. Its row holds
// a protobuf whose field 3 is the run id as text: the bytes 1a 24, then 36 characters.
var scrubbing = []string{
	deleteOrphans + "timer_tasks" + ofNobody,
	deleteOrphans + "tasks" + ofNobody,
	deleteOrphans + "tasks_v2" + ofNobody,
	"PRAGMA wal_checkpoint(TRUNCATE)",
}

const (
	deleteOrphans = "DELETE FROM "
	ofNobody      = ` WHERE instr(data, x'1a24') > 0
		AND unhex(replace(CAST(substr(data, instr(data, x'1a24') + 2, 36) AS TEXT), '-', ''))
			NOT IN (SELECT run_id FROM executions)`
)

// scrub uses the one connection of the server, so it never finds the file locked. What fails now is done the next time.
func scrub(database sqlplugin.AdminDB) {
	for _, statement := range scrubbing {
		_ = database.Exec(statement)
	}
}
