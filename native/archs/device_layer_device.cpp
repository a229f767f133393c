#include <algorithm>
#include <cstring>

#include "archs/device_layer.hpp"
#include "base/half.hpp"
#include "base/threads.hpp"
#include "ops/row_chunk.hpp"

namespace squeeze {

namespace {

constexpr std::int64_t kStagingBytes = 64 << 20;
constexpr std::int64_t kCopyBytes = 1 << 20;  // that a thread copies at a time
constexpr std::int64_t kAlignment = 256;      // bytes, so that products may load whole vectors

// Parts of one array, one after the other.
template <typename T>
struct Parts {
  T* next;

  DeviceView<T> take(std::int64_t rows, std::int64_t cols) {
    const DeviceView<T> part{next, rows, cols};
    next += padded(rows * cols);
    return part;
  }
  static std::int64_t padded(std::int64_t size) {
    constexpr std::int64_t unit = kAlignment / static_cast<std::int64_t>(sizeof(T));
    return (size + unit - 1) / unit * unit;
  }
};

}  // namespace

template <typename T>
Result<WeightUploader<T>> WeightUploader<T>::make(int device) {
  SQUEEZE_ASSIGN(auto stream, Stream::make(device));
  SQUEEZE_ASSIGN(auto staging, PinnedArray<T>::make(kStagingBytes / static_cast<std::int64_t>(sizeof(T))));
  return WeightUploader(std::move(stream), std::move(staging));
}

// Of memory that may be a file's, by way of the staging.
template <typename T>
void WeightUploader<T>::send(void* to, std::span<const std::byte> from) {
  const auto half = static_cast<std::size_t>(staging_.size() / 2) * sizeof(T);
  for (std::size_t first = 0; first < from.size() && !stream_.failed(); first += half) {
    const auto part = from.subspan(first, std::min(half, from.size() - first));
    auto* staged = reinterpret_cast<std::byte*>(staging_.data()) + static_cast<std::size_t>(turn_) * half;
    turn_ = 1 - turn_;
    parallel_for(static_cast<std::int64_t>(part.size()), kCopyBytes, [&](std::int64_t begin, std::int64_t end) {
      std::memcpy(staged + begin, part.data() + begin, static_cast<std::size_t>(end - begin));
    });
    if (!stream_.finish().ok()) return;  // the other half, which is filled next, has been sent
    stream_.copy(static_cast<std::byte*>(to) + first, staged, static_cast<std::int64_t>(part.size()));
  }
}

template <typename T>
void WeightUploader<T>::upload(const LutWeight& weight, DeviceView<T> to, StoredLut& stored) {
  stored.assign(stream_, weight, [this](void* there, std::span<const std::byte> from) { send(there, from); });
  stored.decode(stream_, to);
}

template <typename T>
void WeightUploader<T>::upload(const LinearWeight& weight, DeviceView<T> to) {
  if (const auto* lut = dynamic_cast<const LutWeight*>(&weight)) return upload(*lut, to, passing_);
  const std::int64_t half = staging_.size() / 2, block = std::max<std::int64_t>(1, half / weight.cols());
  for (std::int64_t first = 0; first < weight.rows() && !stream_.failed(); first += block) {
    const MatrixView<T> staged{staging_.data() + turn_ * half, std::min(block, weight.rows() - first), weight.cols()};
    turn_ = 1 - turn_;
    parallel_for(staged.rows, row_chunk(staged.cols), [&](std::int64_t begin, std::int64_t end) {
      weight.dequantize_rows(first + begin, staged.rows_from(begin, end - begin));
    });
    if (!stream_.finish().ok()) return;  // the other half, which is filled next, has been sent
    stream_.upload(to.rows_from(first, staged.rows), staged.data);
  }
}

template <typename T>
void DeviceLayer<T>::reserve(Stream& stream, const ModelConfig& c) {
  const std::int64_t q_width = c.heads * c.head_dim, kv_width = c.kv_heads * c.head_dim;
  const auto matrix = [](std::int64_t rows, std::int64_t cols) { return Parts<T>::padded(rows * cols); };
  const auto vector = [](std::int64_t size) { return Parts<float>::padded(size); };
  matrices_.vector(
      stream, 2 * matrix(q_width, c.hidden) + 2 * matrix(kv_width, c.hidden) + 3 * matrix(c.intermediate, c.hidden));
  vectors_.vector(stream, vector(q_width) + 2 * vector(kv_width) + 2 * vector(c.intermediate) + 6 * vector(c.hidden) +
                              2 * vector(c.head_dim));
}

template <typename T>
void DeviceLayer<T>::read(const LayerWeights& w, WeightUploader<T>& uploader) {
  if (matrices_.data() == nullptr || vectors_.data() == nullptr) return;  // the stream of reserve() says why
  Parts<T> matrices{matrices_.data()};
  Parts<float> vectors{vectors_.data()};
  StoredLut* stored = stored_.data();
  const auto put = [&](const std::vector<float>& values) -> const float* {
    if (values.empty()) return nullptr;
    const auto part = vectors.take(1, static_cast<std::int64_t>(values.size()));
    uploader.upload(values, part);
    return part.data;
  };
  const auto linear = [&](const std::shared_ptr<const LinearWeight>& weight, const std::vector<float>& bias) {
    Linear out;
    if (!weight) return out;
    out.weight = matrices.take(weight->rows(), weight->cols());
    out.bias = put(bias);
    if (const auto* lut = dynamic_cast<const LutWeight*>(weight.get())) {
      uploader.upload(*lut, out.weight, *stored);
      out.codebooks = stored++;
    } else {
      uploader.upload(*weight, out.weight);
    }
    return out;
  };
  q = linear(w.q, w.q_bias);
  k = linear(w.k, w.k_bias);
  v = linear(w.v, w.v_bias);
  o = linear(w.o, w.o_bias);
  gate = linear(w.gate, w.gate_bias);
  up = linear(w.up, w.up_bias);
  down = linear(w.down, w.down_bias);
  attention_norm = put(w.attention_norm);
  attention_norm_bias = put(w.attention_norm_bias);
  mlp_norm = put(w.mlp_norm);
  mlp_norm_bias = put(w.mlp_norm_bias);
  q_norm = put(w.q_norm);
  k_norm = put(w.k_norm);
}

template <typename T>
std::vector<const typename DeviceLayer<T>::Linear*> DeviceLayer<T>::linears() const {
  std::vector<const Linear*> all;
  for (const Linear* linear : {&q, &k, &v, &o, &gate, &up, &down})
    if (linear->weight.data != nullptr) all.push_back(linear);
  return all;
}

template <typename T>
Result<void> DeviceHead<T>::read(const Model& model, const LinearWeight& head, WeightUploader<T>& uploader) {
  SQUEEZE_ASSIGN(const auto norm_values, model.final_norm());
  SQUEEZE_ASSIGN(const auto bias_values, model.final_norm_bias());
  weight = matrix_.matrix(uploader.stream(), head.rows(), head.cols());
  uploader.upload(head, weight);
  norm = norm_.assign(uploader.stream(), std::span<const float>(norm_values)).data;
  norm_bias =
      bias_values.empty() ? nullptr : norm_bias_.assign(uploader.stream(), std::span<const float>(bias_values)).data;
  return uploader.finish();
}

template class WeightUploader<float>;
template class WeightUploader<BFloat16>;
template class DeviceLayer<float>;
template class DeviceLayer<BFloat16>;
template class DeviceHead<float>;
template class DeviceHead<BFloat16>;

}  // namespace squeeze
