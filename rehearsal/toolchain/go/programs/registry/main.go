// Command registry is the CNCF distribution registry with the parts the rehearsal uses.
//
// The same program as upstream's cmd/registry, with fewer storage drivers and authentication methods linked in: the
// cloud drivers alone would be most of its size and build time.
package main

import (
	"github.com/distribution/distribution/v3/registry"
	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd"
	_ "github.com/distribution/distribution/v3/registry/auth/token"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
)

func main() {
	// Execute reports its own error and ends the process.
	_ = registry.RootCmd.Execute()
}
