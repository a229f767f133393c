#include "jobs/recipe.hpp"

#include <cstdio>

#include "formats/packed_indices.hpp"

namespace squeeze {

Result<const Method*> method_of(const contract::Recipe& recipe) {
  if (const Method* method = method_named(recipe.method)) return method;
  std::string known;
  for (const Method* method : all_methods()) known += (known.empty() ? "" : ", ") + std::string(method->id);
  return Error{.code = ErrorCode::kInvalidRequest,
               .message = "There is no method \"" + recipe.method + "\"; known are " + known + "."};
}

namespace {

Result<void> check_overrides(const contract::Recipe& recipe) {
  if (!recipe.overrides) return {};
  for (std::size_t i = 0; i < recipe.overrides->size(); ++i) {
    const contract::RecipeOverride& override = (*recipe.overrides)[i];
    const auto refuse = [&](const std::string& what) {
      return Error{.code = ErrorCode::kInvalidRequest,
                   .message = "recipe.overrides[" + std::to_string(i) + "] (\"" + override.match + "\") " + what};
    };
    if (!override.bits && !override.sparsity) return refuse("names neither bits nor sparsity.");
    if (override.bits && *override.bits > kMaxBits && *override.bits != kKeptBits)
      return refuse("asks for " + std::to_string(*override.bits) + " bits; there are 2 to 8, and 16 to keep a matrix.");
  }
  return {};
}

Error not_recipe(const std::string& field, std::int64_t value, const std::string& what) {
  return {.code = ErrorCode::kInvalidRequest,
          .message = "recipe." + field + " is " + std::to_string(value) + "; " + what + "."};
}

Result<void> check_outside(const std::optional<std::int64_t>& bits, const std::string& field) {
  if (!bits || *bits == 4 || *bits == 8 || *bits == kKeptBits) return {};
  return not_recipe(field, *bits, "there are 4 and 8 bits, and 16 to keep it");
}

}  // namespace

Result<void> check_recipe(const contract::Recipe& recipe) {
  SQUEEZE_TRY(check_overrides(recipe));
  if (recipe.group && *recipe.group != 0 && *recipe.group < kMinGroup)
    return not_recipe("group", *recipe.group,
                      "a codebook serves " + std::to_string(kMinGroup) + " weights of a row or more, or 0 for all");
  if (recipe.share && *recipe.share < 1) return not_recipe("share", *recipe.share, "a codebook serves one row or more");
  SQUEEZE_TRY(check_outside(recipe.embedding_bits, "embeddingBits"));
  return check_outside(recipe.head_bits, "headBits");
}

bool squeezes_outside(const contract::Recipe& recipe) {
  return recipe.embedding_bits.value_or(kKeptBits) != kKeptBits || recipe.head_bits.value_or(kKeptBits) != kKeptBits;
}

bool matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = pattern.npos, resumed = 0;
  while (t < text.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t]) && pattern[p] != '*') {
      ++p, ++t;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resumed = t;
    } else if (star != pattern.npos) {
      p = star + 1;
      t = ++resumed;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::optional<MethodOptions> options_of(const contract::Recipe& recipe, std::string_view matrix) {
  MethodOptions options;
  std::int64_t bits = recipe.bits;
  options.sparsity = recipe.sparsity;
  if (recipe.overrides)
    for (const contract::RecipeOverride& override : *recipe.overrides) {
      if (!matches(override.match, matrix)) continue;
      if (override.bits) bits = *override.bits;
      if (override.sparsity) options.sparsity = *override.sparsity;
    }
  if (bits == kKeptBits) return std::nullopt;
  options.bits = static_cast<int>(bits);
  options.outliers =
      recipe.outliers == contract::RecipeOutliers::kPaper ? OutlierRule::kPaper : OutlierRule::kLossAware;
  options.solver = recipe.solver == contract::RecipeSolver::kExact ? ClusterSolver::kExact : ClusterSolver::kLloyd;
  options.weighting = recipe.weighting == contract::RecipeWeighting::kFisher ? Weighting::kFisher : Weighting::kNone;
  options.group = recipe.group.value_or(0);
  options.share = recipe.share.value_or(1);
  return options;
}

std::string recipe_text(const contract::Recipe& recipe) {
  const auto exact = [](double value) {
    char text[40];
    std::snprintf(text, sizeof(text), "%.17g", value);
    return std::string(text);
  };
  std::string text = recipe.method + " bits=" + std::to_string(recipe.bits) + " sparsity=" + exact(recipe.sparsity) +
                     " outliers=" + std::string(name_of(recipe.outliers)) +
                     " solver=" + std::string(name_of(recipe.solver)) +
                     " weighting=" + std::string(name_of(recipe.weighting));
  if (recipe.overrides)
    for (const contract::RecipeOverride& override : *recipe.overrides)
      text += "; " + override.match + (override.bits ? " bits=" + std::to_string(*override.bits) : "") +
              (override.sparsity ? " sparsity=" + exact(*override.sparsity) : "");
  const auto add = [&](const char* field, std::optional<std::int64_t> value, std::int64_t usual) {
    if (value && *value != usual) text += std::string("; ") + field + "=" + std::to_string(*value);
  };
  add("group", recipe.group, 0);
  add("share", recipe.share, 1);
  add("embedding_bits", recipe.embedding_bits, kKeptBits);
  add("head_bits", recipe.head_bits, kKeptBits);
  return text;
}

}  // namespace squeeze
