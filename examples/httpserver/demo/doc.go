// Package demo shows incidentbridge at work without any account: a fake PagerDuty and a fake Zoom run inside the
// process, one page shows an incident with its button, and beside it buttons that break things.
//
// Nothing on the page is staged. What it shows is what the two fakes hold and what reached them; what the buttons do
// is done to the fakes' answers or to a process, never to the page.
package demo
