// A program of somebody who wants Zoom meetings and nothing else of ours.
package main

import (
	"log"

	"github.com/incidentbridge/incidentbridge/zoom"
)

func main() {
	if _, err := zoom.NewClient(zoom.ServerToServer("account", "client", "secret")); err != nil {
		log.Fatal(err)
	}
}
