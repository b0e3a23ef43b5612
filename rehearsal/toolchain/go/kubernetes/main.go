// Command rehearsal-kubernetes is etcd, the Kubernetes control plane and the kubelet in one executable.
//
// The rehearsal needs a real API server, real controllers and a real kubelet on machines that can reach a Go
// module proxy but no container registry and no download site. Each component is the upstream one, started by the
// name of its first argument; nothing is patched, and one interval is set (jobBatchPeriod below). One executable
// instead of five saves four times the link time and most of the disk.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	etcd "go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
	"k8s.io/kubernetes/pkg/controller/job"
)

// The Job controller gathers the changes of a Job's pods before it looks at the Job again: by default for a second,
// which spares the API server of a large cluster. Here it would only be a second of nothing after each builder Job's
// pod. What the controller decides is the same; upstream exports the variable for its own tests, and has no flag for it.
const jobBatchPeriod = 50 * time.Millisecond

func main() {
	commands := map[string]func() *cobra.Command{
		"kube-apiserver":          apiserver.NewAPIServerCommand,
		"kube-controller-manager": controllermanager.NewControllerManagerCommand,
		"kube-scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
		"kubelet":                 func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) },
	}
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: rehearsal-kubernetes etcd|kube-apiserver|kube-controller-manager|kube-scheduler|kubelet [flags]")
		os.Exit(2)
	}
	name := os.Args[1]
	// The components read their flags from os.Args as if each were its own executable.
	os.Args = append([]string{name}, os.Args[2:]...)
	if name == "etcd" {
		etcd.Main(os.Args)
		return
	}
	job.SyncJobBatchPeriod = jobBatchPeriod
	command, known := commands[name]
	if !known {
		fmt.Fprintf(os.Stderr, "unknown component %q\n", name)
		os.Exit(2)
	}
	os.Exit(cli.Run(command()))
}
