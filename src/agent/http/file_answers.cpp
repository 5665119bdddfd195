// SPDX-License-Identifier: Apache-2.0
// What was found of a file, as /files and the operator API show it.
#include <algorithm>
#include <array>

#include "agent/http/routes.hpp"
#include "base/check.hpp"
#include "wire/json_writer.hpp"

namespace mesolith::agent::http {
namespace {

constexpr int64_t nanoseconds_per_second = 1'000'000'000;

// "drwxr-x---" from st_mode.
std::string mode_text(uint32_t mode) {
  constexpr std::array<std::pair<uint32_t, char>, 7> kinds = {{{0140000, 's'},
                                                               {0120000, 'l'},
                                                               {0100000, '-'},
                                                               {0060000, 'b'},
                                                               {0040000, 'd'},
                                                               {0020000, 'c'},
                                                               {0010000, 'p'}}};
  constexpr uint32_t kind_mask = 0170000;
  std::string text = "?";
  for (const auto& [bits, letter] : kinds) {
    if ((mode & kind_mask) == bits) text[0] = letter;
  }
  for (int shift = 6; shift >= 0; shift -= 3) {
    text += (mode >> shift) & 4 ? 'r' : '-';
    text += (mode >> shift) & 2 ? 'w' : '-';
    text += (mode >> shift) & 1 ? 'x' : '-';
  }
  if (mode & 04000) text[3] = text[3] == 'x' ? 's' : 'S';
  if (mode & 02000) text[6] = text[6] == 'x' ? 's' : 'S';
  if (mode & 01000) text[9] = text[9] == 'x' ? 't' : 'T';
  return text;
}

std::string child_of(const FileRequest& request, const FileInfo& file) {
  std::string parent = request.virtual_path;
  while (parent.ends_with('/')) parent.pop_back();
  return parent + "/" + file.name;
}

std::vector<const FileInfo*> sorted(const Listing& listing) {
  std::vector<const FileInfo*> files;
  for (const FileInfo& file : listing.files) files.push_back(&file);
  std::ranges::sort(files, {}, &FileInfo::name);
  return files;
}

wire::Response browse_answer(const FileRequest& request, const Listing& listing) {
  std::string body;
  wire::JsonWriter json(body);
  json.begin_array();
  for (const FileInfo* file : sorted(listing)) {
    json.begin_object();
    json.member("gid", file->group);
    json.member("mode", mode_text(file->mode));
    json.member("mtime", static_cast<double>(file->mtime_seconds));
    json.member("nlink", static_cast<uint64_t>(file->nlink));
    json.member("path", child_of(request, *file));
    json.member("size", file->size);
    json.member("uid", file->user);
    json.end_object();
  }
  json.end_array();
  return wire::json(std::move(body));
}

wire::Response list_answer(const FileRequest& request, const Listing& listing) {
  mesos::v1::agent::Response answer;
  answer.set_type(mesos::v1::agent::Response::LIST_FILES);
  auto* list = answer.mutable_list_files();
  for (const FileInfo* file : sorted(listing)) {
    auto* info = list->add_file_infos();
    info->set_path(child_of(request, *file));
    info->set_nlink(static_cast<int32_t>(file->nlink));
    info->set_size(file->size);
    info->mutable_mtime()->set_nanoseconds(file->mtime_seconds * nanoseconds_per_second);
    info->set_mode(file->mode);
    info->set_uid(file->user);
    info->set_gid(file->group);
  }
  return api_answer(*request.answer, wire::encode(*request.answer, answer));
}

wire::Response read_answer(const FileRequest& request, const Content& content) {
  if (request.answer) {
    mesos::v1::agent::Response answer;
    answer.set_type(mesos::v1::agent::Response::READ_FILE);
    answer.mutable_read_file()->set_size(content.size);
    answer.mutable_read_file()->set_data(content.data);
    return api_answer(*request.answer, wire::encode(*request.answer, answer));
  }
  std::string body;
  wire::JsonWriter json(body);
  json.begin_object();
  json.member("data", request.size_only ? std::string_view() : content.data);
  json.member("offset", request.size_only ? content.size : request.offset);
  json.end_object();
  return wire::json(std::move(body));
}

wire::Response download_answer(const FileRequest& request, const Content& content) {
  wire::Response response = wire::empty(200);
  response.body = content.data;
  response.headers.set("Content-Type", "application/octet-stream");
  std::string name = request.path.substr(request.path.rfind('/') + 1);
  std::erase_if(name, [](char c) { return c == '"' || c == '\r' || c == '\n' || c == ';'; });
  response.headers.set("Content-Disposition", "attachment; filename=" + name);
  return response;
}

wire::Response fault_answer(const FileRequest& request, FileFault fault) {
  switch (fault) {
    case FileFault::not_found:
      if (request.kind == FileRequest::Kind::download) return wire::text(404, "404 Not Found.");
      return wire::empty(404);
    case FileFault::is_directory:
      return wire::text(400, request.kind == FileRequest::Kind::download
                                 ? "Cannot download a directory.\n"
                                 : "Cannot read a directory.\n");
    case FileFault::inaccessible:
      break;
  }
  return wire::text(400, "'" + request.path + "' is inaccessible.\n");
}

}  // namespace

wire::Response render(const FileRequest& request, const FileAnswer& answer) {
  if (const auto* fault = std::get_if<FileFault>(&answer)) return fault_answer(request, *fault);
  if (const auto* listing = std::get_if<Listing>(&answer)) {
    CHECK(request.kind == FileRequest::Kind::browse);
    return request.answer ? list_answer(request, *listing) : browse_answer(request, *listing);
  }
  const Content& content = std::get<Content>(answer);
  if (request.kind == FileRequest::Kind::download) return download_answer(request, content);
  return read_answer(request, content);
}

}  // namespace mesolith::agent::http
