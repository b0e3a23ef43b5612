// Command pulumi-language-python runs Pulumi programs, policy packs and plugins that are written in Python.
//
// Pulumi's own is a Go module of its own that a module proxy cannot serve, since it is published without a version. This
// one stands on the packages that Pulumi exports: its Python toolchains (pip, poetry, uv), its proxy for policy packs and
// its protocol. The program itself is started by Pulumi's script pulumi-language-python-exec, which lies beside this
// executable. It answers what the commands of the rehearsal ask for; what it cannot do it says.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/cmdutil"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/logging"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	"github.com/pulumi/pulumi/sdk/v3/go/common/version"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/pulumi/pulumi/sdk/v3/python/toolchain"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
)

// How often the engine is asked whether it still lives: where it was killed, host and program shall not outlive it by long.
const engineCheck = 5 * time.Second

type host struct {
	pulumirpc.UnimplementedLanguageRuntimeServer

	executor string
	engine   string
	tracing  string
	// Done once the engine has sent Cancel.
	cancelled context.Context
	cancel    context.CancelFunc
}

func main() {
	tracing := flag.String("tracing", "", "where to send traces of the program")
	// Language hosts of other languages that start this one as older Pulumi did pass these, too. What they say comes with
	// each request since.
	for _, name := range []string{"root", "virtualenv", "toolchain", "typechecker"} {
		flag.String(name, "", "ignored")
	}
	flag.Parse()
	logging.InitLogging(false, 0, false)
	if err := serve(*tracing, flag.Arg(0)); err != nil {
		cmdutil.Exit(err)
	}
}

func serve(tracing, engine string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	executor := filepath.Join(filepath.Dir(self), "pulumi-language-python-exec")
	if _, err := os.Stat(executor); err != nil {
		return fmt.Errorf("the script that starts Python programs belongs beside this executable: %w", err)
	}
	ending, end := signal.NotifyContext(context.Background(), os.Interrupt)
	defer end()
	if engine != "" {
		if err := rpcutil.Healthcheck(ending, engine, engineCheck, end); err != nil {
			return err
		}
	}
	cancelled, cancel := context.WithCancel(context.Background())
	server := &host{executor: executor, engine: engine, tracing: tracing, cancelled: cancelled, cancel: cancel}
	stop := make(chan bool)
	go func() {
		<-ending.Done()
		close(stop)
	}()
	handle, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Cancel: stop,
		Init: func(registrar *grpc.Server) error {
			pulumirpc.RegisterLanguageRuntimeServer(registrar, server)
			return nil
		},
		Options: rpcutil.TracingServerInterceptorOptions(nil),
	})
	if err != nil {
		return err
	}
	fmt.Println(handle.Port)
	return <-handle.Done
}

// Handshake is how an engine that did not start this process says where it is.
func (h *host) Handshake(
	_ context.Context, request *pulumirpc.LanguageHandshakeRequest,
) (*pulumirpc.LanguageHandshakeResponse, error) {
	h.engine = request.EngineAddress
	ending, end := signal.NotifyContext(context.Background(), os.Interrupt)
	if err := rpcutil.Healthcheck(ending, h.engine, engineCheck, end); err != nil {
		return nil, err
	}
	go func() {
		<-ending.Done()
		end()
		_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
	}()
	return &pulumirpc.LanguageHandshakeResponse{}, nil
}

func (h *host) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: version.Version}, nil
}

// Cancel interrupts the program, as Ctrl-C would.
func (h *host) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	h.cancel()
	return &emptypb.Empty{}, nil
}

// The toolchain that the project file's options name: its package manager and its virtual environment.
func toolchainOf(info *pulumirpc.ProgramInfo, plugin bool) (toolchain.Toolchain, toolchain.PythonOptions, error) {
	options := toolchain.PythonOptions{Root: info.RootDirectory, ProgramDir: info.ProgramDirectory}
	given := info.Options.AsMap()
	for name, value := range given {
		text, isText := value.(string)
		if !isText {
			return nil, options, fmt.Errorf("runtime option %s of Pulumi.yaml is %v, and has to be text", name, value)
		}
		switch {
		case name == "virtualenv":
			options.Virtualenv = text
		case name == "toolchain" && text == "pip":
			options.Toolchain = toolchain.Pip
		case name == "toolchain" && text == "poetry":
			options.Toolchain = toolchain.Poetry
		case name == "toolchain" && text == "uv":
			options.Toolchain = toolchain.Uv
		case name == "toolchain":
			return nil, options, fmt.Errorf("toolchain %q of Pulumi.yaml is none of pip, poetry, uv", text)
		case name == "typechecker":
			return nil, options, errors.New("this language host runs no type checker: " +
				"take the option typechecker out of Pulumi.yaml, or install Pulumi, whose own host runs one")
		}
	}
	// A plugin never runs in whatever environment happens to be active.
	mayUseAmbient := options.Toolchain == toolchain.Pip || options.Toolchain == toolchain.Auto
	if plugin && mayUseAmbient && options.Virtualenv == "" {
		options.Virtualenv = "venv"
	}
	resolved, err := toolchain.ResolveToolchain(options)
	return resolved, options, err
}
