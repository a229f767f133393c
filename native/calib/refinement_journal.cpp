#include "calib/refinement_journal.hpp"

#include <cstring>
#include <iostream>
#include <nlohmann/json.hpp>

#include "tensor/safetensors.hpp"

namespace squeeze {

namespace {

std::string text_of(const RefinementState& state) {
  return nlohmann::json{{"step", state.step}, {"judged", state.judged}, {"best_step", state.best_step},
                        {"cuts", state.cuts}, {"begun", state.begun},   {"before", state.before},
                        {"best", state.best}}
      .dump();
}

// False where a field is missing.
bool parse(const std::string& text, RefinementState& state) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto take = [&](const char* name, auto& value) {
    const auto entry = json.is_object() ? json.find(name) : json.end();
    if (entry == json.end() || !entry->is_number()) return false;
    entry->get_to(value);
    return true;
  };
  return take("step", state.step) && take("judged", state.judged) && take("best_step", state.best_step) &&
         take("cuts", state.cuts) && take("begun", state.begun) && take("before", state.before) &&
         take("best", state.best);
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
  return parse(text->second, state);
}

}  // namespace squeeze
