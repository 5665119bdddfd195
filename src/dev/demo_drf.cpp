// SPDX-License-Identifier: Apache-2.0
#include "dev/demo_drf.hpp"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <thread>

#include "dev/cluster.hpp"
#include "frameworks/drf_demo/core/page.hpp"
#include "frameworks/drf_demo/core/report.hpp"
#include "model/fair_share.hpp"
#include "net/http_client.hpp"
#include "os/process.hpp"

namespace mesolith::dev {
namespace {

using namespace std::chrono_literals;
using namespace frameworks;

constexpr int usage_error = 2;
constexpr std::string_view agent_resources = "cpus:32;mem:40000;disk:10000;ports:[31000-32000]";
constexpr Duration start_patience = 15s;   // until the agent is there
constexpr Duration stop_patience = 5s;     // from SIGTERM to SIGKILL
constexpr Duration report_patience = 14s;  // for the frameworks to kill their tasks and leave
constexpr Duration poll_interval = 1s;
constexpr Duration warm_up = 6s;  // three generations of tasks and more

struct Actor {
  const char* name;
  const char* cpus;
  const char* mem;  // MB
};
constexpr Actor actors[] = {
    {"Framework A", "2", "1000"}, {"Framework B", "1", "2500"}, {"Framework C", "0.5", "512"}};

constexpr const char* lesson[] = {
    "Three frameworks share one agent with 32 cpus and 40000 MB. A's tasks take 2 cpus and 1000 "
    "MB, B's 1 cpu and 2500 MB, C's 0.5 cpus and 512 MB; each framework wants as many as it can "
    "get, and each task sleeps 1 to 2 s.",
    "The dominant share of a framework is the largest part it has of any one resource: for A and C "
    "that is cpus, for B memory. Whatever becomes free is offered to the framework whose dominant "
    "share is lowest. Ideally all three rise together until the cpus are used up, at 40%: B then "
    "has 16000 MB, but only 6.4 cpus.",
    "An offer holds all that is free of an agent, and a framework takes every task that fits: "
    "whoever comes first has the whole cluster, and the others grow as its tasks end. Then each "
    "settles on the whole number of tasks next to its ideal, since the place of a task that ends "
    "goes back to the framework that just became the lowest.",
    "Two things are chosen so that it works so well. There is one agent, so that no memory is left "
    "beside cpus on another. And frameworks take all that fits: with one task per offer (drf-demo "
    "--tasks-per-launch 1) small tasks tend to fill each gap before it is large enough for one of "
    "A's, unless A keeps small offers until they are enough (--hold).",
};

volatile std::sig_atomic_t interrupted = 0;
void on_interrupt(int) {
  interrupted = 1;
}

struct Options {
  double seconds = 24;
  int64_t seed = 1;
  std::string html_file, json_file;
};

std::optional<int> parse(std::span<const std::string> arguments, Options& options) {
  CLI::App app("Three frameworks, one cluster: shows and checks dominant resource fairness.",
               "mesolith demo drf");
  app.add_option("--seconds", options.seconds, "How long the frameworks launch tasks")
      ->check(CLI::Range(10, 3600))
      ->capture_default_str();
  app.add_option("--seed", options.seed, "Of the tasks' durations")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--html", options.html_file, "Writes the report as a page with plots there");
  app.add_option("--json", options.json_file, "Writes the report as JSON there");
  app.footer("Examples:\n  mesolith demo drf\n  mesolith demo drf --seconds 60 --html drf.html");
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : usage_error;
  }
  return std::nullopt;
}

std::vector<std::string> environment() {
  std::vector<std::string> kept;
  for (char** entry = environ; *entry; ++entry) {
    if (!std::string_view(*entry).starts_with("MESOS_")) kept.emplace_back(*entry);
  }
  return kept;
}

// Everything the demo has started, in one directory. stop() ends it all, also what a process of it
// has left behind: as a subreaper we inherit that.
class Stage {
 public:
  Stage() {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    std::string pattern = std::filesystem::temp_directory_path() / "mesolith-demo-drf-XXXXXX";
    if (mkdtemp(pattern.data())) directory_ = pattern;
  }
  ~Stage() {
    stop();
    std::error_code ignored;
    if (!keep_ && !directory_.empty()) std::filesystem::remove_all(directory_, ignored);
  }
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  const std::string& directory() const { return directory_; }
  std::string file(const std::string& name) const { return directory_ + "/" + name; }
  void keep() { keep_ = true; }

  // Runs this program with a subcommand; its output goes to <log>.log.
  Result<pid_t> start(const std::string& log, std::vector<std::string> arguments) {
    os::SpawnSpec spec;
    spec.program = "/proc/self/exe";
    spec.arguments = std::move(arguments);
    spec.arguments.insert(spec.arguments.begin(), "mesolith");
    spec.environment = environment();
    spec.directory = directory_;
    spec.standard_output.path = spec.standard_error.path = file(log + ".log");
    spec.new_session = true;  // Ctrl-C is for us; we end the others in their order
    TRY(auto process, os::spawn(spec));
    return process.pid;
  }

  void stop() {
    if (stopped_) return;
    stopped_ = true;
    signal_descendants(SIGTERM);
    const Time deadline = saturating_add(clock_now(), stop_patience);
    while (descendants() > 0 && clock_now() < deadline) std::this_thread::sleep_for(20ms);
    for (int i = 0; i < 50 && descendants() > 0; ++i) {
      signal_descendants(SIGKILL);
      std::this_thread::sleep_for(20ms);
    }
  }

 private:
  // Ended ones are waited for on the way.
  static std::vector<pid_t> living() {
    int status = 0;
    while (waitpid(-1, &status, WNOHANG) > 0) {
    }
    const auto table = os::process_table();
    if (!table) return {};
    // By parents alone: a session that we happen to lead is not of our making.
    std::vector<pid_t> found = {getpid()};
    for (size_t i = 0; i < found.size(); ++i) {
      for (const auto& [pid, process] : *table) {
        if (process.parent == found[i] && process.state != 'Z') found.push_back(pid);
      }
    }
    found.erase(found.begin());
    return found;
  }
  static size_t descendants() { return living().size(); }
  static void signal_descendants(int number) {
    for (const pid_t pid : living()) kill(pid, number);
  }

  std::string directory_;
  bool keep_ = false;
  bool stopped_ = false;
};

Result<drf_demo::Observation> observe_cluster(const net::Endpoint& master) {
  const auto get = [&](const char* path) -> Result<std::string> {
    TRY(auto request, wire::make_request("GET", path));
    TRY(auto answer, net::blocking_request(master, std::move(request), 5s));
    if (answer.status != 200) {
      return failure(Code::unavailable,
                     fmt::format("{} was answered with {}", path, answer.status));
    }
    return std::move(answer.body);
  };
  TRY(const std::string slaves, get("/slaves"));
  TRY(const std::string frameworks, get("/frameworks"));
  return drf_demo::parse_observation(slaves, frameworks);
}

Result<std::unique_ptr<Cluster>> start_cluster(const Stage& stage) {
  ClusterOptions options;
  options.data_dir = stage.file("cluster");
  options.master_port = options.first_agent_port = 0;
  options.resources = std::string(agent_resources);
  options.master_flags = options.agent_flags = {"--logging_level=WARNING"};
  options.on_failure = [](const std::string& what) { std::cerr << what << std::endl; };
  TRY(auto cluster, Cluster::start(options));
  TRY(const net::Endpoint master, net::parse_endpoint(cluster->master()));
  const Time deadline = saturating_add(clock_now(), start_patience);
  std::string last = "no agent has registered";
  while (clock_now() < deadline && !interrupted) {
    const auto seen = observe_cluster(master);
    if (seen && seen->totals.get(model::cpus) > 0) return cluster;
    if (!seen) last = seen.error().message;
    std::this_thread::sleep_for(50ms);
  }
  return failure(Code::unavailable, "The cluster did not start: " + last);
}

struct Framework {
  pid_t pid = 0;
  std::string json_file;
  std::optional<int> wait_status;  // once it has ended
};

Result<std::vector<Framework>> start_frameworks(Stage& stage, const net::Endpoint& master,
                                                const Options& options) {
  std::vector<Framework> frameworks;
  for (size_t i = 0; i < std::size(actors); ++i) {
    const Actor& actor = actors[i];
    Framework framework;
    framework.json_file = stage.file(fmt::format("framework{}.json", i));
    TRY(framework.pid,
        stage.start(fmt::format("framework{}", i),
                    {"drf-demo", "--mesos-master", master.text(), "--framework-name", actor.name,
                     "--task-cpus", actor.cpus, "--task-memory", actor.mem, "--duration-min", "1",
                     "--duration-max", "2", "--seed",
                     fmt::to_string(static_cast<uint64_t>(options.seed) + i), "--json",
                     framework.json_file}));
    frameworks.push_back(std::move(framework));
  }
  return frameworks;
}

void print_shares(const drf_demo::Tracks& tracks, double seconds) {
  constexpr int width = 20;  // of the whole cluster
  std::string line = fmt::format("{:4.0f} s ", seconds);
  for (const Actor& actor : actors) {
    for (const auto& [id, track] : tracks.by_id) {
      if (track.name != actor.name || track.points.empty()) continue;
      const drf_demo::Point& point = track.points.back();
      const auto filled = std::clamp(static_cast<int>(std::lround(point.share * width)), 0, width);
      line += fmt::format("  {} {:5.1f}% [{:.<{}}]", track.name.back(), 100 * point.share,
                          std::string(static_cast<size_t>(filled), '#'), width);
    }
  }
  std::cout << line << std::endl;
}

// Until the time is over, or nobody is left to watch.
drf_demo::Tracks watch(const net::Endpoint& master, Time begin, const Options& options) {
  drf_demo::Tracks tracks;
  const Time end = saturating_add(begin, seconds_or(options.seconds, 24s));
  for (Time next = begin; next < end && !interrupted; next = saturating_add(next, poll_interval)) {
    std::this_thread::sleep_for(std::max(Duration::zero(), next - clock_now()));
    const auto seen = observe_cluster(master);
    const Time now = clock_now();
    if (!seen) {
      std::cout << seen.error().message << std::endl;
      continue;
    }
    drf_demo::observe(tracks, now, *seen);
    print_shares(tracks, to_seconds(now - begin));
  }
  return tracks;
}

// Ends the frameworks and waits for their reports.
void end_frameworks(std::vector<Framework>& frameworks) {
  for (const Framework& framework : frameworks) kill(framework.pid, SIGTERM);
  const Time deadline = saturating_add(clock_now(), report_patience);
  size_t left = frameworks.size();
  while (left > 0 && clock_now() < deadline) {
    for (Framework& framework : frameworks) {
      int status = 0;
      if (framework.wait_status || waitpid(framework.pid, &status, WNOHANG) != framework.pid) {
        continue;
      }
      framework.wait_status = status;
      --left;
    }
    std::this_thread::sleep_for(20ms);
  }
}

// What the framework itself says about its tasks; false when something went wrong.
bool print_tasks(const Actor& actor, const Framework& framework) {
  if (!framework.wait_status) {
    std::cout << fmt::format("  {:<12} did not end when asked to\n", actor.name);
    return false;
  }
  std::ifstream file(framework.json_file);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  boost::json::error_code error;
  const auto report = boost::json::parse(text, error);
  const boost::json::value* tasks =
      error ? nullptr : report.find_pointer("/framework/tasks", error);
  if (!tasks || !tasks->is_object()) {
    std::cout << fmt::format("  {:<12} left no report: {}\n", actor.name,
                             os::describe_status(*framework.wait_status));
    return false;
  }
  const auto count = [&](std::string_view key) {
    const auto* found = tasks->get_object().if_contains({key.data(), key.size()});
    boost::json::error_code ignored;
    return found ? found->to_number<int64_t>(ignored) : 0;
  };
  std::cout << fmt::format(
      "  {:<12} {} cpus, {} MB: {} tasks launched, {} finished, {} failed, {} killed at the end\n",
      actor.name, actor.cpus, actor.mem, count("launched"), count("finished"), count("failed"),
      count("killed"));
  return *framework.wait_status == 0 && count("failed") == 0 && count("finished") > 0;
}

drf_demo::Report make_report(const drf_demo::Tracks& tracks, Time begin) {
  drf_demo::Report report;
  report.title = "Dominant resource fairness: three frameworks, one cluster";
  report.lesson.assign(std::begin(lesson), std::end(lesson));
  report.begin = begin;
  report.warm_up = warm_up;
  report.totals = tracks.totals;
  std::vector<model::Demand> demands;
  double tolerance = 0;  // one task of whoever has the largest: what it can't use, others take
  for (const Actor& actor : actors) {
    model::Demand demand;
    demand.task.set(model::cpus, model::to_millis(std::stod(actor.cpus)));
    demand.task.set(model::mem, model::to_millis(std::stod(actor.mem)));
    tolerance = std::max(tolerance, drf_demo::dominant_share(demand.task, tracks.totals));
    demands.push_back(demand);
  }
  const std::vector<double> ideals = model::dominant_shares(demands, tracks.totals);
  for (size_t i = 0; i < std::size(actors); ++i) {
    drf_demo::Verdict verdict{actors[i].name, 0, ideals[i], tolerance};
    for (const auto& [id, track] : tracks.by_id) {
      if (track.name != actors[i].name) continue;
      verdict.measured = drf_demo::summarize(track, saturating_add(begin, warm_up)).share_mean;
      report.tracks.push_back(track);
    }
    report.verdicts.push_back(verdict);
  }
  return report;
}

bool write_file(const std::string& path, const std::string& content) {
  if (path.empty()) return true;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << content;
  file.close();
  if (!file) std::cerr << "The report could not be written to " << path << '\n';
  return static_cast<bool>(file);
}

bool conclude(const drf_demo::Report& report, const std::vector<Framework>& frameworks,
              const Options& options) {
  std::cout << drf_demo::report_text(report) << '\n';
  bool good = true;
  for (size_t i = 0; i < frameworks.size(); ++i) good &= print_tasks(actors[i], frameworks[i]);
  for (const drf_demo::Verdict& verdict : report.verdicts) good &= verdict.holds();
  good &= write_file(options.html_file, drf_demo::report_page(report));
  good &= write_file(options.json_file, drf_demo::report_json(report));
  std::cout << fmt::format(
                   "\nThe tolerance is one task of the framework with the largest tasks.\n{}",
                   good ? "The cluster shared fairly.\n" : "The check FAILED.\n")
            << std::flush;
  return good;
}

Result<bool> play(Stage& stage, const Options& options) {
  if (stage.directory().empty()) {
    return failure(Code::system, "No temporary directory could be made");
  }
  for (const char* paragraph : lesson) std::cout << paragraph << "\n\n";
  std::cout << "Starting a master and an agent ..." << std::endl;
  TRY(const auto cluster, start_cluster(stage));
  TRY(const net::Endpoint master, net::parse_endpoint(cluster->master()));
  std::cout << "The master is at http://" << master.text() << ", starting the frameworks ...\n"
            << std::endl;
  const Time begin = clock_now();
  TRY(auto frameworks, start_frameworks(stage, master, options));
  const drf_demo::Tracks tracks = watch(master, begin, options);
  end_frameworks(frameworks);
  if (interrupted) return failure(Code::unavailable, "Interrupted");
  return conclude(make_report(tracks, begin), frameworks, options);
}

}  // namespace

int demo_drf_main(std::span<const std::string> arguments) {
  Options options;
  if (const auto status = parse(arguments, options)) return *status;
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  Stage stage;
  const auto good = play(stage, options);
  if (!good) std::cerr << good.error().message << '\n';
  if (good && *good) return 0;
  if (!interrupted && !stage.directory().empty()) {
    stage.keep();
    std::cerr << "The logs are in " << stage.directory() << '\n';
  }
  return 1;
}

}  // namespace mesolith::dev
