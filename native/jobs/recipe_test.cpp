#include "jobs/recipe.hpp"

#include <doctest/doctest.h>

using namespace squeeze;

TEST_CASE("recipe: patterns take the whole name, with * for any characters and ? for one") {
  CHECK(matches("*", ""));
  CHECK(matches("*.down_proj", "model.layers.0.mlp.down_proj"));
  CHECK_FALSE(matches("*.down", "model.layers.0.mlp.down_proj"));
  CHECK(matches("model.layers.?.*", "model.layers.1.mlp.up_proj"));
  CHECK_FALSE(matches("model.layers.?.*", "model.layers.12.mlp.up_proj"));
  CHECK(matches("*a*b*", "xaayybz"));
  CHECK_FALSE(matches("*a*b", "ab_"));
  CHECK_FALSE(matches("", "a"));
  CHECK(matches("**", "a*"));
  CHECK(matches("a*", "a*b"));
}

TEST_CASE("recipe: the last override that names a field counts, and 16 bits keep a matrix") {
  contract::Recipe recipe = {.method = "squeezellm", .bits = 3, .sparsity = 0.01};
  recipe.overrides = {{.match = "*.q", .bits = 4, .sparsity = {}},
                      {.match = "a.*", .bits = {}, .sparsity = 0.0},
                      {.match = "b.*", .bits = 16, .sparsity = {}},
                      {.match = "b.q", .bits = 2, .sparsity = {}}};
  const auto of = [&](const char* name) { return options_of(recipe, name); };
  REQUIRE(of("a.q").has_value());
  CHECK(of("a.q")->bits == 4);
  CHECK(of("a.q")->sparsity == 0);
  CHECK(of("c.k")->bits == 3);
  CHECK(of("c.k")->sparsity == 0.01);
  CHECK_FALSE(of("b.k").has_value());
  CHECK(of("b.q")->bits == 2);
}

TEST_CASE("recipe: overrides that cannot be are refused by their place") {
  contract::Recipe recipe = {.method = "squeezellm", .bits = 3};
  CHECK(check_recipe(recipe).ok());
  recipe.overrides = {{.match = "*", .bits = 3, .sparsity = {}}, {.match = "x", .bits = 9, .sparsity = {}}};
  const auto wide = check_recipe(recipe);
  REQUIRE_FALSE(wide.ok());
  CHECK(wide.error().message.starts_with("recipe.overrides[1] (\"x\") asks for 9 bits"));
  recipe.overrides = std::vector<contract::RecipeOverride>{{.match = "x", .bits = {}, .sparsity = {}}};
  CHECK_FALSE(check_recipe(recipe).ok());
}

TEST_CASE(
    "recipe: blocks of codebooks, embedding and head: what there is not is refused, and defaults change no name") {
  const contract::Recipe plain = {.method = "squeezellm", .bits = 3};
  contract::Recipe recipe = plain;
  CHECK(options_of(recipe, "a")->share == 1);
  recipe.group = 0, recipe.share = 1, recipe.embedding_bits = 16, recipe.head_bits = 16;
  CHECK(recipe_text(recipe) == recipe_text(plain));
  CHECK_FALSE(squeezes_outside(recipe));
  recipe.group = 64, recipe.share = 4, recipe.embedding_bits = 8;
  CHECK(check_recipe(recipe).ok());
  CHECK(squeezes_outside(recipe));
  CHECK(options_of(recipe, "a")->group == 64);
  CHECK(options_of(recipe, "a")->share == 4);
  CHECK(recipe_text(recipe) == recipe_text(plain) + "; group=64; share=4; embedding_bits=8");
  const auto refusal = [](contract::Recipe wrong) {
    const auto checked = check_recipe(wrong);
    return checked.ok() ? std::string() : checked.error().message;
  };
  recipe.group = 31;
  CHECK(refusal(recipe).starts_with("recipe.group is 31;"));
  recipe.group = 32, recipe.head_bits = 5;
  CHECK(refusal(recipe).starts_with("recipe.headBits is 5;"));
  recipe.head_bits = 4, recipe.share = 0;
  CHECK(refusal(recipe).starts_with("recipe.share is 0;"));
}

TEST_CASE("recipe: overrides are part of what names the inputs of a run") {
  contract::Recipe plain = {.method = "squeezellm", .bits = 3}, mixed = plain;
  mixed.overrides = std::vector<contract::RecipeOverride>{{.match = "*.q", .bits = 4, .sparsity = 0.0045}};
  CHECK(recipe_text(mixed) == recipe_text(plain) + "; *.q bits=4 sparsity=0.0044999999999999997");
}
