module mendix-registry/rehearsal/pause

go 1.26.0
