// SPDX-License-Identifier: Apache-2.0
#include "frameworks/drf_demo/core/page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace mesolith::frameworks::drf_demo {
namespace {

// Okabe and Ito's palette, told apart by the colour-blind too.
constexpr std::array<std::string_view, 7> colors = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                    "#e69f00", "#56b4e9", "#777777"};

constexpr std::string_view style = R"(
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: .25rem .9rem; border-bottom: 1px solid #8886; text-align: right; }
th:first-child, td:first-child { text-align: left; }
svg { width: 100%; height: auto; }
svg text { fill: currentColor; font-size: 13px; }
.grid { stroke: #8884; } .axis { stroke: currentColor; }
.share { fill: none; stroke-width: 2.5; stroke-linejoin: round; }
.ideal { fill: none; stroke-width: 1.5; stroke-dasharray: 7 5; }
)";

struct Frame {  // of a plot, in SVG units
  double left = 64, top = 16, width = 860, height = 340;
  double seconds_max = 1;
  double share_max = 0.1;
  double x(double seconds) const { return left + width * seconds / seconds_max; }
  double y(double share) const { return top + height * (1 - share / share_max); }
};

std::string escaped(std::string_view text) {
  std::string out;
  for (const char letter : text) {
    switch (letter) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out.push_back(letter);
    }
  }
  return out;
}

Frame frame_for(const Report& report) {
  Frame frame;
  for (const Track& track : report.tracks) {
    for (const Point& point : track.points) {
      frame.seconds_max = std::max(frame.seconds_max, to_seconds(point.at - report.begin));
      frame.share_max = std::max({frame.share_max, point.share, point.ideal});
    }
  }
  frame.share_max = std::ceil(frame.share_max * 10 - 1e-9) / 10;
  return frame;
}

// 1, 2 or 5 times a power of ten, such that about eight of them fill the range.
double tick_step(double range) {
  const double power = std::pow(10, std::floor(std::log10(range / 8)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (range / (factor * power) <= 8) return factor * power;
  }
  return 10 * power;
}

std::string axes(const Frame& frame) {
  std::string svg;
  const double bottom = frame.top + frame.height, right = frame.left + frame.width;
  const double share_step = frame.share_max > 0.5 ? 0.1 : 0.05;
  for (int i = 0; i * share_step <= frame.share_max + 1e-9; ++i) {
    const double y = frame.y(i * share_step);
    svg += fmt::format("<line class=\"grid\" x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>\n",
                       frame.left, right, y, y);
    svg += fmt::format("<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{:.0f}%</text>\n",
                       frame.left - 8, y + 4, 100 * i * share_step);
  }
  const double second_step = tick_step(frame.seconds_max);
  for (int i = 0; i * second_step <= frame.seconds_max + 1e-9; ++i) {
    const double x = frame.x(i * second_step);
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{:.3g}</text>\n", x,
                       bottom + 20, i * second_step);
  }
  svg += fmt::format("<line class=\"axis\" x1=\"{0}\" x2=\"{1}\" y1=\"{2}\" y2=\"{2}\"/>\n",
                     frame.left, right, bottom);
  svg += fmt::format("<line class=\"axis\" x1=\"{0}\" x2=\"{0}\" y1=\"{1}\" y2=\"{2}\"/>\n",
                     frame.left, frame.top, bottom);
  svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">seconds</text>\n",
                     frame.left + frame.width / 2, bottom + 42);
  svg += fmt::format(
      "<text transform=\"translate(16 {}) rotate(-90)\" text-anchor=\"middle\">dominant "
      "share</text>\n",
      frame.top + frame.height / 2);
  return svg;
}

// Shares as they were seen, each drawn as held until the next: what changes does so at once.
std::string polyline(const Report& report, const Track& track, const Frame& frame,
                     std::string_view color, bool ideal) {
  const size_t stride = track.points.size() / plot_points_max + 1;
  std::string points;
  for (size_t i = 0; i < track.points.size(); i += stride) {
    const Point& point = track.points[i];
    points += fmt::format("{:.1f},{:.1f} ", frame.x(to_seconds(point.at - report.begin)),
                          frame.y(ideal ? point.ideal : point.share));
  }
  if (!points.empty()) points.pop_back();
  return fmt::format("<polyline class=\"{}\" stroke=\"{}\" points=\"{}\"/>\n",
                     ideal ? "ideal" : "share", color, points);
}

std::string legend(const Report& report, const Frame& frame) {
  std::string svg;
  double x = frame.left;
  double y = frame.top + frame.height + 72;
  for (size_t i = 0; i < report.tracks.size(); ++i) {
    const std::string name = report.tracks[i].name;
    const double width = 48 + 8.0 * static_cast<double>(name.size());
    if (x > frame.left && x + width > frame.left + frame.width) {
      x = frame.left;
      y += 22;
    }
    svg += fmt::format(
        "<line class=\"share\" stroke=\"{0}\" x1=\"{1}\" x2=\"{2}\" y1=\"{3}\" y2=\"{3}\"/>"
        "<text x=\"{4}\" y=\"{5}\">{6}</text>\n",
        colors[i % colors.size()], x, x + 24, y - 4, x + 30, y, escaped(name));
    x += width;
  }
  svg += fmt::format(
      "<line class=\"ideal\" stroke=\"currentColor\" x1=\"{0}\" x2=\"{1}\" y1=\"{2}\" y2=\"{2}\"/>"
      "<text x=\"{3}\" y=\"{4}\">dashed: the ideal, in the same colour</text>\n",
      frame.left, frame.left + 24, y + 20, frame.left + 30, y + 24);
  return svg;
}

std::string plot(const Report& report) {
  const Frame frame = frame_for(report);
  const double height = frame.top + frame.height + 110 +
                        22 * std::floor(static_cast<double>(report.tracks.size()) / 4);
  std::string svg = fmt::format(
      "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"plot-title\">\n"
      "<title id=\"plot-title\">Dominant shares over time</title>\n",
      frame.left + frame.width + 16, height);
  svg += axes(frame);
  for (const bool ideal : {true, false}) {
    for (size_t i = 0; i < report.tracks.size(); ++i) {
      svg += polyline(report, report.tracks[i], frame, colors[i % colors.size()], ideal);
    }
  }
  return svg + legend(report, frame) + "</svg>\n";
}

std::string row(std::string_view tag, const std::vector<std::string>& cells) {
  std::string html = "<tr>";
  for (const std::string& cell : cells) {
    html += fmt::format("<{0}>{1}</{0}>", tag, escaped(cell));
  }
  return html + "</tr>\n";
}

std::string percent(double share) {
  return fmt::format("{:.1f}%", 100 * share);
}

std::string shares_table(const Report& report) {
  std::string html =
      "<table>\n" + row("th", {"framework", "one task", "measured", "ideal", "most apart"});
  for (const Track& track : report.tracks) {
    const Summary summary = summarize(track, saturating_add(report.begin, report.warm_up));
    html += row("td", {track.name, track.demand.describe(), percent(summary.share_mean),
                       percent(summary.ideal_mean), percent(summary.deviation_max)});
  }
  return html + "</table>\n<p>" + warm_up_text(report) + "</p>\n";
}

std::string verdicts_table(const Report& report) {
  if (report.verdicts.empty()) return {};
  std::string html = "<h2>Verdict</h2>\n<table>\n" +
                     row("th", {"framework", "measured", "ideal", "tolerance", "verdict"});
  for (const Verdict& verdict : report.verdicts) {
    html += row("td", {verdict.name, percent(verdict.measured), percent(verdict.ideal),
                       percent(verdict.tolerance), verdict.holds() ? "fair" : "not fair"});
  }
  return html + "</table>\n";
}

std::string run_table(const Run& run) {
  const Counts& counts = run.counts;
  std::string html = "<h2>Tasks</h2>\n<table>\n";
  html += row("th", {"launched", "finished", "failed", "killed", "dropped"});
  html += row("td", {fmt::to_string(counts.launched), fmt::to_string(counts.finished),
                     fmt::to_string(counts.failed), fmt::to_string(counts.killed),
                     fmt::to_string(counts.dropped)});
  html += "</table>\n<table>\n" + row("th", {"seconds", "p50", "p99"});
  html += row("td", {"between one launch and the next", fmt::format("{:.3f}", run.wait_p50),
                     fmt::format("{:.3f}", run.wait_p99)});
  html += row("td", {"from launch to TASK_RUNNING", fmt::format("{:.3f}", run.start_p50),
                     fmt::format("{:.3f}", run.start_p99)});
  return html + fmt::format(
                    "</table>\n<p>Framework {}, role {}, launching for {:.1f} s, seed "
                    "{}.</p>\n",
                    escaped(run.id), escaped(run.role), run.seconds, run.seed);
}

}  // namespace

std::string report_page(const Report& report) {
  const std::string title = escaped(report.title);
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width\"/>\n";
  html += fmt::format("<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n<h1>{}</h1>\n", title,
                      style, title);
  for (const std::string& paragraph : report.lesson) {
    html += "<p>" + escaped(paragraph) + "</p>\n";
  }
  html += fmt::format("<p>The cluster: {}.</p>\n", escaped(report.totals.describe()));
  html += "<h2>Dominant shares over time</h2>\n" + plot(report) + shares_table(report);
  html += verdicts_table(report);
  if (report.run) html += run_table(*report.run);
  return html + "</body>\n</html>\n";
}

}  // namespace mesolith::frameworks::drf_demo
