import { readFileSync, statSync } from 'node:fs'
import { recipe as recipeSchema, type Recipe } from '../../shared/contract/sidecar/quantization.ts'
import { PUBLISHED_RECIPE } from '../../shared/recipe/default-recipe.ts'
import { fail } from '../../shared/contract/studio-error.ts'

/** What a file may leave out. It is to mean the same everywhere and later, so nothing is added to what it says. */
const DEFAULTS = { ...PUBLISHED_RECIPE, sparsity: 0 } satisfies Recipe

const MOST_BYTES = 16 * 2 ** 20

/** A recipe as a person edits and shares it: JSON, checked field by field. "$schema" may stand in it. */
export function readRecipe(path: string): Recipe {
  let json: unknown
  try {
    if (statSync(path).size > MOST_BYTES) throw new Error('it is too large to be one')
    json = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error)
    throw fail('file-unreadable', `${path} cannot be read as a recipe: ${what}.`)
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw fail('file-malformed', `${path} is no recipe: it is not a JSON object.`)
  const { $schema: _, ...fields } = json as Record<string, unknown>
  const found = recipeSchema.strict().safeParse({ ...DEFAULTS, ...fields })
  if (found.success) return found.data
  const [first] = found.error.issues
  const place = first?.path.map(String).join('.') ?? ''
  throw fail('file-malformed', `${path} is no recipe: ${place ? `${place}: ` : ''}${first?.message ?? 'malformed'}.`)
}
