import { NumberInput, SegmentedControl } from '@mantine/core'
import { useState } from 'react'
import type { ChatForm, ChatSettings } from '../../../shared/contract/studio/index.ts'
import { choose } from '../../stores/chat.ts'
import { Panel, Section } from '../../ui/section.tsx'
import classes from './chat-page.module.css'

type Props = { settings: ChatSettings; hasTemplate: boolean }

/** How tokens are drawn: the same for both models. */
export function SamplingPanel({ settings, hasTemplate }: Props) {
  const { sampling, maxTokens, form } = settings
  const set = (name: keyof ChatSettings['sampling']) => (value: number) =>
    choose({ sampling: { ...sampling, [name]: value } })
  return (
    <Section title="Sampling" note="same for both">
      <Panel padded>
        <div className={classes.fields}>
          <Field label="Temperature" value={sampling.temperature} set={set('temperature')} max={10} step={0.1} />
          <Field label="Seed" value={sampling.seed} set={set('seed')} max={2 ** 31 - 1} whole />
          <Field label="Top-k" value={sampling.topK} set={set('topK')} max={1_000_000} whole />
          <Field label="Top-p" value={sampling.topP} set={set('topP')} max={1} step={0.05} />
          <Field label="Min-p" value={sampling.minP} set={set('minP')} max={1} step={0.01} />
          <Field
            label="Repetition penalty"
            value={sampling.repetitionPenalty}
            set={set('repetitionPenalty')}
            min={0.1}
            max={10}
            step={0.05}
          />
          <Field
            label="Most tokens"
            value={maxTokens}
            set={(value) => choose({ maxTokens: value })}
            min={1}
            max={1_048_576}
            whole
          />
        </div>
        <p className={classes.words}>
          Temperature 0 takes the likeliest token. Top-k 0, top-p 1 and min-p 0 drop none.
        </p>
        <SegmentedControl
          fullWidth
          size="xs"
          aria-label="What the models are given"
          className={classes.form}
          value={form}
          onChange={(value) => choose({ form: value })}
          data={[
            { value: 'template', label: 'Chat template', disabled: !hasTemplate },
            { value: 'text', label: 'Carry text on' },
          ]}
        />
        <p className={classes.words}>{formWords(form, hasTemplate)}</p>
      </Panel>
    </Section>
  )
}

function formWords(form: ChatForm, hasTemplate: boolean): string {
  if (form === 'template') return "Turns go through the tokenizer's chat template, each column with its own answers."
  const why = hasTemplate ? '' : 'The tokenizer has no chat template. '
  return `${why}What stands in a column is carried on as plain text, without roles.`
}

type FieldProps = {
  label: string
  value: number
  set: (value: number) => void
  min?: number
  max: number
  step?: number
  whole?: boolean
}

/** What is typed counts once it is a number; an empty field goes back to what counts. */
function Field({ label, value, set, min = 0, max, step = 1, whole = false }: FieldProps) {
  const [typed, setTyped] = useState<string | number>(value)
  return (
    <NumberInput
      size="xs"
      label={label}
      value={typed}
      min={min}
      max={max}
      step={step}
      allowDecimal={!whole}
      allowNegative={false}
      clampBehavior="strict"
      onChange={(next) => {
        setTyped(next)
        if (typeof next === 'number' && next >= min) set(next)
      }}
      onBlur={() => setTyped(value)}
    />
  )
}
