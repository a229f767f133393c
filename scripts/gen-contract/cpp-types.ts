/** Shapes as plain C++: enums, structs and the two interfaces between transport and jobs. Knows no JSON. */
import type { ContractModel, Field, NamedShape, ObjectShape, Shape } from './model.ts'
import { pascal } from './model.ts'

const WIDTH = 120

export type Call = { method: string; description: string | undefined; params: ObjectShape; result: ObjectShape }
export type Event = { method: string; description: string | undefined; payload: ObjectShape }

export const snake = (text: string) =>
  text
    .replace(/[^A-Za-z0-9]+/g, '_')
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()

const enumerator = (value: string) => `k${pascal(value)}`

export const cppType = (shape: Shape): string => {
  switch (shape.kind) {
    case 'string':
      return 'std::string'
    case 'boolean':
      return 'bool'
    case 'integer':
      return 'std::int64_t'
    case 'number':
      return 'double'
    case 'array':
      return `std::vector<${cppType(shape.item)}>`
    default:
      return shape.name
  }
}

const comment = (text: string | undefined, indent = ''): string[] => {
  if (!text) return []
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/\s+/)) {
    const longer = line ? `${line} ${word}` : word
    if (line && indent.length + 3 + [...longer].length > WIDTH) {
      lines.push(line)
      line = word
    } else line = longer
  }
  return [...lines, line].map((part) => `${indent}// ${part}`)
}

function limits(shape: Shape): string {
  if (shape.kind === 'integer' || shape.kind === 'number') {
    const low = shape.minimum ?? -Infinity
    const high = shape.maximum === Number.MAX_SAFE_INTEGER ? Infinity : (shape.maximum ?? Infinity)
    if (low > Number.MIN_SAFE_INTEGER && high < Infinity) return ` [${low}, ${high}]`
    if (low > Number.MIN_SAFE_INTEGER) return ` [>= ${low}]`
    if (high < Infinity) return ` [<= ${high}]`
  }
  if (shape.kind === 'array' && (shape.minItems || shape.maxItems !== undefined))
    return ` [${shape.minItems}..${shape.maxItems ?? 'any number of'} items]`
  return ''
}

function fieldLines(field: Field): string[] {
  const base = cppType(field.shape)
  const type = field.optional ? `std::optional<${base}>` : base
  const about = `${field.description ?? ''}${limits(field.shape)}`.trim()
  return [...comment(about, '  '), `  ${type} ${snake(field.name)} = {};`]
}

/** `errorCode` is the one enum that stands in base/, since every layer returns it; the others are written here. */
function enumLines(shape: NamedShape & { kind: 'enum' }, errorCode: string): string[] {
  const own = shape.name !== errorCode
  const values = shape.values.map(enumerator)
  const param = snake(shape.name)
  const lines = comment(shape.description)
  if (own) lines.push(`enum class ${shape.name} { ${values.join(', ')} };`)
  else {
    lines.push(`using squeeze::${shape.name};`)
    values.forEach((value, index) => {
      lines.push(
        `static_assert(static_cast<int>(${shape.name}::${value}) == ${index}, "base and the contract differ");`,
      )
    })
  }
  lines.push(
    '',
    `constexpr std::string_view name_of(${shape.name} value) {`,
    '  switch (value) {',
    ...shape.values.map((value) => `    case ${shape.name}::${enumerator(value)}: return "${value}";`),
    '  }',
    '  return {};',
    '}',
    '',
    `constexpr std::optional<${shape.name}> ${param}_named(std::string_view name) {`,
    ...shape.values.map((value) => `  if (name == "${value}") return ${shape.name}::${enumerator(value)};`),
    '  return std::nullopt;',
    '}',
  )
  return lines
}

function objectLines(shape: ObjectShape): string[] {
  const tag = shape.tag ? [`  static constexpr std::string_view ${snake(shape.tag.field)} = "${shape.tag.value}";`] : []
  return [
    ...comment(shape.description),
    `struct ${shape.name} {`,
    ...tag,
    ...shape.fields.flatMap((field) => fieldLines(field)),
    '};',
  ]
}

function namedLines(shape: NamedShape, errorCode: string): string[] {
  if (shape.kind === 'enum') return enumLines(shape, errorCode)
  if (shape.kind === 'object') return objectLines(shape)
  const options = shape.options.map((option) => option.name)
  return [...comment(shape.description), `using ${shape.name} = std::variant<${options.join(', ')}>;`]
}

export type Contract = { model: ContractModel; calls: Call[]; events: Event[]; version: number; hash: string }

export function typesHeader({ model, calls, events, version, hash }: Contract): string {
  return [
    '#pragma once',
    '// Made by scripts/gen-contract.ts from src/shared/contract/sidecar; change that and run `npm run gen`.',
    '// clang-format off',
    '',
    '#include <cstdint>',
    '#include <optional>',
    '#include <string>',
    '#include <string_view>',
    '#include <variant>',
    '#include <vector>',
    '',
    '#include "base/result.hpp"',
    '',
    'namespace squeeze::contract {',
    '',
    `inline constexpr std::int64_t kProtocolVersion = ${version};`,
    `inline constexpr std::string_view kContractHash = "${hash}";`,
    '',
    ...model.named.flatMap((shape) => [...namedLines(shape, 'ErrorCode'), '']),
    '// What the host may ask. Each answers from the thread that calls it.',
    'class Requests {',
    ' public:',
    '  virtual ~Requests() = default;',
    ...calls.flatMap((call) => [
      ...comment(`${call.method}${call.description ? `: ${call.description}` : ''}`, '  '),
      `  virtual Result<${call.result.name}> ${snake(call.method)}(const ${call.params.name}& params) = 0;`,
    ]),
    '};',
    '',
    '// What the sidecar tells the host, unasked. May be called from any thread.',
    'class Events {',
    ' public:',
    '  virtual ~Events() = default;',
    ...events.flatMap((event) => [
      ...comment(`${event.method}${event.description ? `: ${event.description}` : ''}`, '  '),
      `  virtual void ${snake(event.method)}(const ${event.payload.name}& event) = 0;`,
    ]),
    '};',
    '',
    '}  // namespace squeeze::contract',
    '',
  ].join('\n')
}
