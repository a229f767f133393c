#include "formats/synthetic.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <functional>
#include <random>

#include "base/half.hpp"
#include "base/simd.hpp"
#include "base/threads.hpp"
#include "formats/packed_indices.hpp"

namespace squeeze {

namespace {

constexpr std::int64_t kPieceBytes = 8 << 20;   // made at once by all threads, then handed on
constexpr std::int64_t kChunkBytes = 64 << 10;  // made by one thread
constexpr std::size_t kGaussians = 4096;        // about as many values as a row of 16-bit weights has different ones

// Word i of the sequence that `seed` names: the splitmix64 generator, whose words can be made in any order.
SQUEEZE_HOT void random_words(std::uint64_t seed, std::int64_t count, std::uint64_t* out) {
  for (std::int64_t i = 0; i < count; ++i) {
    std::uint64_t z = seed + (static_cast<std::uint64_t>(i) + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    out[i] = z ^ (z >> 31);
  }
}

std::uint64_t random_word(std::uint64_t seed, std::int64_t index) {
  std::uint64_t word = 0;
  random_words(seed + static_cast<std::uint64_t>(index) * 0x9e3779b97f4a7c15u, 1, &word);
  return word;
}

// A sequence of its own for each row: neighbouring seeds would give the same words, moved by one.
std::uint64_t seed_of(std::uint64_t seed, std::int64_t row) { return random_word(random_word(seed, 0), row); }

double uniform(std::uint64_t word) { return static_cast<double>(word >> 11) * 0x1p-53; }

// Drawn once, ascending: entry i is the value below which about i / kGaussians of the weights lie.
const std::array<float, kGaussians>& gaussians() {
  static const std::array<float, kGaussians> sorted = [] {
    std::array<float, kGaussians> values;
    std::mt19937_64 random(1);
    std::normal_distribution<float> normal;
    for (float& value : values) value = normal(random);
    std::ranges::sort(values);
    return values;
  }();
  return sorted;
}

float deviation(std::int64_t cols) { return 1 / std::sqrt(static_cast<float>(cols)); }

// Four values from each random word.
void pick(const std::uint64_t* words, const std::uint16_t* table, std::int64_t count, std::uint16_t* out) {
  for (std::int64_t i = 0; i < count; ++i) out[i] = table[(words[i / 4] >> (16 * (i % 4))) & (kGaussians - 1)];
}

// Fills row `row` of a tensor, `row_bytes` long.
using FillRow = std::function<void(std::int64_t row, std::byte* out)>;

TensorSource row_by_row(std::string name, DType dtype, std::int64_t rows, std::int64_t cols, FillRow fill) {
  const std::int64_t row_bytes = cols * size_of(dtype);
  const auto write = [rows, row_bytes, fill = std::move(fill)](const TensorSource::Sink& sink) -> Result<void> {
    const std::int64_t piece_rows = std::clamp<std::int64_t>(kPieceBytes / row_bytes, 1, rows);
    std::vector<std::byte> piece(static_cast<std::size_t>(piece_rows * row_bytes));
    for (std::int64_t first = 0; first < rows; first += piece_rows) {
      const std::int64_t count = std::min(piece_rows, rows - first);
      parallel_for(count, kChunkBytes / row_bytes, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t r = begin; r < end; ++r) fill(first + r, piece.data() + r * row_bytes);
      });
      SQUEEZE_TRY(sink(std::span(piece).first(static_cast<std::size_t>(count * row_bytes))));
    }
    return {};
  };
  return {std::move(name), dtype, {rows, cols}, write};
}

TensorSource dense(const std::string& name, std::int64_t rows, std::int64_t cols, DType dtype, std::uint64_t seed) {
  std::vector<std::uint16_t> table;
  for (const float value : gaussians()) {
    const float weight = value * deviation(cols);
    table.push_back(dtype == DType::kF16 ? to_half(weight).bits : to_bfloat16(weight).bits);
  }
  return row_by_row(name + ".weight", dtype, rows, cols, [=](std::int64_t row, std::byte* out) {
    thread_local std::vector<std::uint64_t> words;
    words.resize(static_cast<std::size_t>((cols + 3) / 4));
    random_words(seed_of(seed, row), static_cast<std::int64_t>(words.size()), words.data());
    pick(words.data(), table.data(), cols, reinterpret_cast<std::uint16_t*>(out));
  });
}

TensorSource indices(const std::string& name, std::int64_t rows, std::int64_t cols, int bits, std::uint64_t seed) {
  const std::int64_t words_in_row = packed_words(cols, bits);
  const std::int64_t last_bits = cols * bits - 32 * (words_in_row - 1);
  const std::uint32_t last_mask = ~std::uint32_t{0} >> (32 - last_bits);  // behind the last index all bits are zero
  return row_by_row(name + ".qweight", DType::kU32, rows, words_in_row, [=](std::int64_t row, std::byte* out) {
    thread_local std::vector<std::uint64_t> words;
    words.resize(static_cast<std::size_t>((words_in_row + 1) / 2));
    random_words(seed_of(seed, row), static_cast<std::int64_t>(words.size()), words.data());
    auto* packed = reinterpret_cast<std::uint32_t*>(out);
    std::copy_n(reinterpret_cast<const std::byte*>(words.data()), words_in_row * 4, out);
    packed[words_in_row - 1] &= last_mask;
  });
}

TensorSource codebooks(const std::string& name, std::int64_t rows, std::int64_t cols, int bits, std::uint64_t seed) {
  const std::int64_t entries = std::int64_t{1} << bits;
  return row_by_row(name + ".lookup_table", DType::kF16, rows, entries, [=](std::int64_t row, std::byte* out) {
    const auto width = static_cast<float>(0.8 + 0.4 * uniform(seed_of(seed, row))) * deviation(cols);
    auto* table = reinterpret_cast<std::uint16_t*>(out);
    const std::int64_t step = static_cast<std::int64_t>(kGaussians) / entries;
    for (std::int64_t j = 0; j < entries; ++j) table[j] = to_half(width * gaussians()[step * j + step / 2]).bits;
  });
}

// Compressed rows, see formats/csr/sparse_rows.hpp. How many each row keeps must be known before anything is written.
void add_sparse(std::vector<TensorSource>& tensors, const std::string& name, std::int64_t rows, std::int64_t cols,
                double sparsity, std::uint64_t seed) {
  auto row_ptr = std::make_shared<std::vector<std::int32_t>>(1, 0);
  for (std::int64_t r = 0; r < rows; ++r) {
    const double wanted = sparsity * static_cast<double>(cols) * (0.5 + uniform(random_word(seed_of(seed, 0), r)));
    row_ptr->push_back(row_ptr->back() + static_cast<std::int32_t>(std::min<std::int64_t>(std::lround(wanted), cols)));
  }
  const std::int64_t count = row_ptr->back();
  if (count == 0) return;
  const auto per_entry = [&](const char* part, DType dtype,
                             const std::function<std::uint16_t(std::int64_t row, std::int64_t entry)>& make) {
    const auto write = [=](const TensorSource::Sink& sink) -> Result<void> {
      std::vector<std::uint16_t> values(static_cast<std::size_t>(count));
      parallel_for(rows, 64, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t r = first; r < last; ++r)
          for (std::int64_t i = (*row_ptr)[r]; i < (*row_ptr)[r + 1]; ++i) values[i] = make(r, i - (*row_ptr)[r]);
      });
      return sink(std::as_bytes(std::span(values)));
    };
    tensors.push_back({name + part, dtype, {count}, write});
  };
  tensors.push_back({name + ".sparse.row_ptr", DType::kI32, {rows + 1}, [row_ptr](const TensorSource::Sink& sink) {
                       return sink(std::as_bytes(std::span(*row_ptr)));
                     }});
  // One column in each of as many stretches of the row as it keeps weights: ascending, and none twice.
  per_entry(".sparse.col", DType::kU16, [=](std::int64_t row, std::int64_t entry) {
    const std::int64_t kept = (*row_ptr)[row + 1] - (*row_ptr)[row];
    const std::int64_t first = entry * cols / kept, last = (entry + 1) * cols / kept;
    const double at = uniform(random_word(seed_of(seed + 1, row), entry));
    return static_cast<std::uint16_t>(first + static_cast<std::int64_t>(at * static_cast<double>(last - first)));
  });
  per_entry(".sparse.val", DType::kF16, [=](std::int64_t row, std::int64_t entry) {
    const std::uint64_t word = random_word(seed_of(seed + 2, row), entry);
    const float size = (3 + 2 * static_cast<float>(uniform(word))) * deviation(cols);  // in the tails, as outliers are
    return to_half((word & 1) != 0 ? size : -size).bits;
  });
}

}  // namespace

std::vector<TensorSource> synthetic_linear(const std::string& name, std::int64_t rows, std::int64_t cols,
                                           const SyntheticLayout& layout, std::uint64_t seed) {
  assert(cols <= 65'536);
  if (layout.type == SyntheticType::kF16) return {dense(name, rows, cols, DType::kF16, seed)};
  if (layout.type == SyntheticType::kBF16) return {dense(name, rows, cols, DType::kBF16, seed)};
  assert(layout.bits >= kMinBits && layout.bits <= kMaxBits);
  std::vector<TensorSource> tensors = {indices(name, rows, cols, layout.bits, seed_of(seed, 0)),
                                       codebooks(name, rows, cols, layout.bits, seed_of(seed, 1))};
  if (layout.sparsity > 0) add_sparse(tensors, name, rows, cols, layout.sparsity, seed_of(seed, 2));
  return tensors;
}

TensorSource synthetic_norm(const std::string& name, std::int64_t size, std::uint64_t seed) {
  return {name + ".weight", DType::kF16, {size}, [=](const TensorSource::Sink& sink) {
            std::vector<std::uint16_t> values(static_cast<std::size_t>(size));
            for (std::int64_t i = 0; i < size; ++i)
              values[i] = to_half(static_cast<float>(0.9 + 0.2 * uniform(random_word(seed_of(seed, 0), i)))).bits;
            return sink(std::as_bytes(std::span(values)));
          }};
}

Result<std::shared_ptr<const LinearWeight>> synthetic_weight(std::int64_t rows, std::int64_t cols,
                                                             const SyntheticLayout& layout, std::uint64_t seed) {
  SQUEEZE_ASSIGN(const TensorStore store, TensorStore::in_memory(synthetic_linear("w", rows, cols, layout, seed)));
  return load_linear(store, "w", rows, cols);
}

}  // namespace squeeze
