// SPDX-License-Identifier: Apache-2.0
#include "frameworks/drf_demo/core/report.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <regex>

#include "frameworks/drf_demo/core/page.hpp"

namespace mesolith::frameworks::drf_demo {
namespace {

using namespace std::chrono_literals;

const Time start = Time(100s);

Track made_up() {
  Track track;
  track.id = "f1";
  track.name = "A <&\"> B";
  track.demand = {{model::cpus, 2000}, {model::mem, 1000000}};
  track.points = {
      {start, 1.0, 0.4}, {start + 10s, 0.2, 0.4}, {start + 13s, 0.6, 0.4}, {start + 14s, 0.5, 0.5}};
  return track;
}

Report made_up_report() {
  Report report;
  report.title = "Shares & <more>";
  report.lesson = {"One < two."};
  report.begin = start;
  report.warm_up = 10s;
  report.totals = {{model::cpus, 32000}};
  Run run;
  run.name = "A";
  run.role = "*";
  run.counts.launched = 12;
  run.counts.finished = 11;
  run.counts.failed = 1;
  report.run = run;
  report.tracks = {made_up()};
  report.verdicts = {{"A", 0.3, 0.4, 0.0625}, {"B", 0.4, 0.4, 0.0625}};
  return report;
}

// Whether every tag is closed in its turn; none may be left open.
void expect_balanced(const std::string& html) {
  std::vector<std::string> open;
  const std::regex tag(R"(<(/?)([a-zA-Z0-9]+)([^<>]*?)(/?)>)");
  std::string rest = html.substr(html.find('\n'));  // after the doctype
  for (std::sregex_iterator it(rest.begin(), rest.end(), tag), end; it != end; ++it) {
    const std::smatch& found = *it;
    if (found[4].length() > 0) continue;
    if (found[1].length() == 0) {
      open.push_back(found[2]);
      continue;
    }
    ASSERT_FALSE(open.empty()) << found.str();
    ASSERT_EQ(open.back(), found[2].str());
    open.pop_back();
  }
  EXPECT_TRUE(open.empty());
  const std::string bare = std::regex_replace(rest, tag, "");
  EXPECT_EQ(bare.find('<'), std::string::npos);
}

TEST(Tracks, MeansAreWeightedWithTime) {
  const Summary summary = summarize(made_up(), start + 10s);
  EXPECT_EQ(summary.points, 3u);
  EXPECT_DOUBLE_EQ(summary.share_mean, (3 * 0.2 + 1 * 0.6) / 4);
  EXPECT_DOUBLE_EQ(summary.ideal_mean, 0.4);
  EXPECT_NEAR(summary.deviation_max, 0.2, 1e-12);
  const Summary whole = summarize(made_up(), start);
  EXPECT_DOUBLE_EQ(whole.share_mean, (10 * 1.0 + 3 * 0.2 + 1 * 0.6) / 14);
  EXPECT_NEAR(whole.deviation_max, 0.6, 1e-12);
  EXPECT_FALSE(summary.whole);
  EXPECT_TRUE(whole.whole);
  // A run shorter than the warm-up is taken whole.
  EXPECT_DOUBLE_EQ(summarize(made_up(), start + 60s).share_mean, whole.share_mean);
  EXPECT_EQ(summarize(Track(), start).points, 0u);
}

TEST(Tracks, IdealIsWaterFillingOverThoseSeen) {
  Observation seen;
  seen.totals = {{model::cpus, 9000}, {model::mem, 18000}};
  FrameworkUsage a, b, idle;
  a.id = "a", a.role = b.role = idle.role = "*";
  a.demand = {{model::cpus, 1000}, {model::mem, 4000}};
  a.used = a.demand;
  b.id = "b";
  b.demand = {{model::cpus, 3000}, {model::mem, 1000}};
  idle.id = "idle";
  seen.frameworks = {a, idle, b};
  Tracks tracks;
  observe(tracks, start, seen);
  ASSERT_EQ(tracks.by_id.size(), 3u);
  // The example of the NSDI paper: both get two thirds of what they need most.
  EXPECT_NEAR(tracks.by_id.at("a").points.at(0).ideal, 2.0 / 3, 1e-9);
  EXPECT_NEAR(tracks.by_id.at("b").points.at(0).ideal, 2.0 / 3, 1e-9);
  EXPECT_EQ(tracks.by_id.at("idle").points.at(0).ideal, 0);
  EXPECT_NEAR(tracks.by_id.at("a").points.at(0).share, 4.0 / 18, 1e-9);
  // One that has no task at this moment still wants some.
  seen.frameworks[2].demand = {};
  observe(tracks, start + 1s, seen);
  EXPECT_NEAR(tracks.by_id.at("b").points.at(1).ideal, 2.0 / 3, 1e-9);
  // One that is not active does not.
  seen.frameworks[2].active = false;
  observe(tracks, start + 2s, seen, {{"idle", {{model::cpus, 1000}}}});
  EXPECT_EQ(tracks.by_id.at("b").points.at(2).ideal, 0);
  EXPECT_GT(tracks.by_id.at("idle").points.at(2).ideal, 0.5);
}

TEST(Tracks, StayBounded) {
  Observation seen;
  seen.totals = {{model::cpus, 1000}};
  seen.frameworks.resize(1);
  seen.frameworks[0].id = "f";
  Tracks tracks;
  for (size_t i = 0; i < 3 * points_max; ++i) observe(tracks, start + i * 1s, seen);
  const auto& points = tracks.by_id.at("f").points;
  EXPECT_LE(points.size(), points_max);
  EXPECT_EQ(points.front().at, start);
  EXPECT_EQ(points.back().at, start + (3 * points_max - 1) * 1s);
}

TEST(Report, Text) {
  const std::string text = report_text(made_up_report());
  EXPECT_NE(text.find("12 launched: 11 finished, 1 failed, 0 killed"), std::string::npos) << text;
  EXPECT_NE(text.find("30.0%     40.0%       6.2%  NOT FAIR"), std::string::npos) << text;
  EXPECT_NE(text.find("40.0%     40.0%       6.2%  fair"), std::string::npos) << text;
  EXPECT_EQ(ascii_series(made_up(), 1.0, 4), "9255");
  EXPECT_EQ(ascii_series(made_up(), 1.0, 2), "55");
  EXPECT_EQ(ascii_series(Track(), 1.0, 60), "");
}

TEST(Report, JsonHoldsTheNumbers) {
  const auto value = boost::json::parse(report_json(made_up_report()));
  EXPECT_EQ(value.at("framework").at("tasks").at("finished").to_number<int>(), 11);
  const auto& track = value.at("shares").at(0);
  EXPECT_EQ(track.at("name").as_string(), "A <&\"> B");
  EXPECT_EQ(track.at("series").as_array().size(), 4u);
  EXPECT_DOUBLE_EQ(track.at("series").at(1).at("seconds").to_number<double>(), 10);
  EXPECT_DOUBLE_EQ(track.at("share_mean").to_number<double>(), 0.3);
  EXPECT_FALSE(value.at("verdicts").at(0).at("holds").as_bool());
  EXPECT_TRUE(value.at("verdicts").at(1).at("holds").as_bool());
}

TEST(Report, PageIsWellFormedAndByItself) {
  const std::string page = report_page(made_up_report());
  expect_balanced(page);
  EXPECT_NE(page.find("A &lt;&amp;&quot;&gt; B"), std::string::npos);
  EXPECT_NE(page.find("<title>Shares &amp; &lt;more&gt;</title>"), std::string::npos);
  EXPECT_NE(page.find("<polyline class=\"share\""), std::string::npos);
  EXPECT_NE(page.find("<polyline class=\"ideal\""), std::string::npos);
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_EQ(page.find("http"), std::string::npos);
}

TEST(Report, AnEmptyRunStillMakesAPage) {
  Options options;
  options.name = "A";
  options.task = {{model::cpus, 1000}, {model::mem, 1000}};
  const State state(options);
  const Report report = make_report(state, start);
  expect_balanced(report_page(report));
  EXPECT_TRUE(report.tracks.empty());
  EXPECT_NE(report_text(report).find("0 launched"), std::string::npos);
  EXPECT_EQ(boost::json::parse(report_json(report)).at("shares").as_array().size(), 0u);
}

}  // namespace
}  // namespace mesolith::frameworks::drf_demo
