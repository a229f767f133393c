import { join } from 'node:path'
import { mkdirSync } from 'node:fs'
import {
  insertCalibration,
  insertMatrixErrors,
  insertSweepPoint,
  openDatabase,
  projectById,
} from '../../../src/main/db/index.ts'
import { tableKey } from '../../../src/main/studio/errors.ts'
import type { Recipe } from '../../../src/shared/contract/sidecar/quantization.ts'
import { allotWithin, FIRST_CHOICES, preparedFor } from '../../../src/shared/sweep/choices.ts'
import { costOfRecipe, makeErrorTable } from '../../../src/shared/sweep/error-table.ts'
import { gridRecipes } from '../../../src/shared/sweep/grid.ts'
import { BASE, FIRST_BITS, FIRST_SPARSITIES } from '../../../src/shared/sweep/outlook.ts'
import { addProject, type Shape } from './fill-studio.ts'
import { madeUpErrors, SPARSITIES, WIDTHS } from './made-up-table.ts'

const TOKENS = 512
const REFERENCE = 5.47

/** A project of a made-up 7B with a table of errors, twelve points of the grid and three allotments measured. */
export function fillSweep(home: string, { layers = 32, name = 'Llama-7B' } = {}): number {
  const database = openDatabase(home)
  try {
    const shape: Shape = {
      family: 'llama',
      architecture: 'LlamaForCausalLM',
      dtype: 'F16',
      layers,
      width: 4096,
      mlp: 11_008,
      vocabulary: 32_000,
    }
    const path = join(home, 'checkpoints', name)
    mkdirSync(path, { recursive: true })
    const projectId = addProject(database, path, name, shape, Date.now())
    const fingerprint = `calibration of ${name}`
    const calibrationId = insertCalibration(database, {
      projectId,
      askedSamples: 100,
      textName: 'calibration.txt',
      textHash: 'c0ffee',
      now: Date.now(),
      result: {
        kind: 'calibration',
        out: join(home, 'calibrations', name),
        fingerprint,
        checkpointFingerprint: `fp-${path}`,
        estimator: 'sample',
        precision: 'fp32',
        samples: 100,
        length: TOKENS,
        loss: Math.log(REFERENCE),
        matrices: [],
        sizeBytes: 12_600_000_000,
        peakMemoryBytes: 21_000_000_000,
        durationMs: 214_000,
      },
    })
    const inspection = projectById(database, projectId)?.inspection
    if (!inspection) throw new Error('The project was not made.')
    const { rows: _, ...key } = tableKey(calibrationId, inspection, 'paper', { bits: WIDTHS, sparsities: SPARSITIES })
    const errors = inspection.matrices.map(madeUpErrors)
    for (const each of errors) insertMatrixErrors(database, key, each)
    const table = makeErrorTable(errors, inspection.embeddingBytes + inspection.otherBytes)
    const prepared = preparedFor(table, FIRST_CHOICES)
    const mixed = [2.6, 3.2, 4].flatMap((budget) => (prepared ? (allotWithin(prepared, budget)?.recipe ?? []) : []))
    for (const [index, recipe] of [...gridRecipes(BASE, FIRST_BITS, FIRST_SPARSITIES), ...mixed].entries())
      measure(recipe, index)
    return projectId

    function measure(recipe: Recipe, index: number) {
      const cost = costOfRecipe(table, recipe)
      if (!cost) throw new Error('A recipe lies outside of the table.')
      const deltaNll = 0.9 * (cost.objective / (2 * (TOKENS - 1))) ** 0.85 * (1 + 0.12 * Math.sin(3 * index))
      const perplexity = REFERENCE * Math.exp(deltaNll)
      insertSweepPoint(database, {
        projectId,
        calibrationFingerprint: fingerprint,
        recipe,
        textName: 'heldout.txt',
        textHash: 'beefbeefbeefbeef',
        windowLength: 2048,
        limitWindows: null,
        windows: 40,
        tokens: 40 * 2047,
        bos: 'none',
        precision: 'fp32',
        referenceNll: Math.log(REFERENCE),
        point: {
          bitsPerWeight: cost.bitsPerWeight,
          sizeBytes: cost.sizeBytes,
          objective: cost.objective,
          diverged: false,
          perplexity,
          meanNll: Math.log(perplexity),
          klMean: 0.8 * deltaNll,
          top1Agreement: Math.max(0.3, 1 - 0.6 * Math.sqrt(deltaNll)),
        },
        createdAt: Date.now(),
      })
    }
  } finally {
    database.close()
  }
}
