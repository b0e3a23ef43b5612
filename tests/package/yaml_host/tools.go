//go:build tools

// Package tools keeps the program in go.mod that the tests build.
package tools

import _ "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml"
