package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/blang/semver"
	"github.com/hashicorp/hcl/v2"
	"github.com/pulumi/pulumi/pkg/v3/codegen/hcl2/syntax"
	"github.com/pulumi/pulumi/pkg/v3/codegen/pcl"
	"github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// GeneratePackage writes the Python SDK of a schema into a directory: `pulumi package add`.
func (h *host) GeneratePackage(
	_ context.Context, request *pulumirpc.GeneratePackageRequest,
) (*pulumirpc.GeneratePackageResponse, error) {
	client, err := schema.NewLoaderClient(request.LoaderTarget)
	if err != nil {
		return nil, err
	}
	defer func() { _ = client.Close() }()
	loader := schema.NewCachedLoader(client)
	var spec schema.PackageSpec
	if err := json.Unmarshal([]byte(request.Schema), &spec); err != nil {
		return nil, fmt.Errorf("the package's schema: %w", err)
	}
	bound, findings, err := schema.BindSpec(spec, loader, schema.ValidationOptions{AllowDanglingReferences: true})
	if err != nil {
		return nil, err
	}
	response := &pulumirpc.GeneratePackageResponse{Diagnostics: plugin.HclDiagnosticsToRPCDiagnostics(findings)}
	if findings.HasErrors() {
		return response, nil
	}
	files, err := python.GeneratePackage("pulumi-language-python", bound, request.ExtraFiles, loader)
	if err != nil {
		return nil, err
	}
	for name, content := range files {
		path := filepath.Join(request.Directory, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, err
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return nil, err
		}
	}
	return response, nil
}

// Link makes SDKs that lie in directories dependencies of a program, and says how they are imported: `pulumi package add`.
func (h *host) Link(call context.Context, request *pulumirpc.LinkRequest) (*pulumirpc.LinkResponse, error) {
	tools, _, err := toolchainOf(request.Info, false)
	if err != nil {
		return nil, err
	}
	client, err := schema.NewLoaderClient(request.LoaderTarget)
	if err != nil {
		return nil, err
	}
	defer func() { _ = client.Close() }()
	loader := schema.NewCachedLoader(client)
	directories := map[string]string{}
	var imports strings.Builder
	for _, linked := range request.Packages {
		if linked.Package.Name == "pulumi" {
			directories["pulumi"] = linked.Path
			continue
		}
		module, distribution, err := pythonNames(call, loader, linked.Package)
		if err != nil {
			return nil, err
		}
		directories[distribution] = linked.Path
		name := strings.ReplaceAll(linked.Package.Name, "-", "_")
		fmt.Fprintf(&imports, "  import %s as %s\n", module, name)
	}
	if err := tools.LinkPackages(call, directories); err != nil {
		return nil, err
	}
	return &pulumirpc.LinkResponse{
		ImportInstructions: "You can import the SDK in your Python code with:\n\n" + imports.String(),
	}, nil
}

// What the SDK of a package is imported as, and what it is called as a distribution.
func pythonNames(
	call context.Context, loader schema.ReferenceLoader, dependency *pulumirpc.PackageDependency,
) (string, string, error) {
	described := &schema.PackageDescriptor{
		Name: dependency.Name, Version: parsed(dependency.Version), DownloadURL: dependency.Server,
	}
	if given := dependency.Parameterization; given != nil {
		described.Parameterization = &schema.ParameterizationDescriptor{Name: given.Name, Value: given.Value}
		if version := parsed(given.Version); version != nil {
			described.Parameterization.Version = *version
		}
	}
	reference, err := schema.LoadPackageReferenceV2(call, loader, described)
	if err != nil {
		return "", "", err
	}
	definition, err := reference.Definition()
	if err != nil {
		return "", "", err
	}
	if err := definition.ImportLanguages(map[string]schema.Language{"python": python.Importer}); err != nil {
		return "", "", err
	}
	distribution := python.PyPack(reference.Namespace(), reference.Name())
	if info, ok := definition.Language["python"].(python.PackageInfo); ok && info.PackageName != "" {
		distribution = info.PackageName
	}
	return strings.ReplaceAll(distribution, "-", "_"), distribution, nil
}

func parsed(version string) *semver.Version {
	if found, err := semver.ParseTolerant(version); err == nil {
		return &found
	}
	return nil
}

// GenerateProgram writes Pulumi's own notation as Python: `pulumi import` shows so what belongs into the program.
func (h *host) GenerateProgram(
	_ context.Context, request *pulumirpc.GenerateProgramRequest,
) (*pulumirpc.GenerateProgramResponse, error) {
	client, err := schema.NewLoaderClient(request.LoaderTarget)
	if err != nil {
		return nil, err
	}
	defer func() { _ = client.Close() }()
	parser := syntax.NewParser()
	for path, text := range request.Source {
		if err := parser.ParseFile(strings.NewReader(text), path); err != nil {
			return nil, err
		}
	}
	if parser.Diagnostics.HasErrors() {
		return nil, parser.Diagnostics
	}
	options := []pcl.BindOption{pcl.PreferOutputVersionedInvokes}
	if !request.Strict {
		options = append(options, pcl.NonStrictBindOptions()...)
	}
	program, findings, err := pcl.BindProgram(parser.Files, schema.NewCachedLoader(client), options...)
	if err != nil {
		return nil, err
	}
	var files map[string][]byte
	if !findings.HasErrors() {
		var more hcl.Diagnostics
		if files, more, err = python.GenerateProgram(program); err != nil {
			return nil, err
		}
		findings = append(findings, more...)
	}
	return &pulumirpc.GenerateProgramResponse{
		Source: files, Diagnostics: plugin.HclDiagnosticsToRPCDiagnostics(findings),
	}, nil
}
