package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/pulumi/pulumi/sdk/v3"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/pulumi/pulumi/sdk/v3/python/toolchain"
)

// RunPlugin runs a plugin that is written in Python until it ends: a policy pack, a provider, a component package.
func (h *host) RunPlugin(
	request *pulumirpc.RunPluginRequest, server pulumirpc.LanguageRuntime_RunPluginServer,
) error {
	if request.GetAttachDebugger() {
		return errors.New(debuggerAbsent)
	}
	call := server.Context()
	isPack := request.Kind == string(apitype.AnalyzerPlugin)
	tools, options, err := toolchainOf(request.Info, !isPack)
	if err != nil {
		return err
	}
	arguments, err := pluginArguments(request, options, isPack)
	if err != nil {
		return err
	}
	command, err := tools.Command(call, arguments...)
	if err != nil {
		return err
	}
	streams, output, problems, err := rpcutil.MakeRunPluginStreams(server, false)
	if err != nil {
		return err
	}
	defer func() { _ = streams.Close() }()
	command.Env = append(environment(command), request.Env...)
	command.Dir, command.Stdout, command.Stderr = request.Pwd, output, problems
	if isPack {
		command.Dir = request.Info.ProgramDirectory
		err = runPack(call, command)
	} else {
		err = command.Run()
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return server.Send(&pulumirpc.RunPluginResponse{
			Output: &pulumirpc.RunPluginResponse_Exitcode{Exitcode: int32(exit.ExitCode())},
		})
	}
	if err != nil {
		return fmt.Errorf("the plugin in %s could not be run: %w", request.Info.ProgramDirectory, err)
	}
	return streams.Close()
}

// What Python is to be given: the directory of a plugin with a __main__.py; a plugin that is a Python package, by its name.
func pluginArguments(
	request *pulumirpc.RunPluginRequest, options toolchain.PythonOptions, isPack bool,
) ([]string, error) {
	directory := request.Info.ProgramDirectory
	if isPack {
		return append(append([]string{"-u", "-m", "pulumi.policy"}, request.Args...), directory), nil
	}
	if _, err := os.Stat(filepath.Join(options.Root, "__main__.py")); err == nil {
		return append([]string{directory}, request.Args...), nil
	}
	buildable, err := toolchain.IsBuildablePackage(options.Root)
	if err != nil {
		return nil, err
	}
	if !buildable {
		return nil, fmt.Errorf("%s is no plugin: it has neither a __main__.py nor a pyproject.toml with a name and a "+
			"build system", options.Root)
	}
	project, err := toolchain.LoadPyproject(options.Root)
	if err != nil {
		return nil, err
	}
	return append([]string{"-m", "pulumi.run.plugin", project.Project.Name}, request.Args...), nil
}

// A policy pack learns from its environment which stack it judges; the engine says so in a request. Pulumi's proxy stands
// between the two: it takes the engine's request, and everything after that goes to the pack.
func runPack(call context.Context, command *exec.Cmd) error {
	proxy, output, err := sdk.NewPolicyProxy(call, command.Stdout)
	if err != nil {
		return err
	}
	stack, err := proxy.AwaitConfiguration(call)
	if err != nil {
		return err
	}
	if stack != nil {
		command.Env = append(command.Env, "PULUMI_DRY_RUN="+strconv.FormatBool(stack.DryRun))
		for name, value := range map[string]string{
			"PULUMI_ORGANIZATION": stack.Organization, "PULUMI_PROJECT": stack.Project, "PULUMI_STACK": stack.Stack,
		} {
			if value != "" {
				command.Env = append(command.Env, name+"="+value)
			}
		}
		if stack.Config != nil {
			configuration, err := json.Marshal(stack.Config)
			if err != nil {
				return err
			}
			command.Env = append(command.Env, "PULUMI_CONFIG="+string(configuration))
		}
	}
	command.Stdout = output
	if err := command.Start(); err != nil {
		proxy.Abort(err)
		return err
	}
	return proxy.Attach(call, command)
}
