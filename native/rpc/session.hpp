#pragma once
// One host on one pair of pipes: JSON-RPC 2.0, requests in, answers and events out.
//
// Requests are answered in order by a thread of their own, so that reading goes on meanwhile: job.cancel is answered at
// once, whatever else is being worked on, and the end of the input is noticed.

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "jobs/sidecar.hpp"
#include "rpc/contract_json.gen.hpp"
#include "rpc/framing.hpp"

namespace squeeze {

class Session final : private contract::EventEncoder {
 public:
  Session(int in, int out, const Gpus* gpus);  // as in Sidecar

  // Serves until the input ends. Then cancels what runs, waits at most `grace` for it, and gives the exit status: 0, or
  // 2 when the input could not be followed. Threads may still run after that; the caller leaves by _exit.
  int run(std::chrono::milliseconds grace);

 private:
  struct Request {
    nlohmann::json id;
    std::string method;
    nlohmann::json params;
  };

  void receive(const std::string& body);
  void answer(const Request& request);
  void answer_in_order();
  void reply(const nlohmann::json& id, const contract::CallOutcome& outcome);
  void refuse(const nlohmann::json& id, contract::RpcCode code, std::string message);
  bool write(const nlohmann::json& message);

  void job_ended(const contract::JobEnded& event) override;
  void send(std::string_view method, Result<nlohmann::json> payload) override;

  FrameReader reader_;
  FrameWriter writer_;
  Sidecar sidecar_;
  std::atomic<bool> greeted_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Request> queue_;
  std::thread answerer_;
};

}  // namespace squeeze
