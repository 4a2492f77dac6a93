// Package demo shows incidentbridge without any account: a fake PagerDuty and a fake Zoom
// run in the process, and one page shows an incident with its button, beside buttons that
// break something.
//
// Nothing on the page is staged: it shows what the two fakes have and which requests they
// received. The buttons change the responses of the fakes or kill a process, never the
// page.
package demo
