import type { Project, ResultDetails, ResultSummary } from '../../../shared/contract/studio/index.ts'
import { beyondPaper, beyondPaperWords } from '../../../shared/recipe/beyond-paper.ts'
import { CopyButton, Command } from '../../ui/command.tsx'
import { Ago } from '../../ui/data-table.tsx'
import { Facts } from '../../ui/facts.tsx'
import { Panel, Section } from '../../ui/section.tsx'
import { shellQuoted } from '../../ui/shell-quoted.ts'
import { duration, exact, percent } from '../../ui/units.ts'
import classes from './result-page.module.css'

type Props = { project: Project; result: ResultSummary }
type AboutProps = Props & { refinement: ResultDetails['refinement']; nowMs: number }

/** Where it came from and where it is. */
export function About({ project, result, refinement, nowMs }: AboutProps) {
  const { recipe, path, fingerprint, durationMs, createdAtMs, sizeBytes } = result
  const { refine, ...asClustered } = recipe
  const beyond = beyondPaper(asClustered).length > 0 ? [beyondPaperWords(asClustered).join(', ')] : []
  const calibration = project.calibrations.find(({ id }) => id === result.calibrationId)
  return (
    <Section title="About">
      <Panel padded>
        <Facts
          facts={[
            {
              name: 'Folder',
              value: (
                <span className={classes.path}>
                  {path} <CopyButton text={path} label="Copy path of the result" />
                </span>
              ),
            },
            { name: 'Weight files', value: `${exact(sizeBytes)} bytes` },
            { name: 'Bits of an index', value: String(recipe.bits) },
            { name: 'Kept exactly', value: recipe.sparsity > 0 ? percent(recipe.sparsity) : 'nothing' },
            ...beyond.map((value) => ({ name: 'Beyond the paper', value })),
            {
              name: 'Sensitivity',
              value: calibration
                ? `learnt from ${calibration.textName ?? 'a text'}, ${exact(calibration.samples)} × ${exact(calibration.length)} tokens`
                : recipe.weighting === 'none'
                  ? 'none: every weight alike'
                  : 'of a calibration that the project does not have',
            },
            ...(refine ? [{ name: 'Refined', value: refinementText(refine, refinement) }] : []),
            {
              name: 'Made',
              value: (
                <>
                  <Ago thenMs={createdAtMs} nowMs={nowMs} />
                  {durationMs !== undefined && `, in ${duration(durationMs)}`}
                </>
              ),
            },
            { name: 'Fingerprint', value: <code>{fingerprint.slice(0, 16)}</code> },
          ]}
        />
      </Panel>
    </Section>
  )
}

function refinementText(steps: number, refinement: ResultDetails['refinement']): string {
  if (!refinement) return `in ${exact(steps)} steps`
  const { bestStep, heldOut, before, after } = refinement
  if (bestStep === 0) return `${exact(steps)} steps tried, none better on ${exact(heldOut)} held-out samples: unchanged`
  const [from, to] = [before, after].map((kl) => kl.toPrecision(3))
  return `${exact(steps)} steps, the best after ${exact(bestStep)}: KL ${from} → ${to} nats/token on ${exact(heldOut)} held-out samples`
}

/** The same folder from a terminal. */
export function Usage({ project, result }: Props) {
  const [folder, checkpoint] = [result.path, project.checkpoint.path].map(shellQuoted)
  const uses = [
    { what: 'Talk to it', line: `squeeze chat ${folder}` },
    { what: 'Measure its speed beside the checkpoint', line: `squeeze bench ${checkpoint} ${folder}` },
    { what: 'Measure it on a text of yours', line: `squeeze evaluate ${folder} --against ${checkpoint} --text FILE` },
  ]
  return (
    <Section title="From a terminal">
      <Panel padded>
        <div className={classes.uses}>
          {uses.map(({ what, line }) => (
            <div key={what}>
              <p className={classes.use}>{what}</p>
              <Command line={line} />
            </div>
          ))}
        </div>
      </Panel>
    </Section>
  )
}
