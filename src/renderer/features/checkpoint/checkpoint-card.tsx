import type { CheckpointFacts } from '../../../shared/contract/studio/index.ts'
import { CopyButton } from '../../ui/command.tsx'
import { Facts } from '../../ui/facts.tsx'
import { Panel, Section } from '../../ui/section.tsx'
import { count, exact, size } from '../../ui/units.ts'
import { ByteBar } from './byte-bar.tsx'
import { bytesByPart } from './parts.ts'
import classes from './checkpoint-card.module.css'

/** What the checkpoint is, and where its bytes are. */
export function CheckpointCard({ checkpoint }: { checkpoint: CheckpointFacts }) {
  return (
    <Section title="Checkpoint">
      <Panel padded>
        <div className={classes.card}>
          <ByteBar parts={bytesByPart(checkpoint)} totalBytes={checkpoint.sizeBytes} />
          <Facts facts={factsOf(checkpoint)} />
        </div>
      </Panel>
      {checkpoint.warnings.length > 0 && (
        <ul className={classes.warnings}>
          {checkpoint.warnings.map(({ code, message }) => (
            <li key={code}>{message}</li>
          ))}
        </ul>
      )}
    </Section>
  )
}

function factsOf(checkpoint: CheckpointFacts) {
  const { heads, kvHeads, headDim, slidingWindow } = checkpoint
  const shared = kvHeads === heads ? `${heads}` : `${heads} query, ${kvHeads} key/value`
  return [
    { name: 'Architecture', value: checkpoint.architecture },
    { name: 'Parameters', value: `${count(checkpoint.parameters)}, ${checkpoint.dtype}` },
    {
      name: 'Layers',
      value: `${checkpoint.layers}, ${exact(checkpoint.hiddenSize)} wide, MLP ${exact(checkpoint.intermediateSize)}`,
    },
    { name: 'Heads', value: `${shared}, ${headDim} wide` },
    {
      name: 'Vocabulary',
      value: `${exact(checkpoint.vocabularySize)} tokens${checkpoint.tiedEmbeddings ? ', head tied' : ''}`,
    },
    {
      name: 'Context',
      value: `${exact(checkpoint.contextLength)} tokens${slidingWindow ? `, window ${exact(slidingWindow)}` : ''}`,
    },
    ...(checkpoint.tokenizer ? [{ name: 'Tokenizer', value: checkpoint.tokenizer }] : []),
    { name: 'Size', value: <span title={`${exact(checkpoint.sizeBytes)} bytes`}>{size(checkpoint.sizeBytes)}</span> },
    {
      name: 'Folder',
      value: (
        <span className={classes.folder}>
          <span>{checkpoint.path}</span>
          <CopyButton text={checkpoint.path} label="Copy path" />
        </span>
      ),
    },
  ]
}
