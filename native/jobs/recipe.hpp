#pragma once
// The recipe of the contract in the terms of native/methods.

#include "base/result.hpp"
#include "jobs/contract.gen.hpp"
#include "methods/method.hpp"

namespace squeeze {

// The method that a recipe names, or kInvalidRequest with the list of those there are.
Result<const Method*> method_of(const contract::Recipe& recipe);

MethodOptions options_of(const contract::Recipe& recipe);

// A recipe as one line of text, the same for equal recipes: part of what names the inputs of a run.
std::string recipe_text(const contract::Recipe& recipe);

}  // namespace squeeze
