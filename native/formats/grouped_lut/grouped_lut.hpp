#pragma once
// One codebook for each block of neighbouring rows and columns, and an index into it per weight:
//   <name>.qweight    U32 [N, ceil(K·b/32)]  b-bit indices, see formats/packed_indices.hpp
//   <name>.codebooks  F16 [R, G, 2^b]        of the blocks that codebook_grid.hpp cuts; R down, G across
//   <name>.sparse.*   optional, see formats/csr/sparse_rows.hpp: added to the looked-up value in fp32
// b = 2..8 and the blocks follow from the shape of the codebooks. One codebook a row is lut (formats/lut), not this.

#include "base/half.hpp"
#include "formats/csr/sparse_rows.hpp"
#include "formats/format.hpp"
#include "formats/grouped_lut/codebook_grid.hpp"

namespace squeeze {

// indices [N, K] < 2^bits, tables [R·G, 2^bits]; sparse may be null or empty, and is then left out.
std::vector<OwnedTensor> grouped_lut_tensors(const std::string& name, int bits, const CodebookGrid& grid,
                                             MatrixView<const std::uint8_t> indices, MatrixView<const Half> tables,
                                             const SparseRows* sparse);

}  // namespace squeeze
