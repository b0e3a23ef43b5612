package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"regexp"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/logging"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/pulumi/pulumi/sdk/v3/python/toolchain"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// Their names begin as an SDK's does, and they have no provider.
var withoutPlugin = map[string]bool{"pulumi-policy": true, "pulumi-esc-sdk": true}

// Prints for each of the distributions that it is given where the file is that says which plugin belongs to it.
const findPluginFiles = `
import importlib.metadata, importlib.util, json, pathlib, sys
found = {}
for name in sys.argv[1:]:
    try:
        module = importlib.metadata.distribution(name).metadata["Name"].replace("-", "_")
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        continue
    for place in (spec and spec.submodule_search_locations) or ():
        file = pathlib.Path(place, "pulumi-plugin.json")
        if file.is_file():
            found[name] = str(file)
            break
json.dump(found, sys.stdout)
`

// GetRequiredPackages lists the plugins that the SDKs of a program's environment belong to. What is in the environment the
// toolchain says: for uv what its lock file has of the groups that are installed.
func (h *host) GetRequiredPackages(
	call context.Context, request *pulumirpc.GetRequiredPackagesRequest,
) (*pulumirpc.GetRequiredPackagesResponse, error) {
	tools, _, err := toolchainOf(request.Info, false)
	if err != nil {
		return nil, err
	}
	shown, problems, err := h.status(call)
	if err != nil {
		return nil, err
	}
	if err := tools.EnsureVenv(call, request.Info.ProgramDirectory, false, true, shown, problems); err != nil {
		return nil, err
	}
	distributions, err := tools.ListPackages(call, true)
	if err != nil {
		return nil, err
	}
	files := pluginFiles(call, tools, distributions)
	response := &pulumirpc.GetRequiredPackagesResponse{}
	for _, distribution := range distributions {
		required, err := requiredPlugin(distribution, files[distribution.Name])
		if err != nil {
			return nil, err
		}
		if required != nil {
			response.Packages = append(response.Packages, required)
		}
	}
	return response, nil
}

func pluginFiles(
	call context.Context, tools toolchain.Toolchain, distributions []plugin.DependencyInfo,
) map[string]string {
	arguments := []string{"-c", findPluginFiles}
	for _, distribution := range distributions {
		arguments = append(arguments, distribution.Name)
	}
	files := map[string]string{}
	command, err := tools.Command(call, arguments...)
	if err == nil {
		var output []byte
		if output, err = command.Output(); err == nil {
			err = json.Unmarshal(output, &files)
		}
	}
	if err != nil {
		// Names and versions of the distributions still tell most of it.
		logging.V(5).Infof("the files pulumi-plugin.json could not be found: %v", err)
	}
	return files
}

// The plugin of a distribution, by its file pulumi-plugin.json if it has one, else by its name; nil where there is none.
func requiredPlugin(distribution plugin.DependencyInfo, file string) (*pulumirpc.PackageDependency, error) {
	described := &plugin.PulumiPluginJSON{Resource: true}
	switch {
	case withoutPlugin[distribution.Name]:
		return nil, nil
	case file != "":
		var err error
		if described, err = plugin.LoadPulumiPluginJSON(file); err != nil {
			return nil, fmt.Errorf("%s of the Python package %s: %w", file, distribution.Name, err)
		}
	case !strings.HasPrefix(distribution.Name, "pulumi-"):
		return nil, nil
	}
	version := described.Version
	if version == "" {
		version = pluginVersion(distribution.Version)
	}
	if !described.Resource || version == "" {
		return nil, nil
	}
	name := described.Name
	if name == "" {
		name = strings.TrimPrefix(distribution.Name, "pulumi-")
	}
	return &pulumirpc.PackageDependency{
		Name:             name,
		Version:          "v" + strings.TrimPrefix(version, "v"),
		Kind:             "resource",
		Server:           described.Server,
		Parameterization: parameterization(described.Parameterization),
		Extension:        parameterization(described.ExtensionParameterization),
	}, nil
}

func parameterization(described *plugin.PulumiParameterizationJSON) *pulumirpc.PackageParameterization {
	if described == nil {
		return nil
	}
	return &pulumirpc.PackageParameterization{
		Name: described.Name, Version: described.Version, Value: described.Value,
	}
}

var pythonVersion = regexp.MustCompile(`^(\d+)(?:\.(\d+))?(?:\.(\d+))?((?:\.\d+)*)(?:(a|b|rc)(\d+))?(?:\.post(\d+))?(?:\.dev(\d+))?$`)

// The semantic version that Pulumi writes as this Python version: 1.2.3rc4 was 1.2.3-rc.4. Empty where there is none.
func pluginVersion(text string) string {
	parts := pythonVersion.FindStringSubmatch(text)
	if parts == nil {
		return ""
	}
	number := func(text string) string {
		if text == "" {
			return "0"
		}
		return text
	}
	version := parts[1] + "." + number(parts[2]) + "." + number(parts[3]) + parts[4]
	if parts[5] != "" {
		names := map[string]string{"a": "alpha", "b": "beta", "rc": "rc"}
		version += "-" + names[parts[5]] + "." + parts[6]
	}
	build := ""
	if parts[7] != "" {
		build += "post" + parts[7]
	}
	if parts[8] != "" {
		build += "dev" + parts[8]
	}
	if build != "" {
		version += "+" + build
	}
	return version
}

// GetProgramDependencies lists the Python packages of a program, for `pulumi about`.
func (h *host) GetProgramDependencies(
	call context.Context, request *pulumirpc.GetProgramDependenciesRequest,
) (*pulumirpc.GetProgramDependenciesResponse, error) {
	tools, _, err := toolchainOf(request.Info, false)
	if err != nil {
		return nil, err
	}
	distributions, err := tools.ListPackages(call, request.TransitiveDependencies)
	if err != nil {
		return nil, err
	}
	response := &pulumirpc.GetProgramDependenciesResponse{}
	for _, distribution := range distributions {
		response.Dependencies = append(response.Dependencies, &pulumirpc.DependencyInfo{
			Name: distribution.Name, Version: distribution.Version,
		})
	}
	return response, nil
}

// About says which Python runs the programs, for `pulumi about`.
func (h *host) About(call context.Context, request *pulumirpc.AboutRequest) (*pulumirpc.AboutResponse, error) {
	info := request.GetInfo()
	if info == nil {
		info = &pulumirpc.ProgramInfo{}
	}
	tools, options, err := toolchainOf(info, false)
	if err != nil {
		return nil, err
	}
	python, err := tools.About(call)
	if err != nil {
		return nil, err
	}
	return &pulumirpc.AboutResponse{
		Executable: python.PythonExecutable,
		Version:    python.PythonVersion.String(),
		Metadata: map[string]string{
			"toolchain":        toolchain.Name(options.Toolchain),
			"toolchainVersion": python.ToolchainVersion.String(),
		},
	}, nil
}

// InstallDependencies makes a program's or a plugin's environment: `pulumi install`, `pulumi package add`.
func (h *host) InstallDependencies(
	request *pulumirpc.InstallDependenciesRequest, server pulumirpc.LanguageRuntime_InstallDependenciesServer,
) error {
	call := server.Context()
	tools, _, err := toolchainOf(request.Info, request.IsPlugin)
	if err != nil {
		return err
	}
	streams, output, problems, err := rpcutil.MakeInstallDependenciesStreams(server, request.IsTerminal)
	if err != nil {
		return err
	}
	defer func() { _ = streams.Close() }()
	directory := request.Info.ProgramDirectory
	fmt.Fprint(output, "Installing dependencies...\n\n")
	if request.IsPlugin {
		if err := installPackage(call, tools, request, output, problems); err != nil {
			return err
		}
	}
	if err := tools.InstallDependencies(
		call, directory, request.UseLanguageVersionTools, true, output, problems,
	); err != nil {
		return err
	}
	fmt.Fprint(output, "Finished installing dependencies\n\n")
	return streams.Close()
}

// A plugin that is a Python package is run as an installed module.
func installPackage(
	call context.Context, tools toolchain.Toolchain, request *pulumirpc.InstallDependenciesRequest,
	output, problems io.Writer,
) error {
	directory := request.Info.ProgramDirectory
	buildable, err := toolchain.IsBuildablePackage(directory)
	if err != nil || !buildable {
		return err
	}
	versionTools := request.UseLanguageVersionTools
	if err := tools.EnsureVenv(call, directory, versionTools, true, output, problems); err != nil {
		return err
	}
	return tools.InstallPackage(call, directory, versionTools, true, output, problems)
}

// Where to write what the CLI shows in the line of the stack while it lasts, and errors.
func (h *host) status(call context.Context) (io.Writer, io.Writer, error) {
	connection, err := grpc.NewClient(
		h.engine, grpc.WithTransportCredentials(insecure.NewCredentials()), rpcutil.GrpcChannelOptions(),
	)
	if err != nil {
		return nil, nil, fmt.Errorf("the engine at %s: %w", h.engine, err)
	}
	context.AfterFunc(call, func() { _ = connection.Close() })
	engine, stream := pulumirpc.NewEngineClient(connection), rand.Int31()
	return statusLine{call, engine, stream, pulumirpc.LogSeverity_INFO},
		statusLine{call, engine, stream, pulumirpc.LogSeverity_ERROR}, nil
}

type statusLine struct {
	call     context.Context
	engine   pulumirpc.EngineClient
	stream   int32
	severity pulumirpc.LogSeverity
}

func (s statusLine) Write(text []byte) (int, error) {
	_, err := s.engine.Log(s.call, &pulumirpc.LogRequest{
		Message:   strings.ToValidUTF8(string(text), string('\uFFFD')),
		Severity:  s.severity,
		StreamId:  s.stream,
		Ephemeral: true,
	})
	if err != nil {
		return 0, err
	}
	return len(text), nil
}
