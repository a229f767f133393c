#pragma once
// Reading text on a GPU.

#include <memory>

#include "archs/device_model.hpp"
#include "eval/text_reader.hpp"

namespace squeeze {

// Weights lie on the device as they are stored (codebooks and indices, or 16-bit floats), beside a cache for `context`
// tokens in fp16. kDeviceUnavailable where there is no such device; kOutOfMemory, naming what is needed and what is
// free, where it has no room.
Result<std::unique_ptr<TextReader>> make_device_reader(const std::shared_ptr<const Model>& model, std::int64_t context,
                                                       int device = 0);
// Of a model that is put together by somebody else.
Result<std::unique_ptr<TextReader>> make_device_reader(const DeviceModel::Source& source, std::int64_t context,
                                                       int device = 0);

}  // namespace squeeze
