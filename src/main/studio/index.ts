import { projectPlace } from '../../shared/contract/studio/place.ts'
import type { StudioApi } from './api.ts'
import {
  benchmark,
  benchmarkKernels,
  benchmarkShape,
  type BenchmarkOutcome,
  type BenchmarkSettings,
  type KernelBenchmarkOutcome,
  type ShapeBenchmarkRequest,
} from './benchmark.ts'
import { calibrate, type CalibrateOutcome, type CalibrateRequest } from './calibrate.ts'
import { makeForecaster, type ForecastOutcome } from './calibration-forecast.ts'
import { openChat, type ChatRequest, type ChatSession } from './chat.ts'
import { createContext, type StudioOptions } from './context.ts'
import { doctor, type Doctor } from './doctor.ts'
import { evaluate, type EvaluateOutcome, type EvaluateRequest } from './evaluate.ts'
import { exportResult, type ExportRequest } from './export.ts'
import { inspect, type Inspection } from './inspect.ts'
import { mainJob, type MainJobOutcome, type MainJobRequest } from './main-job.ts'
import { forgetProject, projectNamed, projectSummaries, type NamedProject } from './projects.ts'
import { makePageApi } from './requests.ts'
import { quantize, type QuantizeOutcome, type QuantizeRequest } from './quantize.ts'
import type { RunOptions } from './recording.ts'
import {
  allocateRecipe,
  sweep,
  type RecipeOutcome,
  type RecipeRequest,
  type SweepOutcome,
  type SweepRequest,
} from './sweep-job.ts'
import { sweepReportText } from './sweep-report.ts'
import type { SweepPart } from './sweep-requests.ts'
import { findWikiText } from './wiki-text.ts'
import { synthesize, type SynthesizeRequest } from './synthesize.ts'
import type { ExportResult } from '../../shared/contract/sidecar/export.ts'
import type { SynthesisResult } from '../../shared/contract/sidecar/synthesis.ts'
import type { ProjectSummary } from '../../shared/contract/studio/index.ts'

/**
 * The studio without a page: one folder of records, one sidecar. Every shell stands on these calls. What takes long
 * reports progress, can be cancelled by a signal, and throws StudioError.
 */
export type Studio = {
  home: string
  /** Folder of the program, with resources and builds. */
  root: string
  version: string
  inspect(path: string, options?: RunOptions): Promise<Inspection>
  calibrate(request: CalibrateRequest, options?: RunOptions): Promise<CalibrateOutcome>
  /** What a calibration would need; nothing is made. */
  forecastCalibration(request: CalibrateRequest, options?: RunOptions): Promise<ForecastOutcome>
  /** Training part of WikiText-2 raw, where the person has it. */
  wikiText(): string | undefined
  quantize(request: QuantizeRequest, options?: RunOptions): Promise<QuantizeOutcome>
  evaluate(request: EvaluateRequest, options?: RunOptions): Promise<EvaluateOutcome>
  export(request: ExportRequest, options?: RunOptions): Promise<ExportResult>
  openChat(request: ChatRequest, options?: RunOptions): Promise<ChatSession>
  mainJob(request: MainJobRequest, options?: Omit<RunOptions, 'record'>): Promise<MainJobOutcome>
  /** Measures many recipes without writing results. */
  sweep(request: SweepRequest, options?: RunOptions): Promise<SweepOutcome>
  /** What a project knows of a sweep, as an HTML page. */
  sweepReport(projectId: number, part: SweepPart): string
  /** A recipe within a budget. */
  allocate(request: RecipeRequest, options?: RunOptions): Promise<RecipeOutcome>
  /** Speed and memory of models, side by side. */
  benchmark(request: BenchmarkSettings & { models: string[] }, options?: RunOptions): Promise<BenchmarkOutcome>
  /** Of models of random weights, made for it. */
  benchmarkShape(request: ShapeBenchmarkRequest, options?: RunOptions): Promise<BenchmarkOutcome>
  /** Of single matrix products. */
  benchmarkKernels(request: BenchmarkSettings, options?: RunOptions): Promise<KernelBenchmarkOutcome>
  /** A model of random weights. */
  synthesize(request: SynthesizeRequest, options?: RunOptions): Promise<SynthesisResult>
  doctor(options?: { record?: boolean | undefined }): Promise<Doctor>
  projects: {
    list(): (ProjectSummary & { slug: string })[]
    /** By slug or number. */
    named(name: string): NamedProject
    remove(id: number, options?: { files?: boolean }): boolean
  }
  /** The place in the page of the project that changed last, as a fragment of its address; "" when there is none. */
  latestPlace(): string
  /** What a page may ask and is told, for the shells that show one. */
  pageApi(): StudioApi
  close(): Promise<void>
  /** Ends the sidecar at once, for a person who does not want to wait. */
  kill(): void
}

export function openStudio(options: StudioOptions = {}): Studio {
  const context = createContext(options)
  return {
    home: context.home,
    root: context.root,
    version: context.version,
    inspect: (path, run) => inspect(context, path, run),
    calibrate: (request, run) => calibrate(context, request, run),
    forecastCalibration: makeForecaster(context),
    wikiText: () => findWikiText(context.places),
    quantize: (request, run) => quantize(context, request, run),
    evaluate: (request, run) => evaluate(context, request, run),
    export: (request, run) => exportResult(context, request, run),
    openChat: (request, run) => openChat(context, request, run),
    mainJob: (request, run) => mainJob(context, request, run),
    sweep: (request, run) => sweep(context, request, run),
    sweepReport: (projectId, part) => sweepReportText(context, projectId, part),
    allocate: (request, run) => allocateRecipe(context, request, run),
    benchmark: (request, run) => benchmark(context, request, run),
    benchmarkShape: (request, run) => benchmarkShape(context, request, run),
    benchmarkKernels: (request, run) => benchmarkKernels(context, request, run),
    synthesize: (request, run) => synthesize(context, request, run),
    doctor: (run) => doctor(context, run),
    projects: {
      list: () => projectSummaries(context),
      named: (name) => projectNamed(context, name),
      remove: (id, run) => forgetProject(context, id, run),
    },
    latestPlace: () => {
      const [latest] = projectSummaries(context)
      return latest ? projectPlace(latest.id) : ''
    },
    pageApi: () => makePageApi(context),
    close: context.close,
    kill: () => context.sidecar.kill(),
  }
}

export type { BenchmarkMachine, BenchmarkOutcome, KernelBenchmarkOutcome } from './benchmark.ts'
export type { CalibrateOutcome, CalibrateRequest } from './calibrate.ts'
export type { ForecastOutcome } from './calibration-forecast.ts'
export type { ChatAnswer, ChatRequest, ChatSession, ChatTurn } from './chat.ts'
export type { StudioOptions } from './context.ts'
export type { Doctor } from './doctor.ts'
export type { EvaluateOutcome, EvaluateRequest } from './evaluate.ts'
export type { ExportRequest } from './export.ts'
export type { Inspection } from './inspect.ts'
export type { MainJobOutcome, MainJobRequest } from './main-job.ts'
export type { NamedProject } from './projects.ts'
export type { JobProgress } from './progress.ts'
export type { QuantizeOutcome, QuantizeRequest } from './quantize.ts'
export type { RunOptions } from './recording.ts'
export type { RecipeOutcome, RecipeRequest, SweepOutcome, SweepRequest, SweptPoint } from './sweep-job.ts'
export { findRoot, samplePaths } from './root.ts'
export { SHAPES } from './shapes.ts'
