#include "jobs/export_job.hpp"

#include <chrono>

#include "jobs/export_formats.hpp"
#include "jobs/manifest.hpp"
#include "jobs/output.hpp"

namespace squeeze {

namespace fs = std::filesystem;

namespace {

Result<std::int64_t> write_export(const Model& model, contract::ExportFormat format, const fs::path& folder,
                                  RunContext& context) {
  SQUEEZE_TRY(make_folder(folder));
  SQUEEZE_TRY(copy_companions(model.folder(), folder));
  if (format == contract::ExportFormat::kSqueezellm) {
    SQUEEZE_ASSIGN(const SqueezellmExport found, squeezellm_tensors(model));
    SQUEEZE_TRY(write_dense_config(model.folder(), folder, ""));
    SQUEEZE_TRY(write_squeezellm_config(folder, found.bits));
    return write_model(folder, found.tensors, context);
  }
  const bool bfloat16 = format == contract::ExportFormat::kHfBf16;
  SQUEEZE_ASSIGN(const auto tensors, dense_tensors(model, bfloat16 ? DType::kBF16 : DType::kF16));
  SQUEEZE_TRY(write_dense_config(model.folder(), folder, bfloat16 ? "bfloat16" : "float16"));
  return write_model(folder, tensors, context);
}

}  // namespace

Result<contract::ExportResult> run_export(const contract::ExportStartParams& params, RunContext& context) {
  const auto begun = std::chrono::steady_clock::now();
  SQUEEZE_ASSIGN(const OutputClaim claim, OutputClaim::take(params.out));
  SQUEEZE_ASSIGN(const auto model, Model::open(params.model));
  context.stage("Exporting", 1);
  // An export is quickly made again, so unfinished ones are not kept. What else stands in "<out>.partial" stays.
  const fs::path partial = partial_of(params.out) / "export";
  std::error_code code;
  fs::remove_all(partial, code);
  const auto size_bytes = write_export(*model, params.format, partial, context);
  Result<void> published = size_bytes.ok() ? publish(partial, params.out) : Result<void>(size_bytes.error());
  fs::remove_all(partial, code);
  fs::remove(partial_of(params.out), code);  // which fails while anything is in it
  if (!published.ok()) return std::move(published).error();
  return contract::ExportResult{
      .out = params.out,
      .format = params.format,
      .size_bytes = size_bytes.value(),
      .duration_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun).count()};
}

}  // namespace squeeze
