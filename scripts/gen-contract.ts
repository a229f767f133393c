/**
 * Makes everything that follows from the contract of the sidecar's wire (src/shared/contract/sidecar): its JSON Schema,
 * its hash, and the sidecar's C++. `--check` writes nothing and fails when a file is not as it would be written.
 */
import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { z } from 'zod'
import { errorInfo } from '../src/shared/contract/errors.ts'
import { PROTOCOL_VERSION, sidecarEvents, sidecarRequests } from '../src/shared/contract/sidecar/index.ts'
import { recipe } from '../src/shared/contract/sidecar/quantization.ts'
import { jsonHeader, jsonSource } from './gen-contract/cpp-json.ts'
import { typesHeader } from './gen-contract/cpp-types.ts'
import type { Contract } from './gen-contract/cpp-types.ts'
import { ContractModel, pascal } from './gen-contract/model.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const contractFolder = join(root, 'src/shared/contract')

function jsonSchemaText(): string {
  const schemaOf = (schema: z.ZodType) => {
    const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'output' })
    return rest
  }
  const entries: [string, unknown][] = [['error', schemaOf(errorInfo)]]
  for (const [method, { params, result }] of Object.entries(sidecarRequests))
    entries.push([`${method}.params`, schemaOf(params)], [`${method}.result`, schemaOf(result)])
  for (const [method, payload] of Object.entries(sidecarEvents)) entries.push([method, schemaOf(payload)])
  const document = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Wire between the studio host and the sidecar',
    description: 'Made by scripts/gen-contract.ts. JSON-RPC 2.0 with Content-Length frames on stdio.',
    'x-protocolVersion': PROTOCOL_VERSION,
    $defs: Object.fromEntries(entries),
  }
  return `${JSON.stringify(document, null, 2)}\n`
}

/** The modules, so that a type is called as the schema is exported. */
async function contractModules(): Promise<Record<string, unknown>[]> {
  const files = readdirSync(join(contractFolder, 'sidecar')).filter((name) => name.endsWith('.ts'))
  const paths = [
    join(contractFolder, 'errors.ts'),
    ...files.sort().map((name) => join(contractFolder, 'sidecar', name)),
  ]
  return Promise.all(paths.map((path) => import(pathToFileURL(path).href) as Promise<Record<string, unknown>>))
}

/** What people write and share as a file: fields that have a default may be missing. */
function recipeSchemaText(): string {
  const { required: _, ...schema } = z.toJSONSchema(recipe, { io: 'input' })
  const title = 'A recipe of Squeeze Studio'
  const properties = { $schema: { type: 'string' }, ...schema.properties }
  return `${JSON.stringify({ ...schema, title, properties, additionalProperties: false }, null, 2)}\n`
}

async function outputs(): Promise<Map<string, string>> {
  const schema = jsonSchemaText()
  const hash = createHash('sha256').update(schema).digest('hex').slice(0, 16)
  const model = new ContractModel(await contractModules())
  const error = model.objectOf(errorInfo, 'errorInfo')
  const contract: Contract = {
    model,
    version: PROTOCOL_VERSION,
    hash,
    calls: Object.entries(sidecarRequests).map(([method, { params, result }]) => ({
      method,
      description: params.description,
      params: model.objectOf(params, `${pascal(method)}Params`),
      result: model.objectOf(result, `${pascal(method)}Result`),
    })),
    events: Object.entries(sidecarEvents).map(([method, payload]) => ({
      method,
      description: payload.description,
      payload: model.objectOf(payload, pascal(method)),
    })),
  }
  const schemaPath = 'src/shared/contract/sidecar.schema.json'
  const style = await resolveConfig(join(root, schemaPath))
  const note = '// Made by scripts/gen-contract.ts; change the contract and run `npm run gen`.'
  return new Map([
    [schemaPath, await format(schema, { ...style, parser: 'json' })],
    ['docs/recipe.schema.json', await format(recipeSchemaText(), { ...style, parser: 'json' })],
    [
      'src/shared/contract/contract-hash.ts',
      `${note}\n/** Names the contract: host and sidecar speak only when theirs are the same. */\nexport const CONTRACT_HASH = '${hash}'\n`,
    ],
    ['native/jobs/contract.gen.hpp', typesHeader(contract)],
    ['native/rpc/contract_json.gen.hpp', jsonHeader(contract)],
    ['native/rpc/contract_json.gen.cpp', jsonSource(contract, error)],
  ])
}

function current(path: string): string | undefined {
  try {
    return readFileSync(join(root, path), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

const check = process.argv.includes('--check')
const stale = [...(await outputs())].filter(([path, text]) => current(path) !== text)
if (check && stale.length > 0) {
  for (const [path] of stale) console.error(`${path} does not follow from the contract; run \`npm run gen\``)
  process.exitCode = 1
} else {
  for (const [path, text] of stale) {
    writeFileSync(join(root, path), text)
    console.log(`wrote ${path}`)
  }
}
