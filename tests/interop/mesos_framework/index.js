// SPDX-License-Identifier: Apache-2.0
"use strict";

// A framework on npm's mesos-framework: its scheduler launches tasks with the package's own offer
// handling, reconciles, fails over to a second scheduler with the same framework id, and kills.
// Prints its counts as one line of JSON; exits 0 only when every count is exact.
// Usage: node index.js HOST PORT LOG_DIRECTORY

const { Scheduler, Mesos } = require("mesos-framework");
const mesos = Mesos.getMesos();

const [host, port, logPath] = process.argv.slice(2);
const ending = 90;
const waiting = 10;
const limit = 90000; // milliseconds, of the whole run

const histories = new Map(); // task id -> states in order, each UUID once
const agents = new Map(); // task id -> agent id
const uuids = new Set();
let reconciled = 0;
let failovers = 0;
let lastError = "none";

const deadline = setTimeout(() => {
  finish("not done within " + limit + " ms; last error: " + lastError);
}, limit);

function counts() {
  const result = { finished: 0, killed: 0, running: 0, strange: 0, reconciled, failovers };
  for (const [id, states] of histories) {
    const history = states.join(" ");
    if (id.includes(".ends-") && history === "TASK_RUNNING TASK_FINISHED") result.finished++;
    else if (id.includes(".waits-") && history === "TASK_RUNNING TASK_KILLED") result.killed++;
    else if (id.includes(".waits-") && history === "TASK_RUNNING") result.running++;
    else result.strange++;
  }
  return result;
}

function finish(problem) {
  clearTimeout(deadline);
  const got = counts();
  const want = {
    finished: ending, killed: waiting, running: 0, strange: 0,
    reconciled: 2 * waiting, failovers: 1,
  };
  console.log(JSON.stringify(got));
  const exact = JSON.stringify(got) === JSON.stringify(want);
  if (!problem && !exact) problem = "expected " + JSON.stringify(want);
  if (problem) console.error("scheduler: " + problem);
  process.exit(problem ? 1 : 0);
}

function task(command, instances, priority) {
  return {
    priority,
    instances,
    commandInfo: new mesos.CommandInfo(null, null, true, command, null, null),
    resources: { cpus: 0.01, mem: 4, ports: 0, disk: 0 },
  };
}

function scheduler(tasks) {
  const one = new Scheduler({
    masterUrl: host,
    port,
    frameworkName: "mesos-framework",
    logging: { path: logPath, fileName: "framework.log", level: "error" },
    restartStates: ["TASK_NONE"], // a task that fails is counted, not started again
    masterConnectionTimeout: 60,
    tasks,
  });
  one.on("error", (error) => {
    lastError = error.message || String(error);
  });
  one.on("update", ({ status }) => {
    const id = status.task_id.value;
    if (status.reason === "REASON_RECONCILIATION") {
      if (status.state === "TASK_RUNNING") reconciled++;
    } else if (!uuids.has(status.uuid)) {
      uuids.add(status.uuid);
      agents.set(id, status.agent_id.value);
      const states = histories.get(id) || [];
      // Command tasks may start before they run.
      const starts = status.state === "TASK_STARTING" && states.length === 0;
      histories.set(id, starts ? states : states.concat(status.state));
    }
    advance();
  });
  return one;
}

const first = scheduler({
  ends: task("true", ending, 1),
  waits: task("exec sleep 1000", waiting, 2),
});
let second;

first.on("ready", () => first.subscribe());
// The package launches a part of what is pending with each offer, and refuses the rest of the offer
// for the default five seconds.
first.on("sent_accept", () => first.revive());

// One step at a time: each begins when the counts of the one before are complete.
let step = 0;
const steps = [
  [() => counts().finished === ending && counts().running === waiting, () => first.reconcile()],
  [() => reconciled === waiting, failOver],
  [() => reconciled === 2 * waiting, kill],
  [() => counts().killed === waiting, tearDown],
];

function advance() {
  if (step < steps.length && steps[step][0]()) steps[step++][1]();
}

function failOver() {
  first.subscribe = () => {}; // it would take the framework back
  second = scheduler({});
  second.frameworkId = first.frameworkId;
  second.on("subscribed", ({ frameworkId }) => {
    if (frameworkId !== first.frameworkId) return finish("another framework id after failing over");
    failovers++;
    for (const [id, states] of histories) {
      if (states.length === 1) second.reconcile(id, agents.get(id));
    }
  });
  second.on("ready", () => second.subscribe());
}

function kill() {
  for (const [id, states] of histories) {
    if (states.length === 1) second.kill(id, agents.get(id));
  }
}

function tearDown() {
  second.on("sent_teardown", () => finish());
  second.teardown();
}
