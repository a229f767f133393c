#include "rpc/session.hpp"

#include <iostream>

#include "jobs/guard.hpp"

namespace squeeze {

using contract::CallFailure;
using contract::CallOutcome;
using contract::RpcCode;
using nlohmann::json;

namespace {

constexpr std::string_view kHello = "sidecar.hello";
constexpr std::string_view kCancel = "job.cancel";

// What makes a message a request: JSON-RPC 2.0, section 4. Empty when it is one.
std::string malformed_request(const json& message) {
  if (!message.is_object()) return "a request is one JSON object; batches are not taken";
  const auto version = message.find("jsonrpc");
  if (version == message.end() || *version != "2.0") return "\"jsonrpc\" must be \"2.0\"";
  const auto method = message.find("method");
  if (method == message.end() || !method->is_string()) return "\"method\" must be a string";
  const auto id = message.find("id");
  if (id != message.end() && !id->is_string() && !id->is_number() && !id->is_null())
    return "\"id\" must be a string or a number";
  const auto params = message.find("params");
  if (params != message.end() && !params->is_object()) return "\"params\" must be an object";
  return {};
}

bool is_response(const json& message) {
  return message.is_object() && !message.contains("method") &&
         (message.contains("result") || message.contains("error"));
}

json id_of(const json& message) {
  if (!message.is_object() || !message.contains("id")) return nullptr;
  const json& id = message["id"];
  return id.is_string() || id.is_number() ? id : json(nullptr);
}

}  // namespace

Session::Session(int in, int out, const Gpus* gpus) : reader_(in), writer_(out), sidecar_(*this, gpus) {
  answerer_ = std::thread([this] { answer_in_order(); });
  answerer_.detach();  // may be in the middle of a long request when the process leaves
}

int Session::run(std::chrono::milliseconds grace) {
  int status = 0;
  while (true) {
    auto body = reader_.read();
    if (!body.ok()) {
      std::cerr << body.error().message << std::endl;
      refuse(nullptr, RpcCode::kParseError, body.error().message);
      status = 2;
      break;
    }
    if (!body.value()) break;
    const auto received = guarded([&]() -> Result<void> {
      receive(*body.value());
      return {};
    });
    if (!received.ok()) refuse(nullptr, RpcCode::kApplication, received.error().message);
  }
  if (!sidecar_.stop(grace)) std::cerr << "left in the middle of a job" << std::endl;
  return status;
}

void Session::receive(const std::string& body) {
  const json message = json::parse(body, nullptr, false);
  if (message.is_discarded()) return refuse(nullptr, RpcCode::kParseError, "The body is not JSON.");
  if (is_response(message)) return;  // the sidecar asks nothing
  if (const std::string why = malformed_request(message); !why.empty())
    return refuse(id_of(message), RpcCode::kInvalidRequest, "Not a request: " + why + ".");
  Request request{id_of(message), message["method"], message.value("params", json::object())};
  // Notifications are not part of the contract; JSON-RPC has no answer for them.
  if (!message.contains("id")) return;
  if (request.method == kCancel) return answer(request);
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(request));
  }
  changed_.notify_one();
}

void Session::answer_in_order() {
  while (true) {
    Request request;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return !queue_.empty(); });
      request = std::move(queue_.front());
      queue_.pop_front();
    }
    answer(request);
    sidecar_.answered();
  }
}

void Session::answer(const Request& request) {
  if (!greeted_ && request.method != kHello) {
    Error error{.code = ErrorCode::kInvalidRequest,
                .message = "\"" + std::string(kHello) + "\" must come before \"" + request.method + "\"."};
    return reply(request.id, CallFailure{RpcCode::kApplication, std::move(error)});
  }
  const auto outcome =
      guarded([&]() -> Result<CallOutcome> { return contract::dispatch(sidecar_, request.method, request.params); });
  if (!outcome.ok()) return reply(request.id, CallFailure{RpcCode::kApplication, outcome.error()});
  if (request.method == kHello && std::holds_alternative<json>(outcome.value())) greeted_ = true;
  reply(request.id, outcome.value());
}

void Session::reply(const json& id, const CallOutcome& outcome) {
  json message = {{"jsonrpc", "2.0"}, {"id", id}};
  if (const json* result = std::get_if<json>(&outcome)) {
    message["result"] = *result;
  } else {
    const CallFailure& failure = std::get<CallFailure>(outcome);
    const auto data = contract::to_json(to_info(failure.error));
    message["error"] = {{"code", static_cast<int>(failure.code)}, {"message", failure.error.message}};
    if (data.ok()) message["error"]["data"] = data.value();
  }
  write(message);
}

void Session::refuse(const json& id, RpcCode code, std::string message) {
  reply(id, CallFailure{code, {.code = ErrorCode::kInvalidRequest, .message = std::move(message)}});
}

bool Session::write(const json& message) {
  // A path that is not UTF-8 is shown with replacement characters rather than not at all.
  return writer_.write(message.dump(-1, ' ', false, json::error_handler_t::replace));
}

void Session::job_ended(const contract::JobEnded& event) {
  auto payload = contract::to_json(event);
  if (!payload.ok()) {
    // A result that cannot be sent is a failure, and the host still hears of the end.
    contract::JobEnded failed;
    failed.job_id = event.job_id;
    failed.outcome = contract::JobEndedOutcome::kFailed;
    failed.error = to_info(payload.error());
    payload = contract::to_json(failed);
  }
  send("job.ended", std::move(payload));
}

void Session::send(std::string_view method, Result<json> payload) {
  if (!payload.ok()) {
    std::cerr << "event " << method << " was not sent: " << payload.error().message << std::endl;
    return;
  }
  write({{"jsonrpc", "2.0"}, {"method", method}, {"params", std::move(payload).value()}});
}

}  // namespace squeeze
