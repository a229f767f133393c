/**
 * Reads zod schemas into the few shapes that the wire uses. Whatever has no shape here is refused by name, so that a
 * contract that the sidecar could not hold to is noticed when it is written.
 */
import { z } from 'zod'

export type Shape =
  | { kind: 'string' | 'boolean' }
  | { kind: 'integer' | 'number'; minimum: number | undefined; maximum: number | undefined }
  | { kind: 'array'; item: Shape; minItems: number; maxItems: number | undefined }
  | EnumShape
  | ObjectShape
  | UnionShape

export type EnumShape = { kind: 'enum'; name: string; description: string | undefined; values: string[] }

export type Field = { name: string; description: string | undefined; optional: boolean; shape: Shape }

/** `tag` is the value of the discriminator when the object is an option of a union. */
export type ObjectShape = {
  kind: 'object'
  name: string
  description: string | undefined
  fields: Field[]
  tag: { field: string; value: string } | undefined
}

export type UnionShape = { kind: 'union'; name: string; description: string | undefined; options: ObjectShape[] }

export type NamedShape = EnumShape | ObjectShape | UnionShape

export const pascal = (text: string) =>
  text.replace(/(^|[^A-Za-z0-9]+)([A-Za-z0-9])/g, (_, _gap, letter: string) => letter.toUpperCase())

/**
 * Turns schemas into shapes; a schema met twice gives the same object. A schema is known by its definition, which it
 * shares with the copies that `.describe()` makes of it for single fields.
 */
export class ContractModel {
  /** Every enum, object and union met so far; what a shape needs comes before it. */
  readonly named: NamedShape[] = []
  private readonly exported = new Map<unknown, { name: string; schema: z.ZodType }>()
  private readonly shapes = new Map<unknown, Shape>()

  /** @param modules the contract's modules: an exported schema gives its type the export's name. */
  constructor(modules: Record<string, unknown>[]) {
    for (const module of modules)
      for (const [name, value] of Object.entries(module))
        if (value instanceof z.ZodType) this.exported.set(value._zod.def, { name: pascal(name), schema: value })
  }

  /** @param path where the schema stands, for messages and for the names of schemas that are not exported. */
  shapeOf(schema: z.core.$ZodType, path: string): Shape {
    const { def } = schema._zod
    const known = this.shapes.get(def)
    if (known) return known
    const shape = this.read(this.exported.get(def)?.schema ?? schema, path)
    this.shapes.set(def, shape)
    return shape
  }

  objectOf(schema: z.core.$ZodType, path: string): ObjectShape {
    const shape = this.shapeOf(schema, path)
    if (shape.kind !== 'object') throw new Error(`${path}: expected an object, found ${shape.kind}`)
    return shape
  }

  private read(schema: z.core.$ZodType, path: string): Shape {
    const { def } = (schema as z.core.$ZodTypes)._zod
    switch (def.type) {
      case 'string':
        constraints(schema, path, [])
        return { kind: 'string' }
      case 'boolean':
        return { kind: 'boolean' }
      case 'number': {
        const found = constraints(schema, path, ['minimum', 'maximum'])
        return {
          kind: found.type === 'integer' ? 'integer' : 'number',
          minimum: found.minimum,
          maximum: found.maximum,
        }
      }
      case 'array': {
        const found = constraints(schema, path, ['minItems', 'maxItems', 'items'])
        const item = this.shapeOf(def.element, `${path}Item`)
        return { kind: 'array', item, minItems: found.minItems ?? 0, maxItems: found.maxItems }
      }
      case 'enum': {
        const values = Object.values(def.entries).map(String)
        return this.add({ kind: 'enum', name: this.nameOf(schema, path), description: describe(schema), values })
      }
      case 'object':
        return this.readObject(schema, def, path)
      case 'union':
        return this.readUnion(schema, def, path)
      default:
        throw new Error(`${path}: the generator has no C++ for "${def.type}"`)
    }
  }

  private readObject(schema: z.core.$ZodType, def: z.core.$ZodObjectDef, path: string): ObjectShape {
    const name = this.nameOf(schema, path)
    const fields: Field[] = []
    let tag: ObjectShape['tag']
    for (const [field, value] of Object.entries(def.shape)) {
      const at = `${name}${pascal(field)}`
      const fieldDef = (value as z.core.$ZodTypes)._zod.def
      if (fieldDef.type === 'literal') {
        if (tag) throw new Error(`${at}: only one literal, the discriminator, is supported`)
        tag = { field, value: String(fieldDef.values[0]) }
        continue
      }
      const optional = fieldDef.type === 'optional'
      const inner = optional ? fieldDef.innerType : value
      const description = describe(value) ?? describe(inner)
      fields.push({ name: field, description, optional, shape: this.shapeOf(inner, at) })
    }
    return this.add({ kind: 'object', name, description: describe(schema), fields, tag })
  }

  private readUnion(schema: z.core.$ZodType, def: z.core.$ZodUnionDef, path: string): UnionShape {
    const name = this.nameOf(schema, path)
    const options = def.options.map((option, index) => this.objectOf(option, `${name}${index}`))
    for (const option of options)
      if (!option.tag) throw new Error(`${path}: ${option.name} has no literal to tell it apart by`)
    return this.add({ kind: 'union', name, description: describe(schema), options })
  }

  private nameOf(schema: z.core.$ZodType, path: string): string {
    return this.exported.get(schema._zod.def)?.name ?? pascal(path)
  }

  private add<T extends NamedShape>(shape: T): T {
    const clash = this.named.find((other) => other.name === shape.name)
    if (clash) throw new Error(`two types are called ${shape.name}; export one of them under its own name`)
    this.named.push(shape)
    return shape
  }
}

function describe(schema: z.core.$ZodType): string | undefined {
  return (schema as z.ZodType).description
}

type Constraints = {
  type?: string
  minimum?: number
  maximum?: number
  minItems?: number
  maxItems?: number
}

/** The schema's limits by way of its JSON Schema, which says all of them; those that are not in `allowed` are refused. */
function constraints(schema: z.core.$ZodType, path: string, allowed: string[]): Constraints {
  const json = z.toJSONSchema(schema, { io: 'output' }) as Record<string, unknown>
  for (const key of Object.keys(json))
    if (!['$schema', 'type', 'description', ...allowed].includes(key))
      throw new Error(`${path}: the generator has no C++ for "${key}"`)
  return json
}
