module example.com/zoom

go 1.26.0

require github.com/incidentbridge/incidentbridge v0.1.0
