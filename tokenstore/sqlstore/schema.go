package sqlstore

// newSchema returns the steps from an empty database to the current schema. A released
// step is never changed: a later need is another step.
func newSchema(d dialectSQL) [][]string {
	return [][]string{
		{
			"CREATE TABLE incidentbridge_schema (version " + d.integer + " NOT NULL PRIMARY KEY) " + d.table,
			"CREATE TABLE incidentbridge_records (" +
				"key " + d.text + " NOT NULL PRIMARY KEY, " +
				"version " + d.text + " NOT NULL, " +
				"value " + d.bytes + " NOT NULL, " +
				"due_at " + d.integer + ", " + // Unix milliseconds, as is the next
				"expires_at " + d.integer + ") " + d.table,
			"CREATE INDEX incidentbridge_records_due ON incidentbridge_records (due_at, key) WHERE due_at IS NOT NULL",
			"CREATE INDEX incidentbridge_records_expires ON incidentbridge_records (expires_at) WHERE expires_at IS NOT NULL",
			"INSERT INTO incidentbridge_schema (version) VALUES (1)",
		},
	}
}
