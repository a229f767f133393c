#pragma once
// The recipe of the contract in the terms of native/methods.

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "jobs/contract.gen.hpp"
#include "methods/method.hpp"

namespace squeeze {

inline constexpr std::int64_t kKeptBits = 16;  // of a matrix that stays as it is

// The method that a recipe names, or kInvalidRequest with the list of those there are.
Result<const Method*> method_of(const contract::Recipe& recipe);

// Refuses what no model can be given: overrides with widths that there are not, or that say nothing; groups too short;
// widths of embedding and head other than 4, 8 and 16.
Result<void> check_recipe(const contract::Recipe& recipe);

// Steps of refinement, 0 for none.
inline std::int64_t refinement_steps(const contract::Recipe& recipe) { return recipe.refine.value_or(0); }

// What one matrix (named without ".weight") gets; nothing when the recipe keeps it as it is.
std::optional<MethodOptions> options_of(const contract::Recipe& recipe, std::string_view matrix);

// True where embedding or head are not to stay as they are.
bool squeezes_outside(const contract::Recipe& recipe);

// True when the whole text is what the pattern says: * stands for any characters, also none, ? for one.
bool matches(std::string_view pattern, std::string_view text);

// A recipe as one line of text, the same for recipes that squeeze each matrix alike: part of what names the inputs of a
// run. Refinement comes after that, and is no part of it.
std::string recipe_text(const contract::Recipe& recipe);

}  // namespace squeeze
