#include "calib/refinement_journal.hpp"

#include <cstdio>
#include <cstring>
#include <iostream>

#include "tensor/safetensors.hpp"

namespace squeeze {

namespace {

std::string text_of(const RefinementState& state) {
  char text[120];
  std::snprintf(text, sizeof(text), "%lld %lld %lld %.17g %.17g", static_cast<long long>(state.step),
                static_cast<long long>(state.judged), static_cast<long long>(state.best_step), state.before,
                state.best);
  return text;
}

bool parse(const std::string& text, RefinementState& state) {
  long long step = 0, judged = 0, best_step = 0;
  if (std::sscanf(text.c_str(), "%lld %lld %lld %lf %lf", &step, &judged, &best_step, &state.before, &state.best) != 5)
    return false;
  state.step = step;
  state.judged = judged;
  state.best_step = best_step;
  return true;
}

// body(name, bytes, dtype, shape) for each tensor of a state.
template <typename State, typename Body>
void for_each_tensor(State& state, const Body& body) {
  for (auto& [name, parts] : state.moving)
    for (std::size_t i = 0; i < parts.size(); ++i)
      body(name + "." + std::to_string(i), DType::kF32, parts[i].rows, parts[i].cols, parts[i].flat());
  for (auto& [name, table] : state.best_tables) {
    const auto& shape = state.moving.at(name).front();
    body(name + ".best", DType::kF16, shape.rows, shape.cols, std::span(table));
  }
}

}  // namespace

RefinementJournal::RefinementJournal(const std::filesystem::path& folder, std::string inputs)
    : path_(folder / "refinement.safetensors"), inputs_(std::move(inputs)) {}

Result<void> RefinementJournal::write(const RefinementState& state) const {
  std::vector<TensorSource> tensors;
  for_each_tensor(state, [&](const std::string& name, DType dtype, std::int64_t rows, std::int64_t cols, auto values) {
    tensors.push_back(tensor_source(name, dtype, {rows, cols}, std::as_bytes(values)));
  });
  return write_safetensors(path_, tensors, {{"inputs", inputs_}, {"state", text_of(state)}});
}

bool RefinementJournal::read(RefinementState& state) const {
  std::error_code code;
  if (!std::filesystem::exists(path_, code)) return false;
  const auto refuse = [&] {
    std::cerr << path_.string() << " was made from other inputs; the refinement begins anew" << std::endl;
    return false;
  };
  const auto file = SafetensorsFile::open(path_);
  if (!file.ok()) return refuse();
  const auto& metadata = file.value().metadata();
  const auto inputs = metadata.find("inputs"), text = metadata.find("state");
  RefinementState found;
  if (inputs == metadata.end() || inputs->second != inputs_ || text == metadata.end() || !parse(text->second, found))
    return refuse();
  std::map<std::string, const TensorView*> tensors;
  for (const TensorView& tensor : file.value().tensors()) tensors.emplace(tensor.name, &tensor);
  bool whole = true;
  for_each_tensor(state, [&](const std::string& name, DType dtype, std::int64_t, std::int64_t, auto values) {
    const auto entry = tensors.find(name);
    whole &= entry != tensors.end() && entry->second->dtype == dtype &&
             entry->second->bytes.size() == std::as_bytes(values).size();
  });
  if (!whole) return refuse();
  for_each_tensor(state, [&](const std::string& name, DType, std::int64_t, std::int64_t, auto values) {
    const auto bytes = tensors.at(name)->bytes;
    std::memcpy(values.data(), bytes.data(), bytes.size());
  });
  state.step = found.step;
  state.judged = found.judged;
  state.best_step = found.best_step;
  state.before = found.before;
  state.best = found.best;
  return true;
}

}  // namespace squeeze
