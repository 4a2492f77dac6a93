module example.com/service

go 1.26.0

require github.com/incidentbridge/incidentbridge v0.1.0
