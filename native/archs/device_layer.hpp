#pragma once
// A layer's and a head's weights as they lie on a GPU while whole sequences pass them. T: BFloat16, rounded to nearest
// even from whatever is stored, or float.

#include <array>
#include <span>
#include <vector>

#include "archs/model.hpp"
#include "device/device.hpp"
#include "formats/lut/stored_lut_cuda.hpp"

namespace squeeze {

// Brings stored weights to a GPU on a stream of its own: codebooks and indices as they are stored, decoded there; all
// else decoded on the processor. Another thread than that of the computation may use it.
template <typename T>
class WeightUploader {
 public:
  static Result<WeightUploader> make(int device);
  // Decodes while the block of rows before is on its way.
  void upload(const LinearWeight& weight, DeviceView<T> to);
  // The same; `stored` keeps what has come.
  void upload(const LutWeight& weight, DeviceView<T> to, StoredLut& stored);
  void upload(const std::vector<float>& values, DeviceView<float> to) { stream_.upload(to, values.data()); }
  Result<void> finish() { return stream_.finish(); }
  Stream& stream() { return stream_; }

 private:
  WeightUploader(Stream stream, PinnedArray<T> staging) : stream_(std::move(stream)), staging_(std::move(staging)) {}
  void send(void* to, std::span<const std::byte> from);

  StoredLut passing_;  // of weights that nobody asks for afterwards
  Stream stream_;
  PinnedArray<T> staging_;  // two halves, used in turn
  int turn_ = 0;
};

template <typename T>
class DeviceLayer {
 public:
  struct Linear {
    DeviceView<T> weight = {};  // null where there is none
    const float* bias = nullptr;
    const StoredLut* codebooks = nullptr;  // where it has one a row
  };
  Linear q, k, v, o, gate, up, down;
  // Null where the family has none.
  const float *attention_norm = nullptr, *attention_norm_bias = nullptr, *mlp_norm = nullptr, *mlp_norm_bias = nullptr,
              *q_norm = nullptr, *k_norm = nullptr;

  // Those that the family has, in the order of Model::matrices().
  std::vector<const Linear*> linears() const;

  // Takes memory for any layer of the model; a failure stays in the stream.
  void reserve(Stream& stream, const ModelConfig& config);
  // Takes over `weights`, which must have been read from that model. They have arrived when the uploader has finished.
  void read(const LayerWeights& weights, WeightUploader<T>& uploader);

 private:
  DeviceArray<T> matrices_;
  DeviceArray<float> vectors_;
  std::array<StoredLut, 7> stored_;
};

template <typename T>
class DeviceHead {
 public:
  DeviceView<T> weight = {};  // [V, hidden]
  const float *norm = nullptr, *norm_bias = nullptr;

  // They have arrived when the uploader has finished.
  Result<void> read(const Model& model, const LinearWeight& head, WeightUploader<T>& uploader);

 private:
  DeviceArray<T> matrix_;
  DeviceArray<float> norm_, norm_bias_;
};

}  // namespace squeeze
