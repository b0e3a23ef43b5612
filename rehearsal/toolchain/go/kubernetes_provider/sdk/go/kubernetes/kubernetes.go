// Package kubernetes is the part of pulumi-kubernetes' Go SDK that its provider uses.
//
// The provider's own components (helm.sh/v4 Chart, yaml/v2 ConfigFile and ConfigGroup, kustomize/v2 Directory) register
// resources through the SDK. The SDK has a Go type for every kind of Kubernetes, whose outputs the components never read:
// compiling them takes two thirds of the provider's whole build, and nearly half of its size.
package kubernetes

import "reflect"

// UntypedArgs are the inputs of a resource whose Go type is not known.
type UntypedArgs map[string]any

// ElementType makes UntypedArgs a pulumi.Input.
func (UntypedArgs) ElementType() reflect.Type {
	return reflect.TypeFor[map[string]any]()
}
