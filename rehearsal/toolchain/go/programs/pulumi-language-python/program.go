package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// The exit code of pulumi-language-python-exec that says: what went wrong has been shown.
const failureShown = 32

const debuggerAbsent = "this language host starts no debugger: run the command without --attach-debugger, " +
	"or install Pulumi, whose own host starts one"

// Run runs a program to its end. That the program failed is in the response, that it could not be run is the error.
func (h *host) Run(call context.Context, request *pulumirpc.RunRequest) (*pulumirpc.RunResponse, error) {
	if h.engine == "" {
		return nil, errors.New("no engine has said yet where it is: Handshake comes before Run")
	}
	if request.GetAttachDebugger() {
		return &pulumirpc.RunResponse{Error: debuggerAbsent}, nil
	}
	tools, _, err := toolchainOf(request.Info, false)
	if err != nil {
		return nil, err
	}
	if err := tools.ValidateVenv(call); err != nil {
		return nil, err
	}
	// The program ends with the request, and when the engine cancels.
	running, end := context.WithCancel(h.cancelled)
	defer end()
	defer context.AfterFunc(call, end)()
	command, err := tools.Command(running, h.arguments(request)...)
	if err != nil {
		return nil, err
	}
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 5 * time.Second
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	if command.Env, err = withConfiguration(environment(command), request); err != nil {
		return nil, err
	}
	ended := command.Run()
	if ended != nil && running.Err() != nil {
		return &pulumirpc.RunResponse{Error: "the program was cancelled"}, nil
	}
	return response(ended), nil
}

func response(ended error) *pulumirpc.RunResponse {
	var exit *exec.ExitError
	switch {
	case ended == nil:
		return &pulumirpc.RunResponse{}
	case errors.As(ended, &exit) && exit.ExitCode() == failureShown:
		return &pulumirpc.RunResponse{Bail: true}
	case errors.As(ended, &exit) && exit.Exited():
		return &pulumirpc.RunResponse{Error: fmt.Sprintf("the program exited with code %d", exit.ExitCode())}
	case exit != nil:
		return &pulumirpc.RunResponse{Error: fmt.Sprintf("the program was ended by %v", exit)}
	default:
		return &pulumirpc.RunResponse{Error: fmt.Sprintf("the program could not be run: %v", ended)}
	}
}

func (h *host) arguments(request *pulumirpc.RunRequest) []string {
	arguments := []string{h.executor}
	for _, flag := range []struct{ name, value string }{
		{"monitor", request.GetMonitorAddress()},
		{"engine", h.engine},
		{"project", request.GetProject()},
		{"root_directory", request.GetInfo().GetRootDirectory()},
		{"stack", request.GetStack()},
		{"pwd", request.GetPwd()},
		{"dry_run", strconv.FormatBool(request.GetDryRun())},
		{"parallel", strconv.Itoa(int(request.GetParallel()))},
		{"tracing", h.tracing},
		{"organization", request.GetOrganization()},
	} {
		if flag.value != "" {
			arguments = append(arguments, "--"+flag.name, flag.value)
		}
	}
	arguments = append(arguments, request.GetInfo().GetEntryPoint())
	return append(arguments, request.GetArgs()...)
}

// The SDK finds the stack's configuration in these two variables: on the command line all users would see its secrets.
func withConfiguration(environment []string, request *pulumirpc.RunRequest) ([]string, error) {
	configuration, secretKeys := request.GetConfig(), request.GetConfigSecretKeys()
	if configuration == nil {
		configuration = map[string]string{}
	}
	if secretKeys == nil {
		secretKeys = []string{}
	}
	for name, value := range map[string]any{
		"PULUMI_CONFIG": configuration, "PULUMI_CONFIG_SECRET_KEYS": secretKeys,
	} {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		environment = append(environment, name+"="+string(text))
	}
	return environment, nil
}

// What a command of a toolchain would get: nil stands for this process's own.
func environment(command *exec.Cmd) []string {
	if command.Env == nil {
		return os.Environ()
	}
	return command.Env
}
