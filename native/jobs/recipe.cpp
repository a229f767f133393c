#include "jobs/recipe.hpp"

#include <cstdio>

namespace squeeze {

Result<const Method*> method_of(const contract::Recipe& recipe) {
  if (const Method* method = method_named(recipe.method)) return method;
  std::string known;
  for (const Method* method : all_methods()) known += (known.empty() ? "" : ", ") + std::string(method->id);
  return Error{.code = ErrorCode::kInvalidRequest,
               .message = "There is no method \"" + recipe.method + "\"; known are " + known + "."};
}

MethodOptions options_of(const contract::Recipe& recipe) {
  MethodOptions options;
  options.bits = static_cast<int>(recipe.bits);
  options.sparsity = recipe.sparsity;
  options.outliers =
      recipe.outliers == contract::RecipeOutliers::kPaper ? OutlierRule::kPaper : OutlierRule::kLossAware;
  options.solver = recipe.solver == contract::RecipeSolver::kExact ? ClusterSolver::kExact : ClusterSolver::kLloyd;
  options.weighting = recipe.weighting == contract::RecipeWeighting::kFisher ? Weighting::kFisher : Weighting::kNone;
  return options;
}

std::string recipe_text(const contract::Recipe& recipe) {
  char sparsity[40];
  std::snprintf(sparsity, sizeof(sparsity), "%.17g", recipe.sparsity);
  return recipe.method + " bits=" + std::to_string(recipe.bits) + " sparsity=" + sparsity +
         " outliers=" + std::string(name_of(recipe.outliers)) + " solver=" + std::string(name_of(recipe.solver)) +
         " weighting=" + std::string(name_of(recipe.weighting));
}

}  // namespace squeeze
