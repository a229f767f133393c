import { Command } from 'commander'
import { findRoot } from '../studio/index.ts'
import { registerBench } from './commands/bench.ts'
import { registerCalibrate } from './commands/calibrate.ts'
import { registerChat } from './commands/chat.ts'
import { registerDoctor } from './commands/doctor.ts'
import { registerEvaluate } from './commands/evaluate.ts'
import { registerExport } from './commands/export.ts'
import { registerInspect } from './commands/inspect.ts'
import { registerProjects } from './commands/projects.ts'
import { registerQuantize } from './commands/quantize.ts'
import { registerRecipe } from './commands/recipe.ts'
import { registerRun } from './commands/run.ts'
import { registerServe } from './commands/serve.ts'
import { registerSweep } from './commands/sweep.ts'
import { registerSynthesize } from './commands/synthesize.ts'

/** The commands in the order a person needs them. */
const REGISTER = [
  registerRun,
  registerInspect,
  registerCalibrate,
  registerSweep,
  registerRecipe,
  registerQuantize,
  registerEvaluate,
  registerChat,
  registerExport,
  registerBench,
  registerSynthesize,
  registerProjects,
  registerServe,
  registerDoctor,
]

export function makeProgram(): Command {
  const program = new Command('squeeze')
    .description('See where a language model can be squeezed, squeeze it, and prove what was lost and won.')
    .version(findRoot().version)
    .showSuggestionAfterError()
    .configureHelp({ sortOptions: false })
  for (const register of REGISTER) register(program)
  return program
}
