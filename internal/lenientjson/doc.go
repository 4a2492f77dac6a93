// Package lenientjson reads JSON objects one field at a time, for the zoom and pagerduty
// clients. The vendors' payloads differ between API versions and from their
// documentation: a field that is missing, null or of another type than expected is its
// zero value, and costs that field alone, never the whole answer.
//
//	o, err := lenientjson.Parse(body)
//	id := o.Int("id") // 7, "7" and 7.0 are all 7
//	name := o.Object("user").String("name", "summary")
//
// # Errors
//
// Only [Parse] fails, with [ErrNotObject], for what is no JSON object at all.
//
// # Concurrency
//
// An [Object] is a map: safe for concurrent use while nobody changes it.
package lenientjson
