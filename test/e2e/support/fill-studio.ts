/**
 * A studio's folder as if work had been done in it: every state that a page must show and that a real run reaches only
 * by luck. The numbers are made up; they have the size that such models give.
 */
import { mkdirSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { CheckpointInspectResult } from '../../../src/shared/contract/sidecar/checkpoint.ts'
import type { Recipe } from '../../../src/shared/contract/sidecar/quantization.ts'
import {
  endJob,
  insertCalibration,
  insertEvaluation,
  insertJob,
  insertResult,
  openDatabase,
  updateJobProgress,
  upsertProject,
  type Database,
} from '../../../src/main/db/index.ts'

const MINUTE = 60_000
type Filled = { measured: number; fresh: number; jobs: { running: number } }

/** Fills the database in `home`; checkpoints are empty folders under `home`, and one is missing. */
export function fillStudio(home: string, now = Date.now()): Filled {
  const database = openDatabase(home)
  try {
    const measured = addMeasured(database, home, now)
    const gone = addProject(
      database,
      join(home, 'moved', 'Qwen3-0.6B'),
      'Qwen3-0.6B',
      bigger,
      now - 9 * 24 * 60 * MINUTE,
    )
    const fresh = addProject(
      database,
      folder(home, 'checkpoints', 'TinyStories-656K'),
      'TinyStories-656K',
      small,
      now - 26 * 60 * MINUTE,
    )
    const running = insertJob(database, {
      projectId: measured,
      kind: 'quantization',
      params: {},
      host: hostname(),
      processId: process.ppid,
      now: now - MINUTE,
    })
    updateJobProgress(database, running, {
      stage: 'Clustering rows',
      fraction: 0.42,
      rate: 21_400_000,
      rateUnit: 'weights/s',
      remainingMs: 34_000,
      detail: 'model.layers.3.mlp.up_proj.weight',
    })
    void gone
    return { measured, fresh, jobs: { running } }
  } finally {
    database.close()
  }
}

function addMeasured(database: Database, home: string, now: number): number {
  const id = addProject(database, folder(home, 'checkpoints', 'sample'), 'sample', sample, now - 3 * 60 * MINUTE)
  const calibration = insertCalibration(database, {
    projectId: id,
    askedSamples: 100,
    textName: 'calibration.txt',
    textHash: 'c0ffee',
    now: now - 70 * MINUTE,
    result: {
      kind: 'calibration',
      out: folder(home, 'calibrations', '1'),
      fingerprint: 'cal',
      checkpointFingerprint: 'ck',
      estimator: 'sample',
      precision: 'fp32',
      samples: 100,
      length: 512,
      loss: 1.214,
      matrices: [],
      sizeBytes: 12_600_000,
      peakMemoryBytes: 210_000_000,
      durationMs: 21_400,
    },
  })
  const runs: [Partial<Recipe>, number, number, number, number, number][] = [
    [{ bits: 4, sparsity: 0.0045 }, 5.14, 2_960_000, 3.412, 0.0121, 0.961],
    [{ bits: 3, sparsity: 0.0045 }, 3.72, 2_410_000, 3.561, 0.0564, 0.918],
    [{ bits: 3, sparsity: 0 }, 3.5, 2_330_000, 3.683, 0.0883, 0.894],
    [{ bits: 3, sparsity: 0, method: 'rtn', weighting: 'none' }, 3.12, 2_190_000, 5.934, 0.5417, 0.702],
    [{ bits: 3, sparsity: 0, weighting: 'none' }, 3.5, 2_330_000, 3.792, 0.1132, 0.882],
  ]
  for (const [index, [recipe, bitsPerWeight, sizeBytes, perplexity, klMean, top1Agreement]] of runs.entries()) {
    const made = now - (60 - 9 * index) * MINUTE
    const resultId = addResult(database, home, id, calibration, recipe, bitsPerWeight, sizeBytes, made)
    addEvaluation(database, id, resultId, { perplexity, klMean, top1Agreement, length: 512 }, made)
  }
  addEvaluation(database, id, undefined, { perplexity: 3.297, length: 128 }, now - 20 * MINUTE)
  const failed = insertJob(database, {
    projectId: id,
    kind: 'evaluation',
    params: {},
    host: hostname(),
    processId: 1,
    now: now - 18 * MINUTE,
  })
  endJob(database, failed, {
    state: 'failed',
    now: now - 17.9 * MINUTE,
    error: {
      code: 'tensor-missing',
      message: 'model.safetensors has no tensor "model.layers.5.mlp.down_proj.qweight".',
      stage: 'open',
      layer: 5,
      tensor: 'model.layers.5.mlp.down_proj.qweight',
      retryable: false,
      hint: 'Squeeze the checkpoint again.',
    },
  })
  const done = insertJob(database, {
    projectId: id,
    kind: 'calibration',
    params: {},
    host: hostname(),
    processId: 1,
    now: now - 71 * MINUTE,
  })
  endJob(database, done, { state: 'done', now: now - 70.5 * MINUTE })
  return id
}

function addResult(
  database: Database,
  home: string,
  projectId: number,
  calibrationId: number,
  recipe: Partial<Recipe>,
  bitsPerWeight: number,
  sizeBytes: number,
  now: number,
): number {
  const full: Recipe = {
    method: 'squeezellm',
    bits: 3,
    sparsity: 0,
    outliers: 'paper',
    solver: 'exact',
    weighting: 'fisher',
    ...recipe,
  }
  const out = folder(home, 'results', `${projectId}-${full.method}-${full.weighting}-${full.bits}-${full.sparsity}`)
  return insertResult(database, {
    projectId,
    calibrationId,
    now,
    result: {
      kind: 'quantization',
      out,
      fingerprint: out,
      checkpointFingerprint: 'ck',
      recipe: full,
      bitsPerWeight,
      sizeBytes,
      checkpointSizeBytes: 8_620_000,
      fp16SizeBytes: 8_620_000,
      objective: 1,
      matrices: [],
      resumedMatrices: 0,
      peakMemoryBytes: 120_000_000,
      durationMs: 3_800,
    },
  })
}

function addEvaluation(
  database: Database,
  projectId: number,
  resultId: number | undefined,
  measured: { perplexity: number; klMean?: number; top1Agreement?: number; length: number },
  now: number,
): void {
  const { perplexity, klMean, top1Agreement = 0, length } = measured
  const divergence = klMean === undefined ? {} : { divergence: { klMean, top1Agreement, againstPerplexity: 3.352 } }
  insertEvaluation(database, {
    projectId,
    resultId,
    modelFingerprint: resultId === undefined ? `fp-${pathOf(database, projectId)}` : `m-${resultId}`,
    textName: 'heldout.txt',
    textHash: 'beefbeefbeefbeef',
    bos: 'none',
    limitWindows: undefined,
    againstPath: klMean === undefined ? undefined : pathOf(database, projectId),
    now,
    result: {
      kind: 'evaluation',
      diverged: false,
      perplexity,
      meanNll: Math.log(perplexity),
      precision: 'fp32',
      tokens: 40 * (length - 1),
      windows: 40,
      windowLength: length,
      peakMemoryBytes: 90_000_000,
      durationMs: 5_200,
      ...divergence,
    },
  })
}

function pathOf(database: Database, projectId: number): string {
  return database
    .prepare('SELECT c.path FROM projects p JOIN checkpoints c ON c.id = p.checkpoint_id WHERE p.id = ?')
    .pluck()
    .get(projectId) as string
}

export function addProject(database: Database, path: string, name: string, shape: Shape, now: number): number {
  return upsertProject(database, { inspection: inspection(path, shape), tokenizer: 'byte-level BPE', name, now }).id
}

export type Shape = {
  family: string
  architecture: string
  dtype: string
  layers: number
  width: number
  mlp: number
  vocabulary: number
}

const llama = { family: 'llama', architecture: 'LlamaForCausalLM', dtype: 'F16' }
const sample: Shape = { ...llama, layers: 5, width: 256, mlp: 688, vocabulary: 2048 }
const small: Shape = { ...llama, layers: 2, width: 128, mlp: 384, vocabulary: 2048 }
const bigger: Shape = {
  family: 'qwen3',
  architecture: 'Qwen3ForCausalLM',
  dtype: 'BF16',
  layers: 28,
  width: 1024,
  mlp: 3072,
  vocabulary: 151_936,
}

function inspection(path: string, shape: Shape): CheckpointInspectResult {
  const { family, architecture, dtype, layers, width, mlp, vocabulary } = shape
  const sizes = {
    q: [width, width],
    k: [width, width],
    v: [width, width],
    o: [width, width],
    gate: [mlp, width],
    up: [mlp, width],
    down: [width, mlp],
  }
  const matrices = Array.from({ length: layers }, (_, layer) =>
    Object.entries(sizes).map(([role, [rows = 0, cols = 0]]) => ({
      name: `model.layers.${layer}.${role}_proj.weight`,
      layer,
      role,
      rows,
      cols,
      storedAs: dtype,
      sizeBytes: rows * cols * 2,
    })),
  ).flat()
  const embeddingBytes = vocabulary * width * 2
  const otherBytes = (2 * layers + 1) * width * 2
  const sizeBytes = matrices.reduce((sum, matrix) => sum + matrix.sizeBytes, embeddingBytes + otherBytes)
  return {
    path,
    kind: 'dense',
    family,
    architecture,
    dtype,
    parameters: sizeBytes / 2,
    layers,
    hiddenSize: width,
    intermediateSize: mlp,
    heads: 8,
    kvHeads: 8,
    headDim: width / 8,
    vocabularySize: vocabulary,
    contextLength: 1024,
    tiedEmbeddings: true,
    sizeBytes,
    embeddingBytes,
    otherBytes,
    fingerprint: `fp-${path}`,
    matrices,
    bitsPerWeight: 16,
    warnings: [],
  }
}

function folder(...parts: string[]): string {
  const path = join(...parts)
  mkdirSync(path, { recursive: true })
  return path
}
