// SPDX-License-Identifier: Apache-2.0
#include "sim/sim_main.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdio>

#include "base/flags.hpp"
#include "sim/workloads/scenarios.hpp"
#include "sim/world.hpp"

namespace mesolith::sim {
namespace {

using Kind = FlagSpec::Kind;

constexpr FlagSpec specs[] = {
    {"help", Kind::boolean, "false", true, "Print this."},
    {"seed", Kind::number, "1", true, "Run this seed."},
    {"count", Kind::number, "1", true, "Run so many seeds, from --seed on."},
    {"seeds", Kind::text, std::nullopt, true, "FROM..TO: run each of these seeds."},
    {"replay", Kind::number, std::nullopt, true, "Run this seed and print all that happens."},
    {"scenario", Kind::text, "mixed", true,
     "small_faulty, endings, demos, mixed (one of these, by the seed), reservations, fair_sharing "
     "or nsdi_replay."},
    {"agents", Kind::number, std::nullopt, true, "How many agents."},
    {"frameworks", Kind::number, std::nullopt, true, "How many frameworks."},
    {"duration", Kind::duration, std::nullopt, true,
     "How long there are faults; the rest of the run follows."},
    {"faults", Kind::text, std::nullopt, true, "on or off."},
    {"plant", Kind::text, "none", true, "Make this bug on purpose; see --help."},
    {"check-determinism", Kind::boolean, "false", true,
     "Run each seed twice and compare what happened."},
};

struct Order {
  uint64_t from = 1, to = 1;
  bool replay = false, check_determinism = false;
  Plant plant = Plant::none;
};

// "--name value" becomes "--name=value", unless the flag is a boolean.
std::vector<std::string> joined(std::span<const std::string> arguments) {
  std::vector<std::string> joined;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    const bool flag = argument.starts_with("--") && argument.find('=') == std::string::npos;
    const bool boolean = argument == "--help" || argument == "--check-determinism";
    const bool value = i + 1 < arguments.size() && !arguments[i + 1].starts_with("--");
    if (flag && !boolean && value) {
      joined.push_back(argument + "=" + arguments[++i]);
    } else {
      joined.push_back(argument);
    }
  }
  return joined;
}

Result<uint64_t> parse_seed(std::string_view text) {
  uint64_t seed = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seed);
  if (error != std::errc() || end != text.data() + text.size()) {
    return failure(Code::invalid, fmt::format("'{}' is not a seed", text));
  }
  return seed;
}

Result<Order> order_of(const Flags& flags) {
  Order order;
  order.from = order.to = static_cast<uint64_t>(flags.number("seed"));
  if (flags.number("count") < 1) return failure(Code::invalid, "--count must be at least 1");
  order.to += static_cast<uint64_t>(flags.number("count")) - 1;
  if (flags.has("seeds")) {
    const std::string& text = flags.text("seeds");
    const size_t dots = text.find("..");
    if (dots == std::string::npos) return failure(Code::invalid, "--seeds wants FROM..TO");
    TRY(order.from, parse_seed(std::string_view(text).substr(0, dots)));
    TRY(order.to, parse_seed(std::string_view(text).substr(dots + 2)));
  }
  if (flags.has("replay")) {
    order.from = order.to = static_cast<uint64_t>(flags.number("replay"));
    order.replay = true;
  }
  order.check_determinism = flags.boolean("check-determinism");
  const auto plant = plant_named(flags.text("plant"));
  if (!plant) return failure(Code::invalid, "There is no plant '" + flags.text("plant") + "'");
  order.plant = *plant;
  return order;
}

Result<Scenario> scenario_of(const Flags& flags, const Order& order, uint64_t seed) {
  auto scenario = scenario_named(flags.text("scenario"), seed);
  if (!scenario) {
    return failure(Code::invalid, "There is no scenario '" + flags.text("scenario") + "'");
  }
  if (flags.has("agents")) {
    scenario->agents = static_cast<uint32_t>(std::max<int64_t>(1, flags.number("agents")));
  }
  if (flags.has("frameworks")) {
    const FrameworkPlan plan = scenario->frameworks.front();
    const auto count = static_cast<size_t>(std::max<int64_t>(1, flags.number("frameworks")));
    scenario->frameworks.resize(count, plan);
  }
  if (flags.has("duration")) {
    const Duration longer = flags.duration("duration") - scenario->faults_to;
    scenario->faults_to += longer;
    scenario->launches_to += longer;
    scenario->end += longer;
  }
  if (flags.has("faults")) {
    const std::string& text = flags.text("faults");
    if (text != "on" && text != "off") return failure(Code::invalid, "--faults wants on or off");
    scenario->faults = text == "on";
  }
  scenario->plant = order.plant;
  return *scenario;
}

std::string again(std::span<const std::string> arguments, uint64_t seed) {
  std::string command = "mesolith sim";
  for (const std::string& argument : joined(arguments)) {
    if (!argument.starts_with("--seed") && !argument.starts_with("--replay") &&
        !argument.starts_with("--count")) {
      command += " " + argument;
    }
  }
  return command + " --replay " + std::to_string(seed);
}

// What broke under this seed, if something did.
std::optional<std::string> run(const Scenario& scenario, uint64_t seed, const Order& order,
                               Outcome& total) {
  Trace::Sink sink;
  if (order.replay) sink = [](const std::string& line) { fmt::print("{}\n", line); };
  const Outcome outcome = simulate(scenario, seed, sink);
  total.happenings += outcome.happenings;
  total.faults += outcome.faults;
  total.tasks_launched += outcome.tasks_launched;
  total.tasks_finished += outcome.tasks_finished;
  if (order.from == order.to) {
    fmt::print("seed {}: {} happenings, {} faults, {} containers, {} finished, trace {:016x}\n",
               seed, outcome.happenings, outcome.faults, outcome.tasks_launched,
               outcome.tasks_finished, outcome.hash);
  }
  if (outcome.failure) {
    return fmt::format("{} at {:.3f} s: {}", outcome.failure->checker,
                       to_seconds(outcome.failure->when), outcome.failure->message);
  }
  if (order.check_determinism && simulate(scenario, seed).hash != outcome.hash) {
    return "the same seed gave another run";
  }
  return std::nullopt;
}

std::string plants() {
  std::string names;
  for (const Plant plant : all_plants()) names += fmt::format(" {}", name_of(plant));
  return names;
}

}  // namespace

int sim_main(std::span<const std::string> arguments) {
  const std::vector<std::string> words = joined(arguments);
  const auto wrong = [](const Error& error) {
    fmt::print(stderr, "mesolith sim: {}\n", error.message);
    return 2;
  };
  const auto flags = Flags::parse(specs, words, {});
  if (!flags) return wrong(flags.error());
  if (flags->boolean("help")) {
    fmt::print(
        "Usage: mesolith sim [flags]\n\n  mesolith sim --seed 1 --count 1000 --check-determinism\n"
        "  mesolith sim --replay 42\n  mesolith sim --plant early_persist --seed 1\n\n{}\n"
        "Plants:{}\n",
        describe_flags(specs), plants());
    return 0;
  }
  const auto order = order_of(*flags);
  if (!order) return wrong(order.error());
  uint64_t failed = 0;
  Outcome total;
  for (uint64_t seed = order->from; seed <= order->to; ++seed) {
    const auto scenario = scenario_of(*flags, *order, seed);
    if (!scenario) return wrong(scenario.error());
    const auto broken = run(*scenario, seed, *order, total);
    if (!broken) continue;
    ++failed;
    fmt::print("seed {} FAILED: {}\n  see it again: {}\n", seed, *broken, again(arguments, seed));
  }
  fmt::print("{} seeds{}, {} failed: {} happenings, {} faults, {} containers, {} finished\n",
             order->to - order->from + 1, order->check_determinism ? ", each twice" : "", failed,
             total.happenings, total.faults, total.tasks_launched, total.tasks_finished);
  return failed == 0 ? 0 : 1;
}

}  // namespace mesolith::sim
