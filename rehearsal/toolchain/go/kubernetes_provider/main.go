// Command pulumi-resource-kubernetes is pulumi-kubernetes.
//
// Upstream's own command embeds two files that its release build makes: the schema with the version written into it, and
// the Terraform mapping. Whoever builds this one lays both beside it: rehearsal/toolchain/pulumi_tools.py.
package main

import (
	_ "embed"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version"
)

//go:embed schema.json
var schema []byte

//go:embed terraform-mapping.json
var terraformMapping []byte

func main() {
	provider.Serve("kubernetes", version.Version, schema, terraformMapping)
}
