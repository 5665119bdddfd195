// SPDX-License-Identifier: Apache-2.0

// A framework on the mesos-go v1 library: its scheduler, and with the argument "executor" its
// custom executor. It runs tasks through both kinds of executor, reconciles, fails over, kills,
// prints its counts as one line of JSON, and exits 0 only when every count is exact.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
)

func main() {
	master := flag.String("master", "127.0.0.1:5050", "ip:port of the master")
	custom := flag.Int("custom", 800, "tasks that end by themselves in the custom executor")
	command := flag.Int("command", 200, "command tasks that end by themselves")
	waiting := flag.Int("waiting", 20, "tasks that run until they are killed; half in each kind")
	flag.Parse()

	if flag.Arg(0) == "executor" {
		if err := runExecutor(); err != nil {
			fmt.Fprintln(os.Stderr, "executor:", err)
			os.Exit(1)
		}
		return
	}
	counts, err := runScenario(*master, *custom, *command, *waiting)
	line, _ := json.Marshal(counts)
	fmt.Println(string(line))
	if err != nil {
		fmt.Fprintln(os.Stderr, "scheduler:", err)
		os.Exit(1)
	}
}
