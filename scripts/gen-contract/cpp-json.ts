/** Decoders of what the host sends, encoders of what the sidecar sends, and the table of methods. */
import { cppType, snake } from './cpp-types.ts'
import type { Contract } from './cpp-types.ts'
import type { NamedShape, ObjectShape, Shape } from './model.ts'

/** Every named shape inside `roots`, what is needed first. */
function reachable(all: NamedShape[], roots: Shape[]): NamedShape[] {
  const found = new Set<Shape>()
  const visit = (shape: Shape) => {
    if (found.has(shape)) return
    found.add(shape)
    if (shape.kind === 'array') visit(shape.item)
    if (shape.kind === 'object') shape.fields.forEach((field) => visit(field.shape))
    if (shape.kind === 'union') shape.options.forEach(visit)
  }
  roots.forEach(visit)
  return all.filter((shape) => found.has(shape))
}

const real = (value: number | undefined, absent: string) => {
  if (value === undefined) return absent
  return Number.isInteger(value) ? `${value}.0` : String(value)
}

/** An expression that reads the JSON `v` at the path `at`. */
function decodeExpression(shape: Shape): string {
  switch (shape.kind) {
    case 'string':
      return 'read_string(v, at)'
    case 'boolean':
      return 'read_boolean(v, at)'
    case 'integer':
      return `read_integer(v, at, ${shape.minimum ?? 'kMinSafe'}, ${shape.maximum ?? 'kMaxSafe'})`
    case 'number':
      return `read_number(v, at, ${real(shape.minimum, '-kInfinity')}, ${real(shape.maximum, 'kInfinity')})`
    case 'array': {
      const most = shape.maxItems ?? 'kMaxSafe'
      const item = `[](const auto& v, const auto& at) { return ${decodeExpression(shape.item)}; }`
      return `read_array<${cppType(shape.item)}>(v, at, ${shape.minItems}, ${most}, ${item})`
    }
    default:
      return `decode_${snake(shape.name)}(v, at)`
  }
}

function decoder(shape: NamedShape): string[] {
  const head = `Result<${shape.name}> decode_${snake(shape.name)}(const json& value, const JsonPath& path) {`
  if (shape.kind === 'union')
    throw new Error(`${shape.name}: the generator reads no unions, they only travel to the host`)
  if (shape.kind === 'enum') {
    const names = shape.values.map((name) => `"${name}"`).join(', ')
    return [head, `  return read_enum<${shape.name}>(value, path, ${snake(shape.name)}_named, {${names}});`, '}', '']
  }
  if (shape.tag) throw new Error(`${shape.name}: the generator reads no literals, they only travel to the host`)
  const names = shape.fields.map((field) => `"${field.name}"`).join(', ')
  return [
    head,
    `  SQUEEZE_TRY(expect_fields(value, path, {${names}}));`,
    `  ${shape.name} out;`,
    ...shape.fields.map((field) => {
      const read = field.optional ? 'read_optional_field' : 'read_field'
      const item = `[](const auto& v, const auto& at) { return ${decodeExpression(field.shape)}; }`
      return `  SQUEEZE_TRY(${read}(value, path, "${field.name}", out.${snake(field.name)}, ${item}));`
    }),
    '  return out;',
    '}',
    '',
  ]
}

function encodeExpression(shape: Shape, value: string, path: string): string {
  switch (shape.kind) {
    case 'string':
    case 'boolean':
    case 'integer':
      return `json(${value})`
    case 'number':
      return `write_number(${value}, ${path}, bad)`
    case 'array':
      if (isPlain(shape.item)) return `json(${value})`
      return `write_array(${value}, ${path}, [&](const auto& item, const JsonPath& at) { return ${encodeExpression(shape.item, 'item', 'at')}; })`
    case 'enum':
      return `json(name_of(${value}))`
    default:
      return `encode(${value}, ${path}, bad)`
  }
}

function encoder(shape: NamedShape): string[] {
  if (shape.kind === 'enum') return []
  const head = `json encode(const ${shape.name}& value, const JsonPath& path, std::optional<Error>& bad) {`
  if (shape.kind === 'union')
    return [head, '  return std::visit([&](const auto& option) { return encode(option, path, bad); }, value);', '}', '']
  const unused = shape.fields.every((field) => !usesPath(field.shape))
  return [
    unused ? head.replace('& path,', '&,').replace('& bad)', '&)') : head,
    '  json out = json::object();',
    ...(shape.tag ? [`  out["${shape.tag.field}"] = ${shape.name}::${snake(shape.tag.field)};`] : []),
    ...shape.fields.map((field) => {
      const member = `value.${snake(field.name)}`
      const at = `JsonPath(path, "${field.name}")`
      if (!field.optional) return `  out["${field.name}"] = ${encodeExpression(field.shape, member, at)};`
      return `  if (${member}) out["${field.name}"] = ${encodeExpression(field.shape, `*${member}`, at)};`
    }),
    '  return out;',
    '}',
    '',
  ]
}

/** What JSON can say whatever its value, so that nothing need be checked item by item. */
function isPlain({ kind }: Shape): boolean {
  return kind === 'string' || kind === 'integer' || kind === 'boolean'
}

function usesPath(shape: Shape): boolean {
  if (shape.kind === 'array') return !isPlain(shape.item)
  return shape.kind === 'number' || shape.kind === 'object' || shape.kind === 'union'
}

const note = '// Made by scripts/gen-contract.ts from src/shared/contract/sidecar; change that and run `npm run gen`.'

export function jsonHeader({ calls, events }: Contract): string {
  const sent: ObjectShape[] = [...calls.map((call) => call.result), ...events.map((event) => event.payload)]
  const names = [...new Set(['ErrorInfo', ...sent.map((shape) => shape.name)])]
  const params = [...new Set(calls.map((call) => call.params.name))]
  return [
    '#pragma once',
    note,
    '// clang-format off',
    '',
    '#include "jobs/contract.gen.hpp"',
    '#include "rpc/json_codec.hpp"',
    '',
    'namespace squeeze::contract {',
    '',
    '// Strict: unknown, missing and mistyped fields and values out of range are refused by their path.',
    ...params.map(
      (name) => `Result<${name}> decode_${snake(name)}(const nlohmann::json& value, const JsonPath& path);`,
    ),
    '',
    '// A number that is not finite is an internal error that names the field.',
    ...names.map((name) => `Result<nlohmann::json> to_json(const ${name}& value);`),
    '',
    '// Reads the params, asks `requests`, writes the result. kMethodNotFound when there is no such method.',
    'CallOutcome dispatch(Requests& requests, std::string_view method, const nlohmann::json& params);',
    '',
    '// Writes each event as JSON and hands it to send().',
    'class EventEncoder : public Events {',
    ' public:',
    ...events.map((event) => `  void ${snake(event.method)}(const ${event.payload.name}& event) override;`),
    '',
    ' protected:',
    '  virtual void send(std::string_view method, Result<nlohmann::json> payload) = 0;',
    '};',
    '',
    '}  // namespace squeeze::contract',
    '',
  ].join('\n')
}

export function jsonSource({ model, calls, events }: Contract, errorInfo: ObjectShape): string {
  const sent: ObjectShape[] = [errorInfo, ...calls.map((call) => call.result), ...events.map((event) => event.payload)]
  const names = [...new Set(sent.map((shape) => shape.name))]
  const read = reachable(
    model.named,
    calls.map((call) => call.params),
  )
  return [
    note,
    '// clang-format off',
    '#include "rpc/contract_json.gen.hpp"',
    '',
    'namespace squeeze::contract {',
    '',
    'using nlohmann::json;',
    '',
    'namespace {',
    '',
    ...read.filter((shape) => !calls.some((call) => call.params === shape)).flatMap((shape) => decoder(shape)),
    ...reachable(model.named, sent).flatMap((shape) => encoder(shape)),
    '}  // namespace',
    '',
    ...read.filter((shape) => calls.some((call) => call.params === shape)).flatMap((shape) => decoder(shape)),
    ...names.flatMap((name) => [
      `Result<json> to_json(const ${name}& value) {`,
      `  return encoded([&](std::optional<Error>& bad) { return encode(value, JsonPath("${name}"), bad); });`,
      '}',
      '',
    ]),
    'CallOutcome dispatch(Requests& requests, std::string_view method, const json& params) {',
    '  const JsonPath path("params");',
    ...calls.flatMap((call) => [
      `  if (method == "${call.method}")`,
      `    return call(decode_${snake(call.params.name)}(params, path), [&](const auto& p) { return requests.${snake(call.method)}(p); },`,
      `                [](const auto& result) { return to_json(result); });`,
    ]),
    '  return method_not_found(method);',
    '}',
    '',
    ...events.flatMap((event) => [
      `void EventEncoder::${snake(event.method)}(const ${event.payload.name}& event) { send("${event.method}", to_json(event)); }`,
    ]),
    '',
    '}  // namespace squeeze::contract',
    '',
  ].join('\n')
}
